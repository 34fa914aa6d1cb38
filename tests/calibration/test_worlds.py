"""The rulers: every world's true difference against a very large sample of it."""

import numpy as np
import pytest

from hokusai_mlflow.metrics.registry import metric
from hokusai_mlflow.stats import compare_outputs, paired_scores
from hokusai_mlflow.stats.watching import Fresh

from . import monitoring
from .attackers import Holdout, Model
from .cells import cells
from .lifetime import N, by_test
from .worlds.texts import Tabled, TextWorld, texts
from .worlds.world import BPS, tuned


def one_of_each():
    """A cell of every world, metric and way of differing; numbers of a world do not matter."""
    found = {}
    for cell in cells("full"):
        world = cell.world
        ways = [getattr(world, name, None) for name in ("tails", "wild", "ties", "spread")]
        leaning = getattr(world, "lean", 0) > 0
        found[type(world), cell.metric.signature, *ways, leaning] = cell
    return found.values()


@pytest.mark.parametrize("cell", one_of_each(), ids=lambda cell: cell.name)
def test_truth(cell):
    """Within 4.5 standard errors of what 200 000 examples show."""
    world = tuned(cell.world, cell.metric, 50.0)
    assert world.truth(cell.metric) * BPS == pytest.approx(50.0, abs=1e-6)
    drawn = world.draw(np.random.default_rng(1), 200_000)
    seen = compare_outputs(
        cell.metric, drawn.targets, drawn.baseline, drawn.candidate, groups=drawn.groups
    )
    assert abs(seen.improvement_bps - 50.0) < 4.5 * seen.std_error_bps


@pytest.mark.parametrize("name", ["bleu", "rouge2"])
def test_tables_stand_for_texts(name):
    """Rows of the tables give what the texts themselves give."""
    drawn = TextWorld().draw(np.random.default_rng(2), 200)
    by_rows = compare_outputs(
        Tabled(metric(name)), drawn.targets, drawn.baseline, drawn.candidate
    ).to_dict()
    by_texts = compare_outputs(metric(name), *texts(drawn)).to_dict()
    for key in ("improvement", "std_error_bps", "ci_low_bps", "p_value", "skew", "detectable_bps"):
        assert by_rows[key] == pytest.approx(by_texts[key], rel=1e-9, abs=1e-12), key


@pytest.mark.parametrize("level", [0.2, 0.05, 0.0025])
def test_counts_stand_for_the_gate(level):
    """Lives of a thousand looks use counts; the gate itself decides the same."""
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(40):
        holdout = Holdout(rng, N)
        champion = holdout.first()
        share = rng.uniform(0.5, 0.6)
        coins = np.where(rng.random(len(holdout.labels)) < share, holdout.labels, ~holdout.labels)
        candidate = Model(coins)
        by_gate = holdout.gate(champion, candidate, level)
        assert by_gate == by_test(holdout, champion, candidate, level)
        seen.add(by_gate)
    assert seen == {True, False}


def test_an_honest_step_is_no_false_reward():
    """A learned block is paid for; the same guesses again are not."""
    rng = np.random.default_rng(4)
    holdout = Holdout(rng, N)
    champion = holdout.first()
    assert holdout.gate(champion, Model(champion.coins, 1), 0.0025)
    assert not holdout.gate(champion, champion, 0.05)


@pytest.mark.parametrize("name", monitoring.WORLDS)
def test_days_of_counts_are_days_of_examples(name):
    """The same scores as example by example, from the same random numbers."""
    of, world = monitoring.WORLDS[name][0], monitoring._world(name, 100.0)
    (day,) = monitoring.days(of, world, np.random.default_rng(5), 1, 2_000)
    drawn = world.draw(np.random.default_rng(5), 2_000)
    b, c = paired_scores(of, drawn.targets, drawn.baseline, drawn.candidate)
    same = Fresh.of(b, c)
    for part in ("n", "b", "c", "bb", "cc", "bc"):
        ours, theirs = (getattr(one.sums, part) for one in (day.fresh, same))
        assert ours == pytest.approx(theirs, rel=1e-8)
    assert (day.fresh.low, day.fresh.high) == pytest.approx((same.low, same.high))
    assert day.scores == pytest.approx((c.min(), c.max()))
