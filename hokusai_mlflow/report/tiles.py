"""What a reviewer reads in the first ten seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hokusai_mlflow.report.view import Tile, Tone
from hokusai_mlflow.report.words import bps, delta_one, interval, plain, probability, score

if TYPE_CHECKING:
    from hokusai_mlflow.report.report import Outcome, Report

WORDS: dict[Outcome, tuple[str, Tone]] = {
    "promoted": ("Promoted", "good"),
    "hold": ("Held", "open"),
    "reject": ("Rejected", "bad"),
    "refused": ("Refused by the reviewer", "bad"),
    "awaiting": ("Awaits a reviewer", "open"),
    "baseline": ("Registered as the baseline", "plain"),
}
TITLES = {
    "distinct-models": "the same model",
    "finite-figures": "figures that are not finite",
    "enough-evidence": "too few examples",
    "bounded-skew": "a few examples decide",
    "significance": "not shown to be better",
    "cross-validation": "refits speak against it",
    "validation-runs": "other seeds do not confirm it",
    "blocks": "not everywhere",
    "guardrails": "something else gets worse",
    "agreement": "raters do not agree",
}


def headline(report: Report) -> str:
    """The outcome in one sentence."""
    new, old = f"version {report.candidate}", f"version {report.champion}"
    metric = plain(report.metric)
    told: dict[Outcome, str] = {
        "promoted": f"{new} is better than {old} on {metric} and is the champion now",
        "hold": f"the hold-out cannot tell whether {new} is better than {old}; {old} stays",
        "reject": f"{new} is not shown to be better than {old}; {old} stays",
        "refused": f"{new} passed every requirement, and a person refused it; {old} stays",
        "awaiting": f"{new} passed every requirement and waits for a person to approve it",
        "baseline": f"{new} is the first champion: candidates must beat it",
    }
    return told[report.outcome]


def tiles(report: Report) -> tuple[Tile, ...]:
    """Decision, certainty, reason, payment."""
    word, tone = WORDS[report.outcome]
    if report.outcome == "baseline":
        return (Tile("Decision", word, headline(report), tone), _baseline(report))
    versions = f"version {report.champion} → version {report.candidate}"
    return (
        Tile("Decision", word, versions, tone),
        _certainty(report),
        _why(report),
        _paid(report),
    )


def _baseline(report: Report) -> Tile:
    scores = report.document.get("scores") or {}
    told = ", ".join(f"{plain(name)} {score(value)}" for name, value in scores.items())
    return Tile("Scores", told or "none", "out of fold, on the reference rows")


def _certainty(report: Report) -> Tile:
    c = report.comparison
    tone: Tone = "open"
    if c["p_value"] <= c["level"] and c["improvement_bps"] > 0:
        tone = "good"
    elif c["ci_high_bps"] < 0:
        tone = "bad"
    return Tile(
        "How much better, how sure",
        f"{bps(c['improvement_bps'])} bps",
        f"95 % interval {interval(c['ci_low_bps'], c['ci_high_bps'])}; "
        f"p {_p(c['p_value'])} at level {c['level']:.2g}",
        tone,
    )


def _p(value: float) -> str:
    """A p-value after its letter, with the relation between the two."""
    told = probability(value)
    return told if told.startswith("<") else f"= {told}"


def _why(report: Report) -> Tile:
    judged = [f for f in report.findings if f["outcome"] != "not_applicable"]
    passed = sum(f["outcome"] == "passed" for f in judged)
    approval = report.facts.get("approval") or {}
    if report.outcome == "refused":
        note = f": {plain(approval['note'])}" if approval.get("note") else ""
        return Tile("Why", f"{plain(approval.get('by', 'a reviewer'))} said no{note}", tone="bad")
    told = f"{passed} of {len(judged)} requirements passed"
    if not report.reasons:
        by = f"; approved by {plain(approval['by'])}" if approval.get("state") == "approved" else ""
        return Tile("Why", told, f"nothing stands in the way{by}", "good")
    first = report.reasons[0]
    main = TITLES.get(first["code"], plain(first["code"]))
    failed = any(f["outcome"] == "failed" for f in report.reasons)
    remedy = next((f["remedy"] for f in report.reasons if f["remedy"]), "")
    change = f"; what would change it: {plain(remedy)}" if remedy else ""
    return Tile("Why", main.capitalize(), f"{told}{change}", "bad" if failed else "open")


def _paid(report: Report) -> Tile:
    payment = report.document.get("payment") or {}
    where = " (development chain)" if report.facts.get("development") else ""
    earned = f"{payment.get('paid_bps', 0) / 100:g} DeltaOnes earned"
    match report.standing:
        case "none":
            return Tile("Paid", "Nothing", "only a promotion is paid")
        case "unpaid":
            return Tile("Paid", "Nothing", plain(payment["reason"]))
        case "final":
            paid = f"{delta_one(report.total_wei)} DeltaOne"
            return Tile("Paid", paid, f"final{where}", "good")
        case "failed":
            why = plain(report.settlement.get("error") or "the contract refused it")
            return Tile("Paid", "Failed", f"{earned}; {why}", "bad")
        case _:
            waits = report.settlement.get("error")
            told = f"{earned}; provisional{where}" + (f": {plain(waits)}" if waits else "")
            return Tile("Paid", "Not yet final", told, "open")
