"""The columns of every table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from hokusai_mlflow.dashboard import formats
from hokusai_mlflow.dashboard.addresses import attempt_page, contributor_page, model_page
from hokusai_mlflow.dashboard.charts import interval
from hokusai_mlflow.dashboard.charts.axes import Axis
from hokusai_mlflow.dashboard.tables import Cell, Column
from hokusai_mlflow.history.attempts import Attempt
from hokusai_mlflow.history.contributors import Contribution, Contributor
from hokusai_mlflow.history.improvements import Improvement
from hokusai_mlflow.history.models import Model
from hokusai_mlflow.history.rewards import ChainCheck

OUTCOME = {
    "promoted": "promoted",
    "reject": "rejected",
    "hold": "held",
    "refused": "refused",
    "baseline": "baseline",
    "open": "open",
    "abandoned": "given up",
}


def _improvement(of: Model | Attempt, x: Axis) -> Cell:
    value, low, high = of.improvement_bps, of.ci_low_bps, of.ci_high_bps
    return Cell(
        formats.bps(value),
        detail=formats.interval(low, high),
        drawing=interval.draw(x, value, low, high),
        key=value,
    )


def models(shown: Iterable[Model]) -> list[Column[Model]]:
    """Columns of the models' overview."""
    x = interval.axis([v for m in shown for v in (m.ci_low_bps, m.ci_high_bps)])
    return [
        Column("Model", lambda m: Cell(m.name, href=model_page(m.name)), "name"),
        Column("Champion", _champion, "champion_version"),
        Column(
            "Score",
            lambda m: Cell(formats.score(m.score), detail=m.metric, key=m.score),
            "score",
            numeric=True,
        ),
        Column(
            "Latest attempt",
            lambda m: Cell(
                OUTCOME.get(m.latest_outcome, m.latest_outcome),
                tone=m.latest_outcome,
                detail=formats.day(m.latest_at),
                key=m.latest_at.isoformat(),
            ),
            "latest_at",
        ),
        Column(
            "Improvement, bps",
            lambda m: _improvement(m, x),
            "improvement_bps",
            numeric=True,
        ),
        Column(
            "Attempts",
            lambda m: Cell(
                formats.number(m.attempts), key=m.attempts, detail=f"{m.promoted} promoted"
            ),
            "attempts",
            numeric=True,
        ),
        Column(
            "DeltaOnes",
            lambda m: Cell(formats.delta_ones(m.paid_bps), key=m.paid_bps, detail=_payments(m)),
            "paid_bps",
            numeric=True,
        ),
    ]


def _champion(model: Model) -> Cell:
    if model.champion_version is None:
        return Cell("none yet", tone="soft", key=0)
    since = f"since {formats.day(model.champion_since)[:10]}"
    return Cell(f"version {model.champion_version}", detail=since, key=model.champion_version)


def _payments(model: Model) -> str:
    told = [
        f"{n} {word}"
        for n, word in ((model.provisional, "provisional"), (model.failed, "failed"))
        if n
    ]
    return ", ".join(told) or ("all final" if model.paid_bps else "")


def attempts(shown: Iterable[Attempt], *, with_model: bool) -> list[Column[Attempt]]:
    """Columns of attempts, of one model or of all."""
    x = interval.axis([v for a in shown for v in (a.ci_low_bps, a.ci_high_bps)])
    model = Column[Attempt]("Model", lambda a: Cell(a.model, href=model_page(a.model)), "model")
    return [
        *([model] if with_model else []),
        Column(
            "Attempt",
            lambda a: Cell(f"#{a.number}", href=attempt_page(a.id), key=a.number),
            "number",
        ),
        Column(
            "Began",
            lambda a: Cell(formats.day(a.opened_at), key=a.opened_at.isoformat()),
            "opened_at",
        ),
        Column(
            "Verdict", lambda a: Cell(OUTCOME.get(a.outcome, a.outcome), tone=a.outcome), "outcome"
        ),
        Column(
            "Improvement, bps",
            lambda a: _improvement(a, x),
            "improvement_bps",
            numeric=True,
        ),
        Column(
            "p",
            lambda a: Cell(formats.probability(a.p_value), key=a.p_value),
            "p_value",
            numeric=True,
        ),
        Column(
            "Look",
            lambda a: Cell(
                f"{a.look} of {a.quota}" if a.look else "", key=a.look, detail=a.holdout
            ),
            "look",
        ),
        Column(
            "Paid, bps",
            lambda a: Cell(formats.number(a.paid_bps), key=a.paid_bps),
            "paid_bps",
            numeric=True,
        ),
        Column("What stands in the way", lambda a: Cell(_reasons(a), tone="prose")),
    ]


def _reasons(attempt: Attempt) -> str:
    if attempt.reasons:
        return "; ".join(reason["message"] for reason in attempt.reasons[:2])
    return attempt.message if attempt.outcome == "abandoned" else attempt.unpaid_reason


def improvements(
    shown: Iterable[Improvement], checks: Iterable[ChainCheck]
) -> tuple[list[Column[Improvement]], Callable[[Improvement], str]]:
    """Columns of payments, and the class of a row: ``bad`` where the chain says otherwise."""
    by_contract = {check.contract: check for check in checks}

    def chain(one: Improvement) -> Cell:
        if one.standing != "final":
            return Cell("")
        check = by_contract.get(one.contract)
        if check is None or not check.audit:
            return Cell("not compared", tone="soft")
        if one.evidence in check.suspect:
            return Cell("differs", tone="failed")
        if one.block is not None and one.block > check.audit["block"]:
            return Cell("newer than the check", tone="soft")
        return Cell("equal", tone="final")

    def marked(one: Improvement) -> str:
        return "bad" if chain(one).tone == "failed" or one.standing == "failed" else ""

    found: list[Column[Improvement]] = [
        Column("Model", lambda i: Cell(i.model, href=model_page(i.model)), "model"),
        Column(
            "Improvement",
            lambda i: Cell(
                f"#{i.attempt.number}",
                href=attempt_page(i.attempt.id),
                detail=formats.day(i.attempt.opened_at),
                key=i.attempt.opened_at.isoformat(),
            ),
            "opened_at",
        ),
        Column(
            "Payment", lambda i: Cell(i.standing, tone=i.standing, detail=_short_reason(i)), "state"
        ),
        Column(
            "Paid, bps",
            lambda i: Cell(formats.number(i.paid_bps), key=i.paid_bps),
            "paid_bps",
            numeric=True,
        ),
        Column(
            "DeltaOne tokens",
            lambda i: Cell(
                formats.tokens(i.reward) if i.reward else "",
                detail=f"owner {formats.tokens(i.owner_reward)}" if i.reward else "",
                key=i.reward / 1e18,
            ),
            "reward",
            numeric=True,
        ),
        Column("Chain", chain),
        Column(
            "Block",
            lambda i: Cell(formats.number(i.block), detail=formats.digest(i.tx_hash), key=i.block),
            "block",
            numeric=True,
        ),
    ]
    return found, marked


def _short_reason(one: Improvement) -> str:
    if one.standing == "final":
        return formats.day(one.changed_at)
    if one.standing == "unpaid":
        return formats.short(one.attempt.unpaid_reason, 90)
    return formats.short(one.error or one.state, 90)


def contributors() -> list[Column[Contributor]]:
    """Columns of contributors."""
    return [
        Column(
            "Contributor",
            lambda c: Cell(
                c.name, href=contributor_page(c.account), detail=formats.digest(c.account)
            ),
            "name",
        ),
        Column(
            "Impact, bps",
            lambda c: Cell(
                formats.bps(c.impact_bps),
                key=c.impact_bps,
                detail=f"± {1.96 * c.std_error_bps:,.0f}" if c.std_error_bps else "",
            ),
            "impact_bps",
            numeric=True,
        ),
        Column(
            "DeltaOne tokens",
            lambda c: Cell(formats.tokens(c.paid), key=c.paid / 1e18),
            "paid",
            numeric=True,
        ),
        Column(
            "Contributions",
            lambda c: Cell(
                formats.number(c.contributions),
                key=c.contributions,
                detail=f"{c.rewarded} rewarded",
            ),
            "contributions",
            numeric=True,
        ),
        Column(
            "Models", lambda c: Cell(formats.number(c.models), key=c.models), "models", numeric=True
        ),
        Column(
            "Rows accepted",
            lambda c: Cell(
                formats.percent(c.acceptance),
                key=c.acceptance,
                detail=f"{c.accepted:,} of {c.given:,}",
            ),
            "acceptance",
            numeric=True,
        ),
        Column(
            "Duplicates",
            lambda c: Cell(formats.number(c.duplicates), key=c.duplicates),
            "duplicates",
            numeric=True,
        ),
    ]


def contributions() -> list[Column[Contribution]]:
    """Columns of one contributor's contributions."""
    return [
        Column("Model", lambda c: Cell(c.model, href=model_page(c.model)), "model"),
        Column(
            "When",
            lambda c: Cell(formats.day(c.at), href=attempt_page(c.attempt), key=c.at.isoformat()),
            "at",
        ),
        Column(
            "Verdict", lambda c: Cell(OUTCOME.get(c.outcome, c.outcome), tone=c.outcome), "outcome"
        ),
        Column(
            "Rows accepted",
            lambda c: Cell(f"{c.accepted:,} of {c.given:,}", key=c.accepted),
            "accepted",
            numeric=True,
        ),
        Column("Left out", lambda c: Cell(left_out(c), tone="prose")),
        Column(
            "Value, bps",
            lambda c: Cell(
                formats.bps(c.value_bps),
                key=c.value_bps,
                detail=f"± {1.96 * c.std_error_bps:,.0f}" if c.std_error_bps else "",
            ),
            "value_bps",
            numeric=True,
        ),
        Column(
            "Share",
            lambda c: Cell(formats.percent(c.share, 1) if c.evidence else "", key=c.share),
            "share",
            numeric=True,
        ),
        Column(
            "DeltaOne tokens",
            lambda c: Cell(formats.tokens(c.paid) if c.paid else "", key=c.paid / 1e18),
            "paid",
            numeric=True,
        ),
    ]


def left_out(one: Contribution) -> str:
    """Rows left out by reason; which part of the pool they copy is not told."""
    told: dict[str, int] = {}
    for code, rows in one.excluded.items():
        name = re.sub(r"\..*", "", code).replace("_", " ")
        told[name] = told.get(name, 0) + rows
    return ", ".join(f"{rows:,} {name}" for name, rows in told.items())


def contributor_of() -> Column[Contribution]:
    """The contributor's own column, where one attempt's contributions are listed."""
    return Column(
        "Contributor",
        lambda c: Cell(
            c.name, href=contributor_page(c.address or c.name), detail=formats.digest(c.address)
        ),
        "name",
    )
