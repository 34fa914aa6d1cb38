"""Contributors and what is paid to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hokusai_mlflow.report.charts.scale import Scale
from hokusai_mlflow.report.charts.whiskers import Whisker, axis, draw
from hokusai_mlflow.report.inferred import told_inference
from hokusai_mlflow.report.valued import told_how
from hokusai_mlflow.report.view import Column, Line, Plot, Section, Table, Tone
from hokusai_mlflow.report.words import bps, delta_one, interval, percent, plain

if TYPE_CHECKING:
    from hokusai_mlflow.report.report import Report

BPS, NORMAL = 10_000, 1.96
POLICIES = {
    "fresh": "measured again on examples that selected nothing",
    "lower_bound": "the lower confidence bound on the hold-out",
    "measured": "the hold-out's difference",
}
STANDINGS = {
    "none": "Nothing is paid: only a promotion is.",
    "unpaid": "Nothing is paid",
    "provisional": "Provisional: the payment is not final yet",
    "final": "Final: paid on chain",
    "failed": "Failed: the contract refused the payment",
}


def contributors(report: Report) -> Section | None:
    """Everybody's rows, value with its interval, share and pay."""
    people = report.contributors
    if not people:
        return None
    valued = any(one["value"] is not None for one in people)
    columns = [Column("contributor", names=True), Column("rows accepted", numeric=True)]
    if valued:
        columns += [Column("value, bps", numeric=True), Column("95 % interval", numeric=True)]
        columns += [Column("share", numeric=True), Column("DeltaOne", numeric=True)]
    columns.append(Column("left out"))
    lines, whiskers = [], []
    for one in people:
        ends = None
        tone: Tone = "plain"
        if one["value"] is not None:
            reach = NORMAL * (one["std_error"] or 0.0) * BPS
            ends = (one["value"] * BPS - reach, one["value"] * BPS + reach)
            tone = "good" if one["share"] else "bad" if ends[1] < 0 else "open"
        point = None if one["value"] is None else one["value"] * BPS
        left_out = ", ".join(f"{rows:,} {reason}" for reason, rows in one["excluded"].items())
        cells = [plain(one["name"]), f"{one['accepted']:,} of {one['given']:,}"]
        if valued:
            cells += [bps(point), interval(*ends) if ends else ""]
            cells.append(_share(one))
            cells.append("" if one["wei"] is None else delta_one(one["wei"]))
        cells.append(plain(left_out))
        lines.append(Line(tuple(cells), tone))
        told = f"{plain(one['name'])}: {bps(point)} bps" if ends else f"{plain(one['name'])}: none"
        whiskers.append(Whisker(point, ends, None, told, tone))
    plot = None
    if valued:
        scale = Scale.around(end for one in whiskers if one.inner for end in one.inner)
        plot = Plot(
            "value of the data, bps",
            tuple(draw(one, scale, lines=((0.0, "zero"),)) for one in whiskers),
            axis(scale, left="← made it worse", right="made it better →"),
        )
    told = ""
    if valued:
        contributed = report.document["contributions"].get("contributed", BPS)
        told = (
            f"{_how(report)}; whiskers are 95 % intervals. {percent(contributed / BPS)} of the "
            "improvement is due to contributors, the rest to the owner's own changes. Only values "
            "above noise have a share."
        )
    return Section(
        "contributors",
        "Contributors",
        told,
        Table(tuple(columns), tuple(lines), plot, before=2),
    )


def _how(report: Report) -> str:
    told = told_how(report.document["contributions"].get("valuation"))
    if not told:
        return (
            "Exact Shapley values of everybody's rows, from refits of all combinations on the "
            "reference rows"
        )
    return f"{told[:1].upper()}{told[1:]}, on the reference rows"


def _share(one: Mapping[str, Any]) -> str:
    told = percent(one["share"] / BPS)
    error = one["share_error"]
    return told if error is None else f"{told} ± {100 * error:.1f}"


def payment(report: Report) -> Section | None:
    """What was measured, what of it is paid, and where the payment stands."""
    paid = report.document.get("payment")
    if not paid:
        return None
    settlement = report.settlement
    told = STANDINGS[report.standing]
    if report.standing == "unpaid":
        told = f"{told}: {plain(paid['reason'])}."
    elif report.standing == "failed":
        told = f"{told}: {plain(settlement.get('error') or 'no reason given')}."
    else:
        where = " (the development chain)" if report.facts.get("development") else ""
        why = f" ({plain(settlement['error'])})" if settlement.get("error") else ""
        told = f"{told}{where}{why}."
    facts = [
        ("measured", f"{paid['measured_bps']:+,} bps on {paid['n']:,} examples".replace("-", "−")),
        ("policy", f"{paid['policy']}: {POLICIES.get(paid['policy'], '')}"),
        ("paid improvement", f"{paid['paid_bps']:,} bps = {paid['paid_bps'] / 100:g} DeltaOnes"),
    ]
    inferred = told_inference(report.document)
    if inferred:
        facts.append(("inference", inferred))
    if report.total_wei:
        owner = settlement.get("owner")
        wei = int((settlement.get("paid") or {}).get(owner, 0))
        facts.append(("paid in all", f"{delta_one(report.total_wei)} DeltaOne"))
        facts.append(("of which the owner", f"{delta_one(wei)} DeltaOne"))
    if settlement:
        facts.append(("settlement", settlement["state"]))
        if settlement.get("tx_hash"):
            facts.append(("transaction", settlement["tx_hash"]))
        if settlement.get("block") is not None:
            facts.append(("block", f"{settlement['block']:,}"))
    return Section("payment", "Payment", told, facts=tuple(facts))
