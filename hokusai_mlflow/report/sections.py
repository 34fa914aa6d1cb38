"""The parts of a report below its tiles, in reading order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hokusai_mlflow.report.charts import confusion, square
from hokusai_mlflow.report.charts.meter import meter
from hokusai_mlflow.report.charts.scale import Scale
from hokusai_mlflow.report.forest import forest
from hokusai_mlflow.report.quality import quality
from hokusai_mlflow.report.raters import raters
from hokusai_mlflow.report.refits import refits
from hokusai_mlflow.report.rewards import contributors, payment
from hokusai_mlflow.report.view import Column, Line, Pair, Section, Table, Tone
from hokusai_mlflow.report.words import plain, score

if TYPE_CHECKING:
    from hokusai_mlflow.report.report import Report

OUTCOMES: dict[str, tuple[str, Tone]] = {
    "passed": ("✓ passed", "good"),
    "failed": ("✗ failed", "bad"),
    "insufficient": ("? too little to tell", "open"),
    "not_applicable": ("– not applicable", "plain"),
}


def sections(report: Report) -> tuple[Section, ...]:
    """Every part that this report has something to say in."""
    found = (
        forest(report),
        _findings(report),
        raters(report),
        refits(report),
        _errors(report),
        contributors(report),
        quality(report),
        payment(report),
        _budget(report),
        _approval(report),
        _provenance(report),
    )
    return tuple(section for section in found if section is not None)


def _findings(report: Report) -> Section | None:
    if not report.findings:
        return None
    columns = (
        Column("outcome"),
        Column("requirement", names=True),
        Column("finding"),
        Column("what would change it"),
    )
    lines = []
    for f in report.findings:
        word, tone = OUTCOMES.get(f["outcome"], (plain(f["outcome"]), "bad"))
        cells = (word, plain(f["code"]), plain(f["message"]), plain(f["remedy"]))
        lines.append(Line(cells, tone))
    # What stands in the way comes first.
    order: dict[Tone, int] = {"bad": 0, "open": 1, "good": 2, "plain": 3}
    lines.sort(key=lambda line: order[line.tone])
    asked = sum(line.tone != "plain" for line in lines)
    met = sum(line.tone == "good" for line in lines)
    return Section(
        "findings",
        "Requirements",
        f"{met} of {asked} requirements that apply are met.",
        Table(columns, tuple(lines), before=4),
        facts=(("signature", report.document["decision"]["signature"]),),
    )


def _errors(report: Report) -> Section | None:
    """Confusion, ROC, calibration and residuals of both models, as the task has them."""
    kept, pairs = report.figures, []
    if found := kept.get("confusion"):
        labels = found["labels"]
        right = [
            sum(found[who][at][at] for at in range(len(labels)))
            for who in ("champion", "candidate")
        ]
        total = sum(map(sum, found["champion"]))
        drawn = [confusion.confusion(labels, found[w], w) for w in ("champion", "candidate")]
        told = f"{right[0]:,} against {right[1]:,} of {total:,} right; rows are the truth"
        pairs.append(Pair("Confusion matrices", drawn[0], drawn[1], told))
    if found := kept.get("roc"):
        drawn = [square.roc(found[who], who) for who in ("champion", "candidate")]
        areas = f"area {found['champion']['area']:.4f} against {found['candidate']['area']:.4f}"
        pairs.append(Pair("ROC curves", drawn[0], drawn[1], f"{areas}; of {plain(found['of'])}"))
    if found := kept.get("calibration"):
        drawn = [square.calibration(found[who], who) for who in ("champion", "candidate")]
        told = (
            f"expected calibration error {found['champion']['error']:.4f} against "
            f"{found['candidate']['error']:.4f}; probability of {plain(found['of'])}"
        )
        pairs.append(Pair("Calibration", drawn[0], drawn[1], told))
    if found := kept.get("residuals"):
        both = [p for who in ("champion", "candidate") for p in found[who]["points"]]
        across = _tight(p[0] for p in both)
        up = Scale.around(end for p in both for end in p[1:4])
        drawn = [square.residuals(found[w], w, across, up) for w in ("champion", "candidate")]
        middles = [
            sum(p[2] * p[4] for p in found[who]["points"]) / sum(p[4] for p in found[who]["points"])
            for who in ("champion", "candidate")
        ]
        told = (
            f"median residual on average {score(middles[0])} against {score(middles[1])}; the band "
            "holds 80 % of the residuals"
        )
        pairs.append(Pair("Residuals", drawn[0], drawn[1], told))
    without = [f"{what}: {plain(why)}" for what, why in (kept.get("without") or {}).items()]
    if not pairs and not without:
        return None
    return Section(
        "errors",
        "How both models err",
        "; ".join(without) and f"Not shown: {'; '.join(without)}.",
        pairs=tuple(pairs),
    )


def _tight(values: Iterable[float]) -> Scale:
    found = list(values)
    return Scale.between(min(found), max(found))


def _budget(report: Report) -> Section | None:
    look = report.document.get("look")
    if not look:
        return None
    policy = report.document.get("policy") or {}
    part = (report.document.get("evaluation") or {}).get("gate", {}).get("part", "the hold-out")
    left = look["quota"] - look["number"]
    told = (
        f"This was look {look['number']} of {look['quota']} at {plain(part)}, tested at level "
        f"{look['level']:.3g}"
    )
    if "alpha" in policy:
        told += (
            f"; over its whole life the chance of any false acceptance is at most "
            f"{policy['alpha']:g}"
        )
    if (report.document.get("decision") or {}).get("verdict") == "promote" and policy.get(
        "after_reward"
    ) == "rotate":
        told += ". It has retired with this acceptance"
    else:
        told += f". {left} left" if left else ". It is used up: refresh the hold-out"
    return Section(
        "budget",
        "Hold-out budget",
        f"{told}.",
        drawing=meter(look["number"], look["quota"]),
    )


def _approval(report: Report) -> Section | None:
    approval = report.facts.get("approval")
    if not approval:
        return None
    names = {"state": "state", "by": "who", "at": "when", "via": "how", "note": "note"}
    facts = tuple((told, str(approval[key])) for key, told in names.items() if approval.get(key))
    return Section("approval", "Human review", facts=facts)


def _provenance(report: Report) -> Section:
    d, facts = report.document, report.facts
    evaluation = d.get("evaluation") or {}
    told: list[tuple[str, object]] = [
        ("evidence", report.digest),
        ("champion", (d.get("champion") or {}).get("digest", "")),
        ("candidate", d["candidate"].get("digest", "")),
        *(
            (f"{name} examples", part["digest"])
            for name, part in evaluation.items()
            if "digest" in part
        ),
        ("policy", d.get("policy_digest", "")),
        ("recipe", (d.get("contributions") or {}).get("recipe", "")),
        ("training rows", (d.get("contributions") or {}).get("training", "")),
        ("versions", ", ".join(f"{k} {v}" for k, v in (d.get("versions") or {}).items())),
        ("seeds", ", ".join(f"{k} {v}" for k, v in (d.get("seeds") or {}).items())),
        ("attempt", facts.get("attempt", "")),
        ("MLflow run", facts.get("run_id", "")),
        ("Prefect flow run", facts.get("flow_run", "")),
    ]
    return Section(
        "provenance",
        "Provenance",
        "Anyone can check this report from its evidence." if report.verify_command else "",
        facts=tuple((name, plain(value)) for name, value in told if value),
        command=report.verify_command,
    )
