"""`make mutants` takes long; that it still finds what it breaks does not."""

import sys
from pathlib import Path

import pytest

CONTRACTS = Path(__file__).parents[2] / "hokusai_mlflow" / "contracts"
sys.path.append(str(Path(__file__).parents[1] / "contracts"))
from mutations import MUTANTS  # noqa: E402 - a script's neighbour, no package


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_mutant_changes_is_there_once(mutant):
    source = (CONTRACTS / mutant.source).read_text(encoding="utf-8")
    assert source.count(mutant.before) == 1
    assert mutant.before != mutant.after


def test_every_mutant_has_a_name_of_its_own():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
