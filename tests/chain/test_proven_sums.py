"""Paired sums of tallies: the contract's, the metrics' own, and the formula's, the same."""

from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hokusai_mlflow.chain.proof_verifier import ProofVerifier
from hokusai_mlflow.deltaone import PairedSums, improvement_bps
from hokusai_mlflow.errors import ContractRefused, InputError, MetricUndefined
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.proven_sums import MACRO, Circuit, added, proven_sums, unpack
from hokusai_mlflow.stats.paired import paired_scores

ACCURACY = Circuit("accuracy", 1_024, 4, 16)
LOSS = Circuit("absolute_loss", 1_024, 20, 1_000)
SQUARED = Circuit("squared_loss", 1_024, 20, 1_000)
RATIOS = ("precision", "recall", "f1")


def confusion(classes: int) -> Circuit:
    return Circuit("confusion", 1_024, 2, classes)


def tally_of(y, b, c, classes: int) -> list[int]:
    cells = (np.asarray(y) * classes + b) * classes + c
    return [len(y), *np.bincount(cells, minlength=classes**3).tolist()]


@pytest.fixture
def contract(world):
    return ProofVerifier(world.verifier)


@st.composite
def rows(draw):
    classes = draw(st.integers(2, 4))
    n = draw(st.integers(1, 40))
    label = st.lists(st.integers(0, classes - 1), min_size=n, max_size=n)
    return classes, draw(label), draw(label), draw(label)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=rows(), score=st.sampled_from(RATIOS), macro=st.booleans())
def test_the_contract_scores_confusions_to_the_last_unit(contract, rows, score, macro):
    classes, y, b, c = rows
    tally, circuit = tally_of(y, b, c, classes), confusion(classes)
    positive = MACRO if macro else classes - 1
    try:
        expected = proven_sums(tally, circuit, score, positive)
    except MetricUndefined:
        with pytest.raises(ContractRefused, match="ScoreUndefined"):
            contract.sums_of(tally, circuit, score, positive)
        return
    assert contract.sums_of(tally, circuit, score, positive) == expected


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    circuit=st.sampled_from((ACCURACY, LOSS, SQUARED)),
    n=st.integers(0, 50),
    counts=st.lists(st.integers(0, 60), min_size=5, max_size=5),
)
def test_the_contract_refuses_what_no_rows_have_likewise(contract, circuit, n, counts):
    tally = [n, *counts][: circuit.tally_length]
    score = "accuracy" if circuit is ACCURACY else "loss"
    try:
        expected = proven_sums(tally, circuit, score)
    except InputError:
        with pytest.raises(ContractRefused, match="CountsContradictory"):
            contract.sums_of(tally, circuit, score)
        return
    assert contract.sums_of(tally, circuit, score) == expected


@pytest.mark.parametrize(("score", "average"), list(product(RATIOS, ("binary", "macro"))))
def test_linearised_scores_are_those_of_the_metric(score, average):
    random = np.random.default_rng(5)
    classes = 2 if average == "binary" else 5
    y, b, c = (random.integers(0, classes, 700) for _ in range(3))
    b, c = np.where(random.random(700) < 0.5, y, b), np.where(random.random(700) < 0.7, y, c)
    positive = 1 if average == "binary" else MACRO
    found = proven_sums(tally_of(y, b, c, classes), confusion(classes), score, positive)
    of = metric(score, average=average, classes=range(classes))
    expected = PairedSums.of(*paired_scores(of, y, b, c))
    for name in ("b", "c"):
        # A few units of 1e-9 for every row, from rounding down.
        assert abs(getattr(found, name) - getattr(expected, name)) <= 5 * 700
    for name in ("bb", "cc", "bc"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-6)
    bps = improvement_bps("linear", found)
    exact = 1e4 * (of.score(y, c) - of.score(y, b))
    assert bps == pytest.approx(exact, abs=1)


def test_parts_are_added_before_they_are_scored():
    random = np.random.default_rng(6)
    y, b, c = random.integers(0, 3, (3, 300))
    parts = [tally_of(y[part], b[part], c[part], 3) for part in (slice(0, 90), slice(90, 300))]
    whole = tally_of(y, b, c, 3)
    assert added(parts) == whole
    apart = sum((proven_sums(p, confusion(3), "f1") for p in parts), PairedSums(0, 0, 0, 0, 0, 0))
    assert apart != proven_sums(whole, confusion(3), "f1")


def test_accuracy_is_that_of_the_paired_scores():
    random = np.random.default_rng(7)
    y, b, c = random.integers(0, 16, (3, 500))
    c = np.where(random.random(500) < 0.6, y, c)
    hits = [int(np.sum(y == b)), int(np.sum(y == c)), int(np.sum((y == b) & (y == c)))]
    found = proven_sums([500, *hits], ACCURACY, "accuracy")
    assert found == PairedSums.of(*paired_scores(metric("accuracy"), y, b, c))


def test_packed_counts():
    circuit = confusion(3)
    assert (circuit.count_bits, circuit.count_words) == (11, 2)  # 23 of 27 counts fit into a word
    counts = list(range(27))
    words = [
        sum(count << (11 * k) for k, count in enumerate(part))
        for part in (counts[:23], counts[23:])
    ]
    assert unpack(circuit, words) == counts
    with pytest.raises(InputError, match="more than 4 counts"):
        unpack(circuit, [words[0], words[1] | 1 << 44])
    with pytest.raises(InputError, match="states 2 words"):
        unpack(circuit, words[:1])


@pytest.mark.parametrize("cap", [3, 31_622, 0])
def test_losses_whose_unit_is_no_whole_number(cap):
    circuit = Circuit("squared_loss", 128, 20, cap)
    with pytest.raises(InputError, match="must divide"):
        _ = circuit.loss_unit
