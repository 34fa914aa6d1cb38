import numpy as np
import pytest

from hokusai_mlflow.contributions import partition
from hokusai_mlflow.errors import InputError

IDS = np.array([f"example-{i}" for i in range(20_000)])
CUT = {"reference": 0.06, "payment": 0.24, "holdouts": 2}


def test_sizes_follow_the_fractions():
    names, counts = np.unique(partition(IDS, b"key", **CUT), return_counts=True)
    assert names.tolist() == ["holdout-1", "holdout-2", "payment", "reference"]
    assert counts / len(IDS) == pytest.approx([0.35, 0.35, 0.24, 0.06], abs=0.01)


def test_part_depends_on_own_id_and_key_only():
    parts = partition(IDS, b"key", **CUT)
    some = np.random.default_rng(0).permutation(len(IDS))[:500]
    assert partition(IDS[some], b"key", **CUT).tolist() == parts[some].tolist()
    other = partition(IDS, b"other", **CUT)
    expected = 0.35**2 * 2 + 0.24**2 + 0.06**2
    assert (parts == other).mean() == pytest.approx(expected, abs=0.02)


def test_parts_are_fixed_forever():
    found = partition(IDS[:6], b"key", **CUT).tolist()
    assert found == ["holdout-1", "holdout-2", "holdout-2", "holdout-1", "payment", "payment"]


def test_no_payment_set():
    cut = partition(IDS, b"key", reference=0.5, payment=0.0, holdouts=1)
    assert set(cut.tolist()) == {"reference", "holdout-1"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference": 0.0}, "0 < reference"),
        ({"payment": -0.1}, "0 <= payment"),
        ({"reference": 0.8}, "nothing is left"),
        ({"holdouts": 0}, "at least 1 hold-out"),
    ],
)
def test_bad_cuts(change, message):
    with pytest.raises(InputError, match=message):
        partition(IDS, b"key", **{**CUT, **change})
    with pytest.raises(InputError, match="key is empty"):
        partition(IDS, b"", **CUT)
