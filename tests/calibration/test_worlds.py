"""The rulers: every world's true difference against a very large sample of it."""

import numpy as np
import pytest

from hokusai_mlflow.stats import compare_outputs

from .cells import cells
from .worlds.world import BPS, tuned

ONE_OF_EACH = {(type(c.world), c.metric.signature, getattr(c.world, "tails", None),
                getattr(c.world, "wild", None), getattr(c.world, "lean", 0) > 0,
                getattr(c.world, "ties", None), getattr(c.world, "spread", None)): c
               for c in cells("full")}  # fmt: skip


@pytest.mark.parametrize("cell", ONE_OF_EACH.values(), ids=lambda cell: cell.name)
def test_truth(cell):
    """Within 4.5 standard errors of what 200 000 examples show."""
    world = tuned(cell.world, cell.metric, 50.0)
    assert world.truth(cell.metric) * BPS == pytest.approx(50.0, abs=1e-6)
    drawn = world.draw(np.random.default_rng(1), 200_000)
    seen = compare_outputs(
        cell.metric, drawn.targets, drawn.baseline, drawn.candidate, groups=drawn.groups
    )
    assert abs(seen.improvement_bps - 50.0) < 4.5 * seen.std_error_bps
