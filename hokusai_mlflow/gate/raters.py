"""The rules that raters agree well enough, and can be relied on, for their ratings to decide."""

from __future__ import annotations

from hokusai_mlflow.gate.case import Case
from hokusai_mlflow.gate.finding import Finding


class AgreeingRaters:
    """Krippendorff's α reaches the policy's minimum.

    Krippendorff (2004) draws tentative conclusions from 0.667 and firm ones from 0.8; Human
    Communication Research 30(3), 411–433, DOI 10.1111/j.1468-2958.2004.tb00738.x.
    """

    code = "agreement"
    title = "Raters agree"

    def evaluate(self, case: Case) -> Finding:
        """Raters who disagree are not enough evidence, whatever the models are worth."""
        if case.agreement is None and case.by_people:
            return Finding(
                self.code,
                "insufficient",
                "how far the raters agree is not known",
                {"limit": case.policy.min_agreement},
                "give the table of ratings, not their means",
            )
        if case.agreement is None:
            return Finding(self.code, "not_applicable", "the metric is not given by people")
        alpha, least = case.agreement.alpha, case.policy.min_agreement
        # Not "below": NaN is no agreement.
        if not alpha >= least:
            shown = f"{alpha:.3f}" if alpha == alpha else "undefined"  # noqa: PLR0124
            return Finding(
                self.code,
                "insufficient",
                f"Krippendorff's α = {shown}, the policy wants {least:g}",
                {"limit": least},
                "clearer instructions to raters, or more raters per item",
            )
        told = f"Krippendorff's α = {alpha:.3f} ≥ {least:g}"
        return Finding(self.code, "passed", told, {"alpha": alpha, "limit": least})


class ReliableRaters:
    """Raters who stand out were treated as planned, and enough others are left.

    They are found blind to the models (`hokusai_mlflow.stats.screening`), so that leaving them out
    favours neither.
    """

    code = "raters"
    title = "Raters can be relied on"

    def evaluate(self, case: Case) -> Finding:
        """Too few raters without those who stand out are not enough evidence."""
        raters = case.raters
        if raters is None:
            return Finding(self.code, "not_applicable", "raters were not screened")
        figures = {
            "raters": raters.count,
            "flagged": {name: list(codes) for name, codes in raters.reasons.items()},
            "excluded": list(raters.excluded),
        }
        names = ", ".join(
            f"{name} ({', '.join(codes)})" for name, codes in sorted(raters.reasons.items())
        )
        if not names:
            told = f"none of {raters.count} raters stands out"
            return Finding(self.code, "passed", told, figures)
        told = f"{len(raters.reasons)} of {raters.count} raters stand out: {names}"
        if not raters.excludes:
            return Finding(self.code, "passed", f"{told}; kept, as the spec says", figures)
        if not raters.excluded:
            return Finding(
                self.code,
                "insufficient",
                f"{told}; without them fewer than {case.policy.min_raters} would be left",
                figures,
                "ratings by more people",
            )
        return Finding(self.code, "passed", f"{told}; left out before the comparison", figures)
