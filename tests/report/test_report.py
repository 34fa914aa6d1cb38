"""One report object: equal figures everywhere, foreign text as text, standing and verdict."""

import copy
import html
import json
import re
from html.parser import HTMLParser

import pytest
from report_samples import ADDRESSES, HOSTILE, WEI, altered, sample, settlement

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.report import Report
from hokusai_mlflow.report.standalone import forest_svg
from hokusai_mlflow.report.words import cell, plain

VOID = {"meta", "link", "br", "img", "input"}


@pytest.fixture(scope="module")
def report():
    return sample()


class Read(HTMLParser):
    """Tags, attributes and visible text of a page; fails on tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def _unescaped(markdown: str) -> str:
    return re.sub(r"\\([\\|\[\]*_~#+=-])", r"\1", html.unescape(markdown))


def test_every_figure_is_the_same_in_every_rendering(report):
    """Cells of tables, tiles and facts are finished text of the one object."""
    page = "".join(Read(report.to_html()).text)
    fragment = "".join(Read(report.to_html(fragment=True, style=False)).text)
    markdown, text = _unescaped(report.to_markdown()), report.to_text()
    figures = [tile.main for tile in report.tiles] + [tile.detail for tile in report.tiles]
    for section in report.sections:
        figures += [section.told, *(value for _, value in section.facts), section.command]
        figures += [pair.said for pair in section.pairs]
        if section.table:
            figures += [cell for line in section.table.lines for cell in line.cells]
    assert len(figures) > 100
    for figure in filter(None, figures):
        for rendering in (page, fragment, markdown, text):
            assert figure in rendering, figure


def test_the_figures_are_those_of_the_evidence(report):
    c = report.comparison
    (forest,) = [one for one in report.sections if one.name == "difference"]
    first = forest.table.lines[0].cells
    assert first[0] == "accuracy"
    assert first[1] == f"{c['n']:,}"
    assert first[2:4] == (f"{c['baseline']:.4f}", f"{c['candidate']:.4f}")
    assert first[4] == f"{c['improvement_bps']:+,.0f}"
    assert first[5] == f"{c['ci_low_bps']:+,.0f} to {c['ci_high_bps']:+,.0f}"
    people = {one["name"]: one for one in report.contributors}
    assert people["east"]["wei"] == 49 * WEI // 10
    assert people["west"]["wei"] == 0
    assert people["east"]["excluded"] == {"copy": 20}


def test_it_comes_back_from_json(report):
    stored = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    again = Report.from_dict(stored)
    assert again.to_html() == report.to_html()
    assert again.to_markdown() == report.to_markdown()
    kept = report.beside()
    assert "document" not in kept, "the ledger has the evidence already"
    made = Report.from_evidence(report.document, report.settlement, **kept)
    assert made.to_html() == report.to_html()


def test_the_page_needs_nothing_else_and_the_fragment_nothing_inline(report):
    page = Read(report.to_html())
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not {"src", "href", "style"} & {name for name, _ in page.attributes}
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    fragment = Read(report.to_html(fragment=True, style=False))
    assert "style" not in fragment.tags
    assert "style" in Read(report._repr_html_()).tags
    assert "default-src 'none'" in report.to_html()


def test_drawings_say_what_they_show(report):
    page = report.to_html()
    for found in re.finditer(r'<svg class="hk-(row|square)[^>]*>', page):
        assert "aria-label=" in found[0] or 'aria-hidden="true"' in found[0]
    assert page.count("<desc>") >= 6
    # Not by colour alone.
    assert "▲ better" in page
    assert "✓ passed" in page
    Read(forest_svg(report))


@pytest.mark.parametrize("where", ["contributor", "slice_name"])
def test_foreign_text_stays_text(where):
    hostile = sample(**{where: HOSTILE})
    page = Read(hostile.to_html())
    assert "script" not in page.tags
    assert "<script>alert(1)</script> {{ 7*7 }} {% raw %}" in "".join(page.text)
    for rendering in (hostile.to_html(), hostile.to_markdown(), hostile.to_text()):
        assert "\u202e" not in rendering
    markdown = hostile.to_markdown()
    # In a block of code it is text as it is.
    assert "<script" not in re.sub("```text.*?```", "", markdown, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)\]\(", markdown)
    assert max(map(len, markdown.splitlines())) < 12_000
    # As many cells per row as without it.
    ordinary = sample().to_markdown()
    assert _cells(markdown) == _cells(ordinary)
    Read(forest_svg(hostile))


def _cells(markdown: str) -> list[int]:
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    return [len(re.findall(r"(?<!\\)\|", row)) for row in rows]


def test_marks_that_turn_the_direction_are_shown():
    assert plain("a\u202eb\x00c\n d") == "a⟨U+202E⟩b⟨U+0000⟩c d"
    assert plain("می‌خواهم") == "می‌خواهم", "a joiner is part of the language"
    assert cell("# a | b") == r"\# a \| b"
    assert cell("see http://a.example <b>") == "see http&#58;//a.example &lt;b&gt;"


def test_the_description_fits_into_what_databases_keep():
    hostile = sample(contributor=HOSTILE, slice_name=HOSTILE)
    for most in (5_000, 3_000):
        told = hostile.to_markdown(most=most)
        assert len(told) <= most
        assert "hokusai verify" in told
        assert "Promoted" in told


@pytest.mark.parametrize(
    ("state", "standing", "told"),
    [
        ("confirmed", "final", "7.000000 DeltaOne"),
        ("broadcast", "provisional", "Not yet final"),
        ("waiting", "provisional", "budget is used up"),
        ("failed", "failed", "budget is used up"),
    ],
)
def test_where_the_payment_stands_is_told(report, state, standing, told):
    error = None if state in ("confirmed", "broadcast") else "budget is used up"
    shown = report.settled(settlement(state, error=error))
    assert shown.standing == standing
    (tile,) = [tile for tile in shown.tiles if tile.label == "Paid"]
    assert told in f"{tile.main} {tile.detail}"
    wei = {one["name"]: one["wei"] for one in shown.contributors}
    assert (wei["east"] is None) == (standing != "final"), "nothing is earned before it is final"


def test_a_reward_that_is_shared_by_one_address_is_split_by_shares(report):
    document = copy.deepcopy(dict(report.document))
    document["contributions"]["addresses"] = dict.fromkeys(ADDRESSES, ADDRESSES["east"])
    document["contributions"]["shares"] = {"east": 2_500, "west": 7_500}
    shown = Report.from_evidence(document, settlement())
    wei = {one["name"]: one["wei"] for one in shown.contributors}
    assert wei == {"east": 7 * WEI * 70 * 2_500 // 10**6, "west": 7 * WEI * 70 * 7_500 // 10**6}


def test_a_rejection_says_what_would_change_it():
    rejected = sample(worse=True)
    assert rejected.outcome == "reject"
    (why,) = [tile for tile in rejected.tiles if tile.label == "Why"]
    assert "what would change it" in why.detail
    (findings,) = [one for one in rejected.sections if one.name == "findings"]
    assert findings.table.lines[0].tone == "bad", "what stands in the way comes first"


def test_evidence_alone_is_enough(report):
    bare = Report.from_evidence(report.document)
    names = [section.name for section in bare.sections]
    assert "errors" not in names
    assert {"difference", "findings", "refits", "contributors", "provenance"} <= set(names)
    assert bare.verify_command == "hokusai verify evidence.json --chain"
    assert bare.standing == "provisional"


def test_without_payment_nothing_is_paid(report):
    document = dict(report.document)
    payment = document["payment"] | {"paid_bps": 0, "reason": "the minimum is 10 <bps>"}
    unpaid = altered(report, payment=payment)
    assert unpaid.standing == "unpaid"
    assert "the minimum is 10 &lt;bps&gt;" in unpaid.to_html()


def test_too_little_evidence_tells_no_improvement(report):
    """A guardrail's verdict of too little evidence must not tell what was measured."""
    document = copy.deepcopy(dict(report.document))
    rails = next(f for f in document["decision"]["findings"] if f["code"] == "guardrails")
    rails["figures"]["rows"][0] |= {
        "outcome": "insufficient",
        "improvement_bps": None,
        "p_adjusted": None,
    }
    figures = dict(report.figures)
    figures["guardrails"] = [
        {"name": rails["figures"]["rows"][0]["name"], "inner": [-777.0, 888.0], "outer": None}
    ]
    page = Report.from_evidence(document, figures=figures).to_html()
    assert "777" not in page
    assert "888" not in page


@pytest.mark.parametrize("given", [{}, {"model": "m"}, {"format": "hokusai-evidence/1"}])
def test_what_is_no_evidence_is_refused(given):
    with pytest.raises(InputError, match="expected an evidence document"):
        Report.from_evidence(given)
    with pytest.raises(InputError, match="expected a report"):
        Report.from_dict(given)
