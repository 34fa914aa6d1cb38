import copy
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.errors import EvidenceMismatch
from hokusai_mlflow.evidence import FORMAT, Evidence, build, canonical, digest, read_sums, verify

GATE = PairedSums.of([1, 0, 1, 0, 1, 1, 0, 0, 1, 0], [1, 1, 1, 0, 1, 1, 1, 0, 1, 0])
"""Five hits of ten, then seven: 2 000 bps."""
PAYMENT = PairedSums.of([1, 0, 1, 0, 1, 1, 0, 1], [1, 1, 1, 0, 1, 1, 0, 1])
"""Five hits of eight, then six: 1 250 bps."""


def _finding(code, outcome="passed"):
    return {"code": code, "outcome": outcome, "message": "m", "figures": {}, "remedy": ""}


def _decision(verdict, said):
    return {"verdict": verdict, "findings": [_finding("a"), _finding("b", said)]}


def _evidence(**changed):
    sections = {
        "model": "digits",
        "champion": {"version": 1, "digest": "aa" * 32},
        "candidate": {"version": 2, "digest": "bb" * 32},
        "evaluation": {"gate": {"part": "holdout-1", "digest": "cc" * 32, "n": 10}},
        "metric": "accuracy",
        "metric_options": {},
        "policy": {"alpha": 0.05, "quota": 20},
        "look": {"number": 1, "quota": 20, "level": 0.0025},
        "comparison": {"improvement_bps": 2_000.0, "p_value": 0.001},
        "crossval": {"p_value": 0.01},
        "decision": {"verdict": "promote", "findings": [_finding("significance")]},
        "gate_sums": GATE,
        "payment_sums": PAYMENT,
        "payment": {"policy": "fresh", "measured_bps": 1_250, "paid_bps": 1_000},
        "contributions": {"shares": {"north": 7_000, "south": 3_000}},
        "versions": {"hokusai-mlflow": "0.1.0"},
        "seeds": {"pipeline": 7},
    }
    return build(**(sections | changed))


def test_the_canonical_form_is_the_one_of_rfc_8785():
    # Section 3.2.2 of the RFC: keys by UTF-16 code units, shortest numbers, plain characters.
    given = {"b": 1e30, "a": [4.5, 2e-3, 1e-27, 333333333.33333329], "é": "\u20ac$\u000f\nA'B\"\\/"}
    assert canonical(given).decode() == (
        '{"a":[4.5,0.002,1e-27,333333333.3333333],"b":1e+30,"é":"€$\\u000f\\nA\'B\\"\\\\/"}'
    )


def test_the_digest_of_a_known_document():
    # A changed value here means that every digest on chain stops being verifiable.
    text = '{"a":[1,2.5,"x"],"b":{"c":null,"d":true}}'
    document = {"b": {"d": True, "c": None}, "a": [1, 2.5, "x"]}
    assert digest(document) == hashlib.sha256(text.encode()).hexdigest()
    assert digest(document) == "3f2209c9470486da010ac643a0abb7892811de0d5da1cca29f5c5a88356dce1d"
    assert _evidence().digest == "9975e62558c14d6bd929acaaa7b911a26b771914ed7fe61199cb42ca8eaaafce"


def test_order_of_keys_does_not_matter():
    document = _evidence().document
    assert digest(dict(reversed(list(document.items())))) == digest(document)


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), 2**53, {1: "a"}, {1, 2}, b"x"])
def test_what_has_no_canonical_form_is_refused(odd):
    with pytest.raises(EvidenceMismatch, match="canonical JSON"):
        digest({"value": odd})


def _leaves(node, path=()):
    if isinstance(node, dict):
        for key, below in node.items():
            yield from _leaves(below, (*path, key))
    elif isinstance(node, list):
        for at, below in enumerate(node):
            yield from _leaves(below, (*path, at))
    else:
        yield path


def _changed(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    return str(value) + "x"


PATHS = list(_leaves(_evidence().to_dict()))


def test_every_section_has_leaves():
    assert {path[0] for path in PATHS} == {*_evidence().document} - {"metric_options"}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
def test_one_changed_value_changes_the_digest(path):
    document = copy.deepcopy(_evidence().to_dict())
    node = document
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = _changed(node[path[-1]])
    assert digest(document) != _evidence().digest


@given(st.dictionaries(st.text(), st.integers(-(2**53) + 1, 2**53 - 1) | st.text() | st.none()))
def test_a_document_survives_being_read_back(document):
    try:
        written = canonical(document)
    except EvidenceMismatch:
        # Lone surrogates are not text.
        with pytest.raises(UnicodeEncodeError):
            json.dumps(document, ensure_ascii=False).encode()
        return
    assert digest(json.loads(written)) == digest(document)


def test_sums_are_exact_beyond_what_json_numbers_hold():
    huge = PairedSums(n=3, b=2**60 + 1, c=-(2**60) - 1, bb=2**200 + 1, cc=7, bc=-(2**199) - 3)
    document = json.loads(_evidence(gate_sums=huge).to_json())
    assert read_sums(document, "gate") == huge
    assert read_sums(document, "payment") == PAYMENT


def test_the_text_is_what_the_digest_is_of():
    evidence = _evidence()
    assert hashlib.sha256(evidence.to_json().encode()).hexdigest() == evidence.digest
    assert Evidence(json.loads(evidence.to_json())).digest == evidence.digest
    assert evidence.digest[:16] in repr(evidence)


def _lines(document, **given):
    return {check.what: check.ok for check in verify(document, **given)}


def test_good_evidence_verifies_line_by_line():
    evidence = _evidence()
    assert _lines(evidence.to_dict(), claimed_digest="0x" + evidence.digest) == {
        "digest": True,
        "policy digest": True,
        "paid ≤ measured": True,
        "gate sums ⇒ improvement": True,
        "shares sum to 10 000": True,
        "findings ⇒ verdict": True,
    }


def test_without_a_digest_to_compare_with_that_line_says_so():
    assert _lines(_evidence().to_dict())["digest"] is None


@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ({"payment": {"paid_bps": 1_251}}, "paid ≤ measured"),
        ({"comparison": {"improvement_bps": 2_002.0}}, "gate sums ⇒ improvement"),
        ({"comparison": {"improvement_bps": 1_998.0}}, "gate sums ⇒ improvement"),
        ({"contributions": {"shares": {"north": 9_999}}}, "shares sum to 10 000"),
        ({"contributions": {"shares": {}}}, "shares sum to 10 000"),
        *(
            (
                {
                    "decision": {
                        "verdict": verdict,
                        "findings": [_finding("a"), _finding("b", said)],
                    }
                },
                "findings ⇒ verdict",
            )
            for verdict, said in (
                ("promote", "failed"),
                ("promote", "insufficient"),
                ("promote", "unheard of"),
                ("reject", "passed"),
                ("hold", "not_applicable"),
            )
        ),
        ({"decision": {"verdict": "promote", "findings": []}}, "findings ⇒ verdict"),
    ],
)
def test_what_does_not_follow_is_the_only_line_that_fails(changed, broken):
    lines = _lines(_evidence(**changed).to_dict())
    assert [what for what, ok in lines.items() if ok is False] == [broken]


def test_nothing_paid_needs_no_shares():
    quiet = _evidence(payment={"paid_bps": 0}, contributions={"shares": {}})
    assert False not in _lines(quiet.to_dict()).values()


def test_another_digest_or_policy_is_told():
    document = _evidence().to_dict()
    assert _lines(document, claimed_digest="0" * 64)["digest"] is False
    document["policy"] = {"alpha": 0.5, "quota": 20}
    assert _lines(document)["policy digest"] is False


@pytest.mark.parametrize("given", [{}, {"format": "hokusai-evidence/2"}, {"format": None}])
def test_another_format_is_not_guessed_at(given):
    (only,) = verify(given)
    assert (only.what, only.ok) == ("format", False)
    assert FORMAT in only.detail
    assert only.to_dict()["ok"] is False


DERIVED_FROM = "comparison contributions decision paired_sums payment policy policy_digest"


@pytest.mark.parametrize("section", DERIVED_FROM.split())
def test_a_missing_or_misshapen_section_is_a_line_and_no_crash(section):
    document = _evidence().to_dict()
    for broken in (document | {section: "?"}, {k: v for k, v in document.items() if k != section}):
        assert False in _lines(broken).values()
