import gc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.stats.holm import holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def multipletests():
    """It collects garbage in every call; what other tests left need not be walked so often."""
    from statsmodels.stats.multitest import multipletests

    gc.freeze()
    yield multipletests
    gc.unfreeze()


@given(p_values=P_VALUES)
def test_adjusted_as_statsmodels_does(multipletests, p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], rel=1e-12)


def _rejected_step_by_step(p_values, alpha):
    """Holm's procedure as published: go on while the smallest left is at most α / tests left."""
    left, rejected = sorted(range(len(p_values)), key=lambda i: p_values[i]), set()
    while left and p_values[left[0]] * len(left) <= alpha:
        rejected.add(left.pop(0))
    return rejected


@given(P_VALUES, st.floats(0.001, 0.3))
def test_what_is_rejected_is_what_the_procedure_rejects(p_values, alpha):
    adjusted = holm(p_values)
    assert {i for i, p in enumerate(adjusted) if p <= alpha} == _rejected_step_by_step(
        p_values, alpha
    )


def test_a_worked_example_in_the_order_given():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([]).shape == (0,)


@pytest.mark.parametrize("broken", [[np.nan], [0.5, -0.1], [1.1], [np.inf], [None], ["a"], [[0.1]]])
def test_what_is_no_p_value_is_refused(broken):
    with pytest.raises(InputError, match="p-value"):
        holm(broken)
