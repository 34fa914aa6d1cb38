"""What two systems got from the same raters on the same items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hokusai_mlflow.metrics.inputs import Floats, Vector


@dataclass(frozen=True, eq=False)
class PairedRatings:
    """Two systems' ratings by the same raters on the same items, for `compare`.

    ``compare(None, paired.baseline, paired.candidate, groups=paired.groups, metric=...)``, with
    `human_score` for ratings and `preference` for preferences.

    Attributes
    ----------
    baseline, candidate : array, shape (n,)
        Rating of each system.
    items, raters : array, shape (n,)
        What was rated and by whom.
    unpaired : int
        Ratings of these systems that had no counterpart and were dropped.
    """

    baseline: Floats
    candidate: Floats
    items: Vector
    raters: Vector
    unpaired: int = 0

    @property
    def groups(self) -> tuple[Vector, Vector]:
        """Clusters: ratings of one item, and ratings by one rater, depend on each other."""
        return self.items, self.raters

    def __repr__(self) -> str:
        dropped = f", {self.unpaired:,} unpaired" if self.unpaired else ""
        return (
            f"<PairedRatings {len(self.baseline):,} pairs, {len(np.unique(self.items)):,} items, "
            f"{len(np.unique(self.raters)):,} raters{dropped}>"
        )
