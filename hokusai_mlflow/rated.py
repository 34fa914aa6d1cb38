"""The test of a candidate that people rated, and the measurement that is paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.contributions.digests import evaluation_digest
from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.inputs import PAYMENT
from hokusai_mlflow.people import People, look_at_raters
from hokusai_mlflow.ratings.blinding import Unblinded
from hokusai_mlflow.ratings.given import GivenRatings
from hokusai_mlflow.rounds import Round
from hokusai_mlflow.stats.comparison import compare_outputs
from hokusai_mlflow.stats.paired import paired_scores
from hokusai_mlflow.trial import Models, Trial, logged_beside, run_gate_trial


def look_at(attempt: Attempt, asked: Round, given: GivenRatings) -> tuple[GivenRatings, People]:
    """Ratings that enter the test, under pseudonyms, and what is known of the raters."""
    spec = attempt.inputs.spec
    order = sorted(given.raters, key=lambda name: asked.blinding.name("rater", name))
    names = {name: f"rater {at}" for at, name in enumerate(order, start=1)}
    hidden = GivenRatings(
        tuple(replace(row, rater=names[row.rater]) for row in given.rows), given.left_out
    )
    people = look_at_raters(
        hidden,
        frozenset(one.question for one in asked.unblinded[attempt.holdout]),
        {alias: name for name, alias in names.items()},
        excludes=spec.human.flagged == "exclude",
        min_raters=spec.gate.min_raters,
    )
    return hidden.without(people.excluded), people


def rated_trial(
    attempt: Attempt,
    models: Models,
    unblinded: Sequence[Unblinded],
    given: GivenRatings,
    *,
    level: float,
) -> Trial:
    """Compare what people gave to champion and candidate on one part of the pool.

    The test is clustered two ways, by example (or the group it belongs to) and by rater. The paired
    sums, from which the contract rederives the improvement, have one unit per example: raters are
    too few for a sum to be trusted by itself.

    Raises
    ------
    InputError
        When too little was rated to compare.
    """
    spec, of = attempt.inputs.spec, attempt.inputs.metric
    pool = attempt.inputs.pool
    position = {name: at for at, name in enumerate(pool.ids.tolist())}
    rows = pool.take(np.array([position[one.item] for one in unblinded]))
    paired = given.unblind(unblinded).pair(
        baseline="champion", candidate="candidate", unpaired="drop"
    )
    at = np.array([position[item] for item in paired.items.tolist()])
    grouped = attempt.inputs.groups(pool)
    units = paired.items if grouped is None else grouped[at]
    comparison = compare_outputs(
        of,
        None,
        paired.baseline,
        paired.candidate,
        level=level,
        groups=(units, paired.raters),
        min_effect_bps=float(spec.gate.min_improvement_bps),
    )
    scores = paired_scores(of, None, paired.baseline, paired.candidate, groups=units)
    ids = np.array(
        [f"{item} by {rater}" for item, rater in zip(paired.items, paired.raters, strict=True)]
    )
    targets = pool.targets[at]
    return Trial(
        comparison,
        PairedSums.of(*scores),
        evaluation_digest(ids, targets),
        logged_beside(attempt, models, rows),
        {
            "id": ids,
            "target": targets,
            "champion": paired.baseline,
            "candidate": paired.candidate,
            "group": units,
            "rater": paired.raters,
        },
    )


def rated_gate_trial(
    attempt: Attempt, models: Models, asked: Round, given: GivenRatings, *, level: float
) -> Trial:
    """`rated_trial` on the sealed hold-out, with guardrails, and who the raters are.

    Parameters
    ----------
    attempt, models
        What is tested.
    asked : Round
        What people were asked.
    given : GivenRatings
        All that counts.
    level : float
        Of the test.
    """
    entering, people = look_at(attempt, asked, given)
    unblinded = asked.unblinded[attempt.holdout]
    tested = rated_trial(attempt, models, unblinded, entering, level=level)
    rows = attempt.inputs.part(attempt.holdout)
    whole = run_gate_trial(attempt, models, rows, level=level, tested=tested)
    return replace(whole, people=people)


def rated_payment_trial(
    attempt: Attempt, models: Models, asked: Round, given: GivenRatings, *, level: float
) -> Trial:
    """`rated_trial` on the payment set; the same raters are left out as in the test."""
    entering, _ = look_at(attempt, asked, given)
    return rated_trial(attempt, models, asked.unblinded[PAYMENT], entering, level=level)
