"""`compare`: arrays by position, series by index."""

import subprocess
import sys

import pandas as pd
import pytest

from hokusai_mlflow.comparing import compare
from hokusai_mlflow.errors import InputError, UnknownName
from hokusai_mlflow.metrics import metric

TRUTH = pd.Series([1, 0, 1, 1, 0, 1], index=list("abcdef"))
BASELINE = pd.Series([1, 1, 0, 1, 0, 0], index=list("abcdef"))
CANDIDATE = pd.Series([1, 0, 0, 1, 0, 1], index=list("abcdef"))


def test_arrays_and_lists():
    found = compare(TRUTH.tolist(), BASELINE.to_numpy(), CANDIDATE.to_numpy(), metric="accuracy")
    assert (found.baseline, found.candidate) == (0.5, pytest.approx(5 / 6))
    assert found.discordant == (2, 0)


def test_series_are_paired_by_index():
    shuffled = CANDIDATE.sample(frac=1, random_state=0)
    assert list(shuffled.index) != list("abcdef")
    straight = compare(TRUTH, BASELINE, CANDIDATE, metric="accuracy")
    assert compare(TRUTH, BASELINE, shuffled, metric="accuracy") == straight


def test_one_series_among_arrays_is_paired_by_position():
    odd = pd.Series(TRUTH.to_numpy(), index=[7, 3, 9, 1, 0, 5])
    found = compare(odd, BASELINE.to_numpy(), CANDIDATE.to_numpy(), metric="accuracy")
    assert found == compare(TRUTH, BASELINE, CANDIDATE, metric="accuracy")


def test_groups_beside_targets():
    groups = pd.Series(list("xxyyzz"), index=TRUTH.index)
    found = compare(
        TRUTH, BASELINE.to_numpy(), CANDIDATE.to_numpy(), metric="accuracy", groups=groups
    )
    assert (found.groups, found.test) == (3, "t+hall")


def test_unpaired_index():
    with pytest.raises(InputError, match="same index, found 2 examples"):
        compare(TRUTH, BASELINE, CANDIDATE.rename({"f": "g"}), metric="accuracy")


def test_duplicated_index():
    with pytest.raises(InputError, match="index 'a' twice"):
        compare(TRUTH, BASELINE, CANDIDATE.rename({"b": "a"}), metric="accuracy")


def test_array_between_series_of_another_order():
    with pytest.raises(InputError, match="make them all series"):
        compare(TRUTH, BASELINE.iloc[::-1], CANDIDATE.to_numpy(), metric="accuracy")


def test_data_frame():
    with pytest.raises(InputError, match="choose a column"):
        compare(TRUTH, BASELINE.to_frame(), CANDIDATE, metric="accuracy")


def test_metric_by_name_or_object():
    one = compare(TRUTH, BASELINE, CANDIDATE, metric="f1", average="macro")
    assert one == compare(TRUTH, BASELINE, CANDIDATE, metric=metric("f1", average="macro"))
    with pytest.raises(InputError, match="bound already"):
        compare(TRUTH, BASELINE, CANDIDATE, metric=metric("f1"), average="macro")
    with pytest.raises(UnknownName, match="f1"):
        compare(TRUTH, BASELINE, CANDIDATE, metric="f2")


def test_level_and_minimum_effect_are_passed_on():
    found = compare(TRUTH, BASELINE, CANDIDATE, metric="accuracy", level=0.2, min_effect_bps=25)
    assert (found.level, found.min_effect_bps) == (0.2, 25)


def test_importing_the_core_loads_nothing_heavy():
    heavy = ["sklearn", "pandas", "scipy", "mlflow", "prefect"]
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, hokusai_mlflow.metrics, hokusai_mlflow.stats, hokusai_mlflow.comparing;"
            f"print([m for m in {heavy!r} if m in sys.modules])",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "[]"
