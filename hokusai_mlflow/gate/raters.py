"""The rule that people who rate agree well enough for their ratings to decide."""

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
