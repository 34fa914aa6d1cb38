"""The rules that an improvement is not one seed's, nor one part of the world's."""

from __future__ import annotations

import math
from typing import Any

from hokusai_mlflow.gate.case import Case
from hokusai_mlflow.gate.finding import Finding
from hokusai_mlflow.stats.blocks import BlockConsistency


class RepeatedValidation:
    """Both recipes refitted with other seeds: the candidate's is better every time."""

    code = "validation-runs"
    title = "Better with every seed"

    def evaluate(self, case: Case) -> Finding:
        """Fail unless all runs improve on the sealed hold-out."""
        runs = case.validation_runs
        if runs is None or not runs.improvements_bps:
            return Finding(self.code, "not_applicable", "no validation runs were made")
        k = len(runs.improvements_bps)
        least = min(runs.improvements_bps)
        figures: dict[str, Any] = {"better": runs.better, "runs": k, **runs.to_dict()}
        if not all(map(math.isfinite, runs.improvements_bps)):
            figures |= {"improvements_bps": None}
            told = "an improvement is not a finite number"
            return Finding(self.code, "failed", told, figures, "check the refitted predictions")
        told = f"{runs.better} of {k} better, the least by {least:+.0f} bps"
        if runs.better == k:
            return Finding(self.code, "passed", told, figures)
        remedy = "an improvement that holds whatever seed is used"
        return Finding(self.code, "failed", told, figures, remedy)


class ConsistentBlocks:
    """The improvement holds without any one structural block, and no block contradicts it.

    - Without any one block it stays significant (H0: Δ ≤ 0 at `block_p`). A rest that is not
      significant is a failure when it could have found the policy's `detectable_bps` with 80 %
      power, else not enough evidence.
    - No block alone is significantly worse, Bonferroni over the blocks.
    - The blocks improve alike: Cochran's Q has p above `homogeneity_p`.
    """

    code = "blocks"
    title = "Holds in every block"

    def evaluate(self, case: Case) -> Finding:
        """Judge the blocks; a contradiction counts before a lack of evidence."""
        found, policy = case.blocks, case.policy
        if found is None:
            return Finding(self.code, "not_applicable", "the spec names no blocks")
        worst = found.worst
        figures: dict[str, Any] = {
            "blocks": len(found.blocks),
            "worst": None if worst is None else worst.name,
            "worst_bps": None if worst is None else worst.improvement_bps,
            "deciding": found.deciding.name,
            "rest_p_value": found.deciding.rest_p_value,
            "q": found.q,
            "q_p_value": found.q_p_value,
            "rows": list(found.to_dict()["blocks"]),
        }
        broken = _contradictions(found, policy.worse_block_alpha, policy.homogeneity_p)
        short = []
        for block in found.blocks:
            p, finds = block.rest_p_value, block.rest_detectable_bps
            if p is not None and p <= found.level:
                continue
            if p is not None and finds is not None and finds <= found.effect_bps:
                broken.append(f"without {block.name} the improvement is gone (p = {p:.2g})")
            else:
                short.append(block.name)
        if len(found.blocks) < 2 and not short:
            short = [found.blocks[0].name]
        told = f"{len(found.blocks)} blocks, weakest without {found.deciding.name}"
        if found.deciding.rest_p_value is not None:
            told += f" (p = {found.deciding.rest_p_value:.2g})"
        if worst is not None:
            told += f", worst {worst.name} ({worst.improvement_bps:+.0f} bps)"
        if broken:
            return Finding(
                self.code,
                "failed",
                "; ".join(broken),
                figures,
                "an improvement that does not come from one block, nor at the cost of one",
            )
        if short:
            needed = found.required_n
            examples = "more examples" if needed is None else f"about {needed:,} examples"
            return Finding(
                self.code,
                "insufficient",
                f"without {', '.join(short)} too little is left to test",
                {"blocks": len(found.blocks), "required_n": needed},
                f"{examples} in more than one block",
            )
        return Finding(self.code, "passed", f"{told}, Q's p = {found.q_p_value:.2g}", figures)


def _contradictions(found: BlockConsistency, alpha: float, homogeneity_p: float) -> list[str]:
    """Blocks that are worse, and blocks that are unlike."""
    tested = [block for block in found.blocks if block.p_worse is not None]
    told = [
        f"{block.name} gets worse ({block.improvement_bps:+.0f} bps, p = {block.p_worse:.2g})"
        for block in tested
        if block.p_worse is not None and block.p_worse <= alpha / len(tested)
    ]
    # Not "not above": NaN must count against the candidate.
    if homogeneity_p > 0 and not found.q_p_value > homogeneity_p:
        told.append(f"blocks differ (Cochran's Q = {found.q:.1f}, p = {found.q_p_value:.2g})")
    return told
