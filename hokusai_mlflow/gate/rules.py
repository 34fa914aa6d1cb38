"""The requirements, each a small object with a stable code.

A rule sees the whole `Case` and returns one `Finding`. Rules about whether the data suffice never
look at the measured improvement: a verdict of "not enough evidence" must not depend on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Protocol

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.gate.case import Case
from hokusai_mlflow.gate.consistency import ConsistentBlocks, RepeatedValidation
from hokusai_mlflow.gate.finding import Finding
from hokusai_mlflow.gate.guardrails import Guardrails
from hokusai_mlflow.gate.raters import AgreeingRaters, ReliableRaters


class Rule(Protocol):
    """A requirement of the gate; third parties register theirs under `hokusai.rules`."""

    code: str
    title: str

    def evaluate(self, case: Case) -> Finding:
        """Judge one case."""
        ...


class DistinctModels:
    """The candidate is another model than the champion."""

    code = "distinct-models"
    title = "Candidate differs from champion"

    def evaluate(self, case: Case) -> Finding:
        """Fail when the two contents are equal."""
        if case.same_model:
            return Finding(
                self.code,
                "failed",
                "candidate and champion are the same content",
                remedy="train a candidate that differs",
            )
        return Finding(self.code, "passed", "candidate and champion differ in content")


class FiniteFigures:
    """Every number that a verdict rests on is finite."""

    code = "finite-figures"
    title = "All figures are finite"

    def evaluate(self, case: Case) -> Finding:
        """Fail on NaN or infinity anywhere: NaN compares false with every threshold."""
        comparison, crossval = case.comparison, case.crossval
        figures = {
            "improvement_bps": comparison.improvement_bps,
            "std_error_bps": comparison.std_error_bps,
            "p_value": comparison.p_value,
            "skew": comparison.skew,
            "detectable_bps": comparison.detectable_bps,
        }
        if crossval is not None:
            figures["crossval_p_value"] = crossval.p_value
        broken = sorted(name for name, value in figures.items() if not math.isfinite(value))
        if broken:
            return Finding(
                self.code,
                "failed",
                f"not finite: {', '.join(broken)}",
                {"broken": broken},
                "check the predictions for NaN and infinity",
            )
        return Finding(self.code, "passed", "every figure is finite")


class EnoughEvidence:
    """The hold-out could find an improvement of the size that the policy asks it to find."""

    code = "enough-evidence"
    title = "Enough evidence"

    def evaluate(self, case: Case) -> Finding:
        """Compare power, discordant pairs, class counts and groups with the policy."""
        comparison, policy = case.comparison, case.policy
        n = comparison.n
        figures: dict[str, float] = {"n": n, "detectable_bps": comparison.detectable_bps}
        short: list[str] = []
        # Shares stay as they are when examples are added.
        needed: list[int] = []
        if comparison.detectable_bps > policy.detectable_bps:
            short.append(
                f"the smallest improvement with 80 % power is {comparison.detectable_bps:.0f} bps, "
                f"the policy wants {policy.detectable_bps}"
            )
        if comparison.discordant is not None:
            figures["discordant"] = pairs = sum(comparison.discordant)
            if pairs < policy.min_discordant:
                short.append(f"{pairs} discordant pairs of {policy.min_discordant}")
                needed.append(_scaled(n, pairs, policy.min_discordant))
        if case.needs_classes and comparison.class_counts:
            fewest = min(comparison.class_counts.values())
            figures["fewest_of_a_class"] = fewest
            if fewest < policy.min_class_examples:
                short.append(f"{fewest} examples of a class of {policy.min_class_examples}")
                needed.append(_scaled(n, fewest, policy.min_class_examples))
        if comparison.groups is not None:
            # Clustered two ways, Student's t has the degrees of freedom of the fewer clusters.
            two_ways = comparison.test == "two-way-t"
            least = policy.min_raters if two_ways else policy.min_groups
            if comparison.groups < least:
                what = "clusters in one of two ways" if two_ways else "groups"
                short.append(f"{comparison.groups} {what} of {least}")
                needed.append(_scaled(n, comparison.groups, least))
        if short:
            needed.append(comparison.required_n(policy.detectable_bps))
            figures["required_n"] = max(needed)
            return Finding(
                self.code,
                "insufficient",
                "; ".join(short),
                figures,
                f"about {max(needed):,} examples would give 80 % power at "
                f"{policy.detectable_bps} bps",
            )
        return Finding(
            self.code,
            "passed",
            f"n = {comparison.n:,} finds {comparison.detectable_bps:.0f} bps with 80 % power",
            figures,
        )


class BoundedSkew:
    """The influence function is not so skewed that the test loses its level."""

    code = "bounded-skew"
    title = "Test keeps its level"

    def evaluate(self, case: Case) -> Finding:
        """Compare −skew(ψ)/√n with the policy; a loss without a cap has no bound at all."""
        if case.unbounded:
            return Finding(
                self.code,
                "insufficient",
                f"{case.comparison.metric} has no cap: one wild prediction that the sample missed "
                "would decide",
                remedy="register the largest loss of one example that counts: {cap: …}",
            )
        comparison, limit = case.comparison, case.policy.max_skew
        tail = max(0.0, -comparison.tail)
        figures = {"tail": tail, "limit": limit}
        if tail > limit:
            needed = math.ceil(comparison.n * (tail / limit) ** 2) if math.isfinite(tail) else None
            examples = "more" if needed is None else f"about {needed:,}"
            return Finding(
                self.code,
                "insufficient",
                f"−skew/√n = {tail:.3f} is above {limit:.2f}: a few examples decide",
                figures | {"required_n": needed},
                f"clip the loss at a lower cap, or bring {examples} examples",
            )
        return Finding(self.code, "passed", f"−skew/√n = {tail:.3f} ≤ {limit:.2f}", figures)


class Significance:
    """The improvement is above the minimum effect, at the level of this look."""

    code = "significance"
    title = "Really better"

    def evaluate(self, case: Case) -> Finding:
        """Test H0: Δ ≤ δ₀."""
        comparison = case.comparison
        figures = {
            "improvement_bps": comparison.improvement_bps,
            "ci_low_bps": comparison.ci_low_bps,
            "ci_high_bps": comparison.ci_high_bps,
            "p_value": comparison.p_value,
            "level": comparison.level,
        }
        told = (
            f"{comparison.improvement_bps:+.0f} bps, p = {comparison.p_value:.3g} for "
            f"H0: Δ ≤ {comparison.min_effect_bps:g} bps at level {comparison.level:.3g}"
        )
        if comparison.p_value <= comparison.level and comparison.improvement > 0:
            return Finding(self.code, "passed", told, figures)
        return Finding(
            self.code, "failed", told, figures, "a larger improvement, or more hold-out examples"
        )


class CrossValidatedVeto:
    """Refits of both recipes on the same folds do not speak against the improvement."""

    code = "cross-validation"
    title = "Recipe holds up under refitting"

    def evaluate(self, case: Case) -> Finding:
        """Veto at p ≥ `cv_veto_p` when the folds could have found the policy's improvement."""
        crossval, limit = case.crossval, case.policy.cv_veto_p
        if crossval is None:
            return Finding(self.code, "not_applicable", "no recipes were refitted on folds")
        figures = {
            "mean_difference": crossval.mean,
            "p_value": crossval.p_value,
            "folds": crossval.folds,
            "folds_won": crossval.folds_won,
            "powered": crossval.powered,
        }
        told = (
            f"{crossval.folds_won} of {crossval.folds} folds better, corrected p = "
            f"{crossval.p_value:.2g}"
        )
        if crossval.p_value < limit:
            return Finding(self.code, "passed", told, figures)
        if not crossval.powered:
            return Finding(self.code, "not_applicable", f"{told}; too few rows to veto", figures)
        return Finding(
            self.code,
            "failed",
            f"{told}, the veto is at {limit:.2f}",
            figures,
            "an improvement that holds whatever folds and seeds are used",
        )


def _scaled(n: int, found: int, wanted: int) -> int:
    """Examples that hold `wanted` of what `n` hold `found`; of what was not found at all, one."""
    return math.ceil(n * wanted / max(found, 1))


RULES: tuple[Rule, ...] = (
    DistinctModels(),
    FiniteFigures(),
    EnoughEvidence(),
    BoundedSkew(),
    Significance(),
    CrossValidatedVeto(),
    RepeatedValidation(),
    ConsistentBlocks(),
    Guardrails(),
    AgreeingRaters(),
)


BY_PEOPLE: tuple[Rule, ...] = (ReliableRaters(),)
"""Rules that are asked only where people give the metric."""


def rules(*, by_people: bool = False) -> tuple[Rule, ...]:
    """The built-in rules and those registered under the entry-point group `hokusai.rules`.

    Parameters
    ----------
    by_people : bool
        Whether people give the metric.

    Raises
    ------
    InputError
        When two rules share a code.
    """
    loaded = [point.load()() for point in sorted(entry_points(group="hokusai.rules"), key=str)]
    every: Sequence[Rule] = (*RULES, *(BY_PEOPLE if by_people else ()), *loaded)
    codes = [rule.code for rule in every]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise InputError(f"rule codes must be unique; given twice: {', '.join(twice)}")
    return tuple(every)
