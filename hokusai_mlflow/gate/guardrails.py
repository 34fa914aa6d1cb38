"""The rule that nothing named in the policy gets worse, whatever the paid metric gains."""

from __future__ import annotations

import math
from typing import Any

from hokusai_mlflow.gate.case import Case
from hokusai_mlflow.gate.finding import Finding, Outcome
from hokusai_mlflow.gate.guarded import Guarded
from hokusai_mlflow.stats.holm import holm


class Guardrails:
    """Every guardrail and slice is shown not to be worse than its margin, by Holm's procedure.

    Each is a paired test of H0: Δ ≤ −margin; together they pass wrongly with a chance of at most
    `guardrail_alpha`. One that is not shown fails the candidate when equal models would have been
    shown with 80 % power, or when its interval lies below the margin; else there is not enough
    evidence.
    """

    code = "guardrails"
    title = "Nothing else gets worse"

    def evaluate(self, case: Case) -> Finding:
        """Judge every guardrail and slice, and the worst outcome counts."""
        tested = [one for one in case.guardrails if not one.skipped]
        skipped = [one for one in case.guardrails if one.skipped]
        told_skipped = [f"{one.name} not tested ({one.why_not})" for one in skipped]
        if not tested:
            none = "; ".join(told_skipped) or "the policy names no guardrails"
            return Finding(self.code, "not_applicable", none)
        adjusted = holm([one.p_value for one in tested])
        alpha = case.policy.guardrail_alpha
        rows = [_row(one, float(p), alpha) for one, p in zip(tested, adjusted, strict=True)]
        figures: dict[str, Any] = {"alpha": alpha, "rows": rows}
        told = [_told(row) for row in rows if row["outcome"] != "passed"]
        outcomes = {row["outcome"] for row in rows}
        if outcomes == {"passed"}:
            closest = max(rows, key=lambda row: row["p_adjusted"])
            said = [f"{len(rows)} of {len(rows)} not worse; closest {_told(closest)}"]
            return Finding(self.code, "passed", "; ".join(said + told_skipped), figures)
        outcome: Outcome = "failed" if "failed" in outcomes else "insufficient"
        if outcome == "insufficient":
            figures["required_n"] = _holdout_size(case.comparison.n, rows)
        return Finding(
            self.code, outcome, "; ".join(told + told_skipped), figures, _remedy(rows, outcome)
        )


def _row(one: Guarded, p_adjusted: float, alpha: float) -> dict[str, Any]:
    outcome: Outcome = "insufficient"
    if p_adjusted <= alpha:
        outcome = "passed"
    elif one.powered or one.worse:
        outcome = "failed"
    # A verdict of "not enough evidence" must not tell the improvement.
    shown = None if outcome == "insufficient" else one.comparison
    return {
        "name": one.name,
        "n": one.n,
        "margin_bps": one.margin_bps,
        "improvement_bps": None if shown is None else shown.improvement_bps,
        "p_value": None if shown is None else one.p_value,
        "p_adjusted": None if shown is None else p_adjusted,
        "outcome": outcome,
        "why_not": one.why_not,
        "required_n": one.required_n if outcome == "insufficient" else None,
    }


def _holdout_size(n: int, rows: list[dict[str, Any]]) -> int | None:
    """Hold-out examples at which every slice is large enough, their shares staying as they are."""
    short = [row for row in rows if row["outcome"] == "insufficient"]
    if any(row["required_n"] is None for row in short):
        return None
    return max(math.ceil(n * int(row["required_n"]) / int(row["n"])) for row in short)


def _told(row: dict[str, Any]) -> str:
    if row["outcome"] == "insufficient":
        needed = row["required_n"]
        why = row["why_not"] or (f"{row['n']:,} examples" + (f" of {needed:,}" if needed else ""))
        return f"{row['name']}: too little to tell ({why})"
    return (
        f"{row['name']}: {row['improvement_bps']:+.0f} bps, margin {row['margin_bps']:g}, "
        f"Holm's p = {row['p_adjusted']:.3g}"
    )


def _remedy(rows: list[dict[str, Any]], outcome: Outcome) -> str:
    if outcome == "failed":
        names = [row["name"] for row in rows if row["outcome"] == "failed"]
        return f"a candidate that does not get worse on {', '.join(names)}"
    short = [row for row in rows if row["outcome"] == "insufficient"]
    told = [
        f"about {row['required_n']:,} examples for {row['name']}"
        if row["required_n"]
        else f"more examples for {row['name']}"
        for row in short
    ]
    return f"{', '.join(told)}, or a wider margin (80 % power for equal models)"
