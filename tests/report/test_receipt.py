import io
import json
import re

import pytest
from rich.console import Console

from hokusai_mlflow.evidence import canonical
from hokusai_mlflow.report.receipt import HEADLINES, ContributorLine, Receipt, cell, delta_one
from hokusai_mlflow.report.terminal import show

HOSTILE = [
    "<script>alert(1)</script>",
    "a | b",
    "a\n| x | y |",
    "a\r\n\r\n# heading",
    "`code` ``` fence",
    "[link](javascript:alert(1))",
    "![pixel](https://example.org/p.png)",
    "back\\| slash",
    "<!-- comment",
    "&lt;img&gt;",
    "\u2028## line",
    "[bold red]markup[/bold red] [/]",
]


def receipt(**changed):
    given = {
        "outcome": "promoted",
        "model": "digits",
        "metric": "accuracy",
        "message": "version 2 is the champion of digits now",
        "attempt": "ab" * 8,
        "run_id": "run",
        "champion_version": 1,
        "candidate_version": 2,
        "scores": {"accuracy": (0.8, 0.83), "f1": (0.79, 0.82)},
        "comparison": {
            "improvement_bps": 300.0,
            "ci_low_bps": 220.4,
            "ci_high_bps": 380.0,
            "p_value": 0.0001,
            "level": 0.0025,
        },
        "decision": {
            "verdict": "promote",
            "signature": "accuracy|n:10",
            "findings": [
                {
                    "code": "significance",
                    "outcome": "passed",
                    "message": "really better",
                    "figures": {},
                    "remedy": "",
                },
                {
                    "code": "enough-evidence",
                    "outcome": "insufficient",
                    "message": "too little",
                    "figures": {},
                    "remedy": "bring 9,800 examples",
                },
            ],
        },
        "payment": {
            "policy": "fresh",
            "measured_bps": 250,
            "paid_bps": 225,
            "n": 1_000,
            "reason": "",
        },
        "settlement": {"state": "confirmed", "tx_hash": "0x" + "ee" * 32},
        "contributors": (
            ContributorLine(
                "north",
                "0xa1",
                100,
                90,
                {"copy.reference": 10},
                0.02,
                0.001,
                7_000,
                str(11 * 10**17),
            ),
            ContributorLine("south", "0xa2", 50, 0, {"copy.holdout-1": 50}),
        ),
        "owner": "0xaa",
        "owner_wei": str(675 * 10**15),
        "evidence": "dd" * 32,
    }
    return Receipt(**(given | changed))


def terminal(shown, **options):
    console = Console(file=io.StringIO(), width=130)
    show(shown, console, **options)
    return console.file.getvalue()


OUTCOMES = {
    "promoted": {},
    "baseline": {
        "champion_version": None,
        "comparison": {},
        "decision": {},
        "payment": {},
        "settlement": {},
        "contributors": (),
        "evidence": "",
    },
    "hold": {"payment": {}, "settlement": {}, "evidence": ""},
    "reject": {"payment": {}, "settlement": {}, "evidence": ""},
    "refused": {"payment": {}, "settlement": {}, "evidence": ""},
    "awaiting": {"payment": {}, "settlement": {}, "evidence": ""},
    "rating": {
        "scores": {},
        "comparison": {},
        "decision": {},
        "payment": {},
        "settlement": {},
        "evidence": "",
    },
    "nothing_new": {
        "scores": {},
        "comparison": {},
        "decision": {},
        "payment": {},
        "settlement": {},
        "evidence": "",
        "run_id": "",
        "candidate_version": None,
    },
}


def test_there_is_a_headline_for_every_outcome():
    assert set(OUTCOMES) == set(HEADLINES)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_comes_back_from_the_ledger_and_renders(outcome):
    given = receipt(outcome=outcome, **OUTCOMES[outcome])
    stored = json.loads(canonical(given.to_dict()))
    assert Receipt.from_dict(stored) == given
    markdown = given.to_markdown()
    assert markdown.startswith(f"## {HEADLINES[outcome]}")
    assert given.message in markdown
    shown = terminal(given)
    assert HEADLINES[outcome] in shown
    assert given.message in shown
    assert Receipt.from_dict(stored).to_markdown() == markdown


def test_the_figures_are_in_both_renderings():
    for shown in (receipt().to_markdown(), terminal(receipt())):
        for figure in (
            "+300",
            "+220",
            "+380",
            "0.83",
            "225 bps",
            "1.775000",
            "70.00 %",
            "0x" + "ee",
        ):
            assert figure in shown
        assert "bring 9,800 examples" in shown
        assert "90" in shown
        assert "development chain" in shown
    assert "copy.reference: 10" in receipt().to_markdown()


def test_a_public_chain_is_not_called_a_development_chain():
    public = receipt(development=False)
    assert "development" not in public.to_markdown()
    assert "development" not in terminal(public)


def test_nothing_paid_says_why():
    payment = {"policy": "fresh", "measured_bps": 3, "paid_bps": 0, "n": 9, "reason": "too small"}
    for shown in (
        receipt(payment=payment, settlement={}).to_markdown(),
        terminal(receipt(payment=payment, settlement={})),
    ):
        assert "Nothing is paid: too small." in shown


def test_where_to_look_next_is_last():
    lines = terminal(receipt(), next_steps=("hokusai ui", "hokusai ledger digits")).splitlines()
    assert "hokusai ledger digits" in lines[-2]


def _rows(markdown):
    return [line for line in markdown.split("\n") if line.startswith("|")]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_cannot_leave_its_place_in_markdown(text):
    plain, hostile = (
        receipt(),
        receipt(
            message=text,
            contributors=(
                ContributorLine(text, "0xa1", 1, 1, {text: 1}),
                ContributorLine("south", "0xa2", 50, 0, {"copy.holdout-1": 50}),
            ),
            payment=receipt().payment | {"paid_bps": 0, "reason": text},
            decision={
                "verdict": "reject",
                "signature": text,
                "findings": [
                    {
                        "code": text,
                        "outcome": "failed",
                        "message": text,
                        "figures": {},
                        "remedy": text,
                    },
                    receipt().decision["findings"][1],
                ],
            },
        ),
    )
    written = hostile.to_markdown()
    assert len(_rows(written)) == len(_rows(plain.to_markdown()))
    assert len(written.splitlines()) == len(plain.to_markdown().splitlines())
    assert all(
        _cells(row) == _cells(other)
        for row, other in zip(_rows(written), _rows(plain.to_markdown()), strict=True)
    )
    # In a code span, which the signature is in, brackets are text.
    outside = re.sub("`[^`]*`", "", written)
    assert "`" not in outside
    for dangerous in ("<script", "<!--", "[link]", "![", "<img"):
        assert dangerous not in outside


def _cells(row):
    """Cells of a table row; a pipe behind an odd number of backslashes is text."""
    count, escaped = 0, False
    for letter in row:
        count += letter == "|" and not escaped
        escaped = letter == "\\" and not escaped
    return count


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_on_the_terminal(text):
    shown = terminal(receipt(message=text, model="digits"))
    assert "markup" not in text or "[bold red]markup" in shown
    named = receipt(contributors=(ContributorLine(text, "0xa1", 1, 1, {text: 1}),))
    decided = receipt().decision | {
        "findings": [
            {"code": text, "outcome": "failed", "message": text, "figures": {}, "remedy": text}
        ]
    }
    terminal(named)
    assert "markup" not in text or "[bold red]markup" in terminal(named)
    assert "markup" not in text or "[bold red]markup" in terminal(receipt(decision=decided))


def test_a_message_cannot_pretend_to_be_a_heading():
    forged = receipt(message="## Promoted: +900 bps").to_markdown()
    assert sum(line.startswith("## ") for line in forged.splitlines()) == 1
    assert "\n\\## Promoted" in forged


def test_cells_keep_what_is_harmless():
    assert cell("−skew/√n = 0.04 ≤ 0.10") == "−skew/√n = 0.04 ≤ 0.10"
    assert cell(3) == "3"


def test_wei_are_exact_beyond_floats():
    assert delta_one(10**24 + 10**12) == "1,000,000.000001"
    assert delta_one(str(10**24 - 1)) == "999,999.999999"
    assert delta_one("0") == "0.000000"


def test_paid_means_confirmed():
    assert receipt().paid
    for state in ("intent", "broadcast", "failed"):
        assert not receipt(settlement={"state": state, "tx_hash": None}).paid
    assert not receipt(settlement={}).paid
    assert receipt().total_wei == 1_775 * 10**15


def _guarded(**changed):
    row = {
        "name": "f1 where sex=<b>",
        "n": 1_234,
        "margin_bps": 200.0,
        "improvement_bps": 12.4,
        "p_value": 0.004,
        "p_adjusted": 0.008,
        "outcome": "passed",
        "why_not": "",
        "required_n": None,
    } | changed
    finding = {"code": "guardrails", "outcome": row["outcome"], "message": "1 of 1 not worse"}
    finding |= {"figures": {"alpha": 0.05, "rows": [row]}, "remedy": ""}
    return receipt(decision={"verdict": "promote", "signature": "s", "findings": [finding]})


def test_guardrails_and_slices_are_shown_in_a_row_each():
    shown = _guarded()
    line = "f1 where sex=<b>, n = 1,234: +12 bps of at worst −200, p = 0.008"
    assert line in terminal(shown)
    assert "| f1 where sex=&lt;b&gt; | 1,234 | +12 | −200 | 0.008 | passed |" in shown.to_markdown()


def test_a_guardrail_without_enough_evidence_shows_no_measurement():
    nothing = {"improvement_bps": None, "p_value": None, "p_adjusted": None}
    shown = _guarded(**nothing, outcome="insufficient")
    assert "n = 1,234: too little to tell a loss of 200 bps" in terminal(shown)
    assert "| 1,234 |  | −200 |  | insufficient |" in shown.to_markdown()


def test_what_was_not_asked_for_takes_no_line_of_the_terminal():
    finding = {"code": "blocks", "outcome": "not_applicable", "message": "the spec names no blocks"}
    finding |= {"figures": {}, "remedy": ""}
    shown = receipt(decision={"verdict": "hold", "signature": "s", "findings": [finding]})
    assert "blocks" not in terminal(shown)
    assert "the spec names no blocks" in shown.to_markdown()
