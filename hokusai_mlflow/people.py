"""Who rated, how far they agree, and who of them stands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hokusai_mlflow.errors import MetricUndefined
from hokusai_mlflow.evidence import digest
from hokusai_mlflow.ratings.given import GivenRatings
from hokusai_mlflow.stats.agreement import Agreement, krippendorff
from hokusai_mlflow.stats.agreement_interval import alpha_interval
from hokusai_mlflow.stats.screening import Screening


@dataclass(frozen=True, repr=False)
class People:
    """Who rated, blind to the models.

    Attributes
    ----------
    screening : Screening
        Of everybody, under the names of `pseudonyms`.
    excluded : tuple of str
        Whose ratings were left out before anything was compared.
    excludes : bool
        Whether the spec says to leave out who stands out.
    agreement : Agreement or None
        Krippendorff's α (ordinal) of the others; None where it is undefined.
    interval : (float, float) or None
        95 % bootstrap interval of α.
    ratings : str
        Digest of all ratings.
    left_out : mapping of str to int
        What else was found on the answers, by reason.
    pseudonyms : mapping of str to str
        From the names in evidence to those that raters gave, which stay out of it.
    """

    screening: Screening
    excluded: tuple[str, ...]
    excludes: bool
    agreement: Agreement | None
    interval: tuple[float, float] | None
    ratings: str
    left_out: Mapping[str, int] = field(default_factory=dict)
    pseudonyms: Mapping[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Raters."""
        return len(self.screening.raters)

    @property
    def reasons(self) -> Mapping[str, tuple[str, ...]]:
        """Codes of why a rater stands out, by name."""
        return {
            rater.name: tuple(flag.code for flag in rater.flags)
            for rater in self.screening.raters
            if rater.flags
        }

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, part of the evidence; raters under their pseudonyms."""
        return {
            "agreement": None if self.agreement is None else self.agreement.to_dict(),
            "interval": None if self.interval is None else list(self.interval),
            "screening": self.screening.to_dict(),
            "excluded": list(self.excluded),
            "flagged": "exclude" if self.excludes else "keep",
            "ratings": self.ratings,
            "left_out": dict(self.left_out),
        }

    def __repr__(self) -> str:
        alpha = "undefined" if self.agreement is None else f"{self.agreement.alpha:.3f}"
        return f"People({self.count} raters, α {alpha}, {len(self.reasons)} stand out)"


def look_at_raters(
    given: GivenRatings,
    tested: frozenset[str],
    pseudonyms: Mapping[str, str],
    *,
    excludes: bool,
    min_raters: int,
) -> People:
    """Screen raters and measure their agreement, without knowing whose the answers are.

    Parameters
    ----------
    given : GivenRatings
        All ratings of the round, under pseudonyms.
    tested : frozenset of str
        Questions that the test is on; agreement is measured there.
    pseudonyms : mapping of str to str
        For the report.
    excludes : bool
        Whether to leave out who stands out, unless fewer than `min_raters` would be left.
    min_raters : int
        Fewest raters that must be left.
    """
    screening = given.screen()
    flagged = screening.flagged
    enough = len(given.raters) - len(flagged) >= max(min_raters, 2)
    excluded = flagged if excludes and enough else ()
    rest = given.without(excluded)
    rest = GivenRatings(tuple(row for row in rest.rows if row.question in tested))
    agreement, interval = None, None
    try:
        answers, questions, raters, values = rest.arrays()
        agreement = krippendorff(answers, raters, values)
        seed = int(digest(given.to_dict())[:8], 16)
        interval = alpha_interval(answers, raters, values, clusters=questions, seed=seed)
    except MetricUndefined:
        pass
    return People(
        screening,
        excluded,
        excludes,
        agreement,
        interval,
        digest(given.to_dict()),
        given.left_out,
        pseudonyms,
    )
