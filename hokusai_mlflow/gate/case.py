"""What the rules judge: one value that holds everything that was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from hokusai_mlflow.gate.guarded import Guarded
from hokusai_mlflow.gate.policy import GatePolicy
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.stats.blocks import BlockConsistency
from hokusai_mlflow.stats.comparison import Comparison
from hokusai_mlflow.stats.crossval import CrossValidation


class Agreement(Protocol):
    """How far raters agree, such as `hokusai_mlflow.stats.agreement` finds it."""

    @property
    def alpha(self) -> float:
        """Krippendorff's α: 1 is perfect agreement, 0 what chance gives."""
        ...


class Raters(Protocol):
    """Who rated, and who of them stands out."""

    @property
    def count(self) -> int:
        """Raters."""
        ...

    @property
    def reasons(self) -> Mapping[str, tuple[str, ...]]:
        """Codes of why a rater stands out, by name; only of those who do."""
        ...

    @property
    def excluded(self) -> tuple[str, ...]:
        """Those whose ratings were left out before anything was compared."""
        ...

    @property
    def excludes(self) -> bool:
        """Whether the plan was to leave them out."""
        ...


@dataclass(frozen=True)
class ValidationRuns:
    """Both recipes refitted with seeds that nobody has seen, scored on the sealed hold-out.

    Attributes
    ----------
    seeds : tuple of int
        One per run; derived from the pipeline's, never the submitter's.
    improvements_bps : tuple of float
        Candidate's over champion's, in the same order.
    """

    seeds: tuple[int, ...]
    improvements_bps: tuple[float, ...]

    @property
    def better(self) -> int:
        """Runs in which the candidate is better."""
        return sum(bps > 0 for bps in self.improvements_bps)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"seeds": list(self.seeds), "improvements_bps": list(self.improvements_bps)}


@dataclass(frozen=True)
class Case:
    """Everything that the rules judge; what was not measured is absent.

    Attributes
    ----------
    comparison : Comparison
        Champion against candidate on the sealed hold-out, at the level of this look.
    crossval : CrossValidation or None
        Champion's recipe against candidate's recipe, refitted on the same folds.
    policy : GatePolicy
        The thresholds.
    needs_classes : bool
        Whether the metric is defined by class.
    unbounded : bool
        Whether the metric is a loss without a cap, so that one wild prediction decides any test.
    by_people : bool
        Whether people give the metric, so that their agreement must be known.
    same_model : bool
        Whether champion and candidate are the same content.
    guardrails : sequence of Guarded
        What may not get worse: other metrics, and slices of the paid one.
    blocks : BlockConsistency or None
        The comparison without each structural block, and on each alone.
    validation_runs : ValidationRuns or None
        Refits with other seeds.
    agreement : Agreement or None
        Of the raters, for metrics that people give.
    raters : Raters or None
        Who they are and who stands out, where they were screened.
    """

    comparison: Comparison
    crossval: CrossValidation | None
    policy: GatePolicy
    needs_classes: bool = False
    unbounded: bool = False
    by_people: bool = False
    same_model: bool = False
    guardrails: Sequence[Guarded] = ()
    blocks: BlockConsistency | None = None
    validation_runs: ValidationRuns | None = None
    agreement: Agreement | None = None
    raters: Raters | None = None

    @classmethod
    def of(
        cls,
        metric: Metric,
        comparison: Comparison,
        crossval: CrossValidation | None,
        policy: GatePolicy,
        **measured: Any,
    ) -> Self:
        """A case whose traits (`needs_classes`, `unbounded`, `by_people`) are the metric's.

        Parameters
        ----------
        metric : Metric
            What was compared.
        comparison, crossval, policy
            See the attributes.
        **measured
            The other attributes.
        """
        return cls(
            comparison,
            crossval,
            policy,
            needs_classes=metric.needs_classes,
            unbounded=metric.paired == "loss" and getattr(metric, "cap", None) is None,
            by_people=metric.by_people,
            **measured,
        )
