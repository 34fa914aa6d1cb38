"""Predictions that come from a committed model: quantising, drawing, and the linked proof."""

import math
import pickle
import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from eth_utils.crypto import keccak
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from zk_worlds import CONTEXT, Mutations

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk import linked, sampling
from hokusai_mlflow.verification.zk.accuracy import Accuracy
from hokusai_mlflow.verification.zk.columns import Column
from hokusai_mlflow.verification.zk.field import R
from hokusai_mlflow.verification.zk.independent import verify_independently
from hokusai_mlflow.verification.zk.inference import Inference, named
from hokusai_mlflow.verification.zk.keys import KeyStore, verifying_key
from hokusai_mlflow.verification.zk.opening import (
    Opening,
    Side,
    features_commitment,
    row_digest,
    weights_commitment,
)
from hokusai_mlflow.verification.zk.quantised import (
    QuantisedClassifier,
    QuantisedModel,
    Shape,
    quantise,
    require_kind,
)
from hokusai_mlflow.verification.zk.r1cs import ConstraintViolated
from hokusai_mlflow.verification.zk.verifying import verify

SEED = bytes(range(32))


@pytest.mark.parametrize(
    ("bad_share", "miss", "expected"),
    [(0.01, 0.01, 459), (0.05, 0.001, 135), (0.10, 0.05, 29), (0.01, 0.001, 688)],
)
def test_how_many_rows_catch_bad_ones(bad_share, miss, expected):
    assert sampling.rows_to_draw(10_000, bad_share=bad_share, miss=miss) == expected
    assert (1 - bad_share) ** expected <= miss < (1 - bad_share) ** (expected - 1)
    assert sampling.rows_to_draw(20, bad_share=bad_share, miss=miss) <= 20


def shuffled(seed, part, n):
    """All of n rows by a whole Fisher–Yates shuffle."""
    own, order = keccak(seed + part.to_bytes(32, "big")), list(range(n))
    for at in range(n):
        drawn = int.from_bytes(keccak(own + at.to_bytes(32, "big")), "big")
        other = at + drawn % (n - at)
        order[at], order[other] = order[other], order[at]
    return order


def test_drawn_rows_are_distinct_uniform_and_depend_on_all():
    drawn = sampling.draw_rows(SEED, 0, 50, 20)
    assert len(set(drawn)) == 20
    assert drawn == shuffled(SEED, 0, 50)[:20]
    assert sorted(sampling.draw_rows(SEED, 3, 50, 50)) == list(range(50))
    assert drawn != sampling.draw_rows(SEED[::-1], 0, 50, 20)
    assert drawn != sampling.draw_rows(SEED, 1, 50, 20)
    counts = np.zeros(10)
    for number in range(600):
        counts[sampling.draw_rows(number.to_bytes(32, "big"), 0, 10, 3)] += 1
    # Each of ten places in 600 draws of three: five standard errors of a binomial share.
    assert abs(counts / 600 - 0.3).max() < 5 * (0.3 * 0.7 / 600) ** 0.5
    for rows, count, seed in ((5, 6, SEED), (5, 0, SEED), (5, 2, b"short")):
        with pytest.raises(InputError, match="1 to 5"):
            sampling.draw_rows(seed, 0, rows, count)


@pytest.mark.exhaustive
def test_bad_rows_are_missed_as_rarely_as_promised():
    """5 of 100 rows are bad; 29 of them are drawn so that 5 % is missed with a chance of 22.6 %."""
    bad, tries = {3, 14, 15, 92, 65}, 2_000
    count = sampling.rows_to_draw(100, bad_share=0.05, miss=0.226)
    assert count == 29
    missed = sum(
        bad.isdisjoint(sampling.draw_rows(number.to_bytes(32, "big"), 0, 100, count))
        for number in range(tries)
    )
    # Without replacement: C(95, 29)/C(100, 29), below the bound of 0.95^29.
    exact = math.comb(95, count) / math.comb(100, count)
    assert exact < 0.95**count
    assert abs(missed / tries - exact) < 4 * (exact * (1 - exact) / tries) ** 0.5


def test_pieces_cover_all_drawn_rows():
    assert sampling.pieces([9, 8, 7, 6, 5], 2) == [[9, 8], [7, 6], [5, 9]]
    assert sampling.pieces([9, 8, 7, 6, 5], 2, 3) == [[6, 5]]
    assert sampling.pieces([9], 3) == [[9, 9, 9]]


def models():
    iris, cancer = load_iris(return_X_y=True), load_breast_cancer(return_X_y=True)
    digits = load_digits(return_X_y=True)
    return {
        "logistic": (make_pipeline(StandardScaler(), LogisticRegression()), iris),
        "binary": (make_pipeline(MinMaxScaler(), LogisticRegression()), cancer),
        "ridge": (RidgeClassifier(), iris),
        "network": (
            make_pipeline(
                StandardScaler(),
                MLPClassifier((8,), max_iter=60, random_state=0, solver="lbfgs"),
            ),
            iris,
        ),
        "digits": (LogisticRegression(max_iter=8, C=0.01), digits),
    }


@pytest.fixture(scope="module", params=["logistic", "binary", "ridge", "network", "digits"])
def fitted(request):
    import warnings

    model, (x, y) = models()[request.param]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(x, y), x


def test_whole_numbers_follow_the_float_model(fitted):
    model, x = fitted
    made = quantise(model, x)
    assert made.compared == len(x)
    assert made.agreement >= 0.99
    classes = np.asarray(made.classes)
    assert np.mean(classes[made.predict(x)] == model.predict(x)) == made.agreement
    again = pickle.loads(pickle.dumps(QuantisedClassifier(made)))
    assert list(again.predict(x)) == list(classes[made.predict(x)])
    assert "agreement" in made.to_dict()
    assert "weights" not in made.to_dict()
    for weights in made.weights:
        assert np.abs(weights).max() < 2**15


def test_models_that_whole_numbers_do_not_follow():
    x, y = load_iris(return_X_y=True)
    with pytest.raises(InputError, match="linear classifier or a ReLU"):
        quantise(DecisionTreeClassifier().fit(x, y), x)
    with pytest.raises(InputError, match="fitted classifier"):
        quantise(LinearRegression().fit(x, y), x)
    with pytest.raises(InputError, match="PolynomialFeatures"):
        quantise(make_pipeline(PolynomialFeatures(), RidgeClassifier()).fit(x, y), x)
    tanh = MLPClassifier((3,), activation="tanh", solver="lbfgs", max_iter=500, random_state=0)
    with pytest.raises(InputError, match="tanh"):
        quantise(make_pipeline(StandardScaler(), tanh).fit(x[::10], y[::10]), x)
    # One outlier stretches the grid of a feature until all other rows fall on one step.
    fitted = LogisticRegression(max_iter=500).fit(x, y)
    stretched = np.vstack([x, np.full((1, 4), 1e9)])
    with pytest.raises(InputError, match="clip outliers"):
        quantise(fitted, stretched)
    with pytest.raises(InputError, match="finite features"):
        quantise(fitted, x).predict(np.full((2, 4), np.nan))
    with pytest.raises(InputError, match="only numbers"):
        quantise(fitted, np.array([["red"] * 4]))


def test_kinds_are_known_before_they_are_fitted():
    for model, _ in models().values():
        require_kind(model)
    for model in (DecisionTreeClassifier(), make_pipeline(StandardScaler(), LinearRegression())):
        with pytest.raises(InputError, match=r"cannot prove (Decision|LinearRegr).*LogisticRegr"):
            require_kind(model)


def test_a_candidate_takes_over_the_champions_grid():
    x, y = load_iris(return_X_y=True)
    champion = quantise(LogisticRegression(max_iter=500).fit(x[::3], y[::3]), x[::3])
    candidate = quantise(LogisticRegression(max_iter=500).fit(x, y), x, like=champion)
    assert np.array_equal(candidate.codes(x), champion.codes(x))
    assert candidate.agreement >= 0.99
    # A first version saw few rows: with a margin its grid has room for those that come.
    few = LogisticRegression(max_iter=500).fit(x[::15], y[::15])
    wide = quantise(few, x[::15], margin=1.0)
    ends = wide.low + wide.step * 4095
    span = x[::15].max(axis=0) - x[::15].min(axis=0)
    assert np.allclose(wide.low, x[::15].min(axis=0) - span)
    assert np.allclose(ends, x[::15].max(axis=0) + span)
    assert quantise(few, x, like=wide).agreement >= 0.99
    level = x * [1, 1, 1, 0] + [0, 0, 0, 7]
    flat = quantise(few.fit(level, y), level, margin=1.0)
    assert flat.low[3] == 0
    assert np.isclose(flat.low[3] + 4095 * flat.step[3], 21)
    narrow = RidgeClassifier().fit(x[:, :3], y)
    with pytest.raises(InputError, match="champion takes 4 features, the candidate 3"):
        quantise(narrow, x[:, :3], like=champion)
    # Where the data have left the grid, the candidate is not followed, and says so.
    away = x + 100
    with pytest.raises(InputError, match="clip outliers"):
        quantise(LogisticRegression(max_iter=500).fit(away, y), away, like=champion)


SIZES = {"binary": (3, 1), "classes": (3, 3), "network": (3, 2, 3)}


def tiny(kind, seed=3):
    rng = np.random.default_rng(seed)
    sizes = SIZES[kind]
    pairs = list(pairwise(sizes))
    return QuantisedModel(
        tuple(rng.integers(-(2**15), 2**15, (b, a)) for a, b in pairs),
        tuple(rng.integers(-(2**20), 2**20, b) for _, b in pairs),
        np.zeros(3),
        np.ones(3),
        tuple(range(max(2, sizes[-1]))),
    )


def opening(kinds, n=5, rows=(1, 3), seed=0):
    codes = np.random.default_rng(seed).integers(0, 4096, (n, 3))
    sides = [
        Side([int(code) for code in model.predict(codes)], salt, model, salt + 1)
        for salt, model in zip((5, 7), (tiny(kinds[0], 3), tiny(kinds[1], 4)), strict=True)
    ]
    return Opening(*sides, [row_digest(row) for row in codes], 9, list(rows), codes[list(rows)])


def of(kinds, capacity=6, slots=2):
    return Inference(capacity, 2, slots, *(tiny(kind).shape for kind in kinds))


def lying(one, side, row, by=1):
    """The same with another prediction of one of the models."""
    told = list(getattr(one, side).predictions)
    told[row] = (told[row] + by) % 3
    return replace(one, **{side: replace(getattr(one, side), predictions=told)})


def require_witness(kinds, one, **sizes):
    builder = of(kinds, **sizes).built(one, CONTEXT, record=True)
    builder.constraints().check(builder.values)
    return builder


PAIRS = [("binary", "binary"), ("classes", "network")]


@pytest.mark.parametrize("kinds", [*PAIRS, ("network", "classes")])
def test_the_circuit_computes_the_models(kinds):
    one = opening(kinds)
    builder = require_witness(kinds, one)
    inputs = of(kinds).public_inputs(one, CONTEXT)
    assert builder.public_values() == inputs
    metric = Accuracy(6, 2)
    assert inputs[2] == metric.commitment(Column.CHAMPION, one.champion.predictions, 5)
    assert inputs[3] == metric.commitment(Column.CANDIDATE, one.candidate.predictions, 7)
    assert inputs[7] == 1 + 3 * 8
    assert named(of(kinds).name) == of(kinds)


@pytest.mark.parametrize("n", [1, 5, 6])
def test_any_number_of_rows(n):
    """1, N − 1, N; and as often as there are slots, whichever are drawn."""
    kinds, rows = PAIRS[0], [0, n - 1, 0]
    one = opening(kinds, n=n, rows=rows)
    builder = require_witness(kinds, one, slots=3)
    assert builder.public_values() == of(kinds, slots=3).public_inputs(one, CONTEXT)


def test_more_rows_than_there_is_room_for():
    with pytest.raises(InputError, match="1 to 6 values, found 7"):
        of(PAIRS[0]).public_inputs(opening(PAIRS[0], n=7), CONTEXT)


@pytest.mark.parametrize("side", ["champion", "candidate"])
@pytest.mark.parametrize("kinds", PAIRS)
def test_another_prediction_has_no_witness(kinds, side):
    one = opening(kinds)
    with pytest.raises(InputError, match=f"row 3: the {side} predicts"):
        of(kinds).public_inputs(lying(one, side, 3), CONTEXT)
    with pytest.raises(ConstraintViolated, match="prediction of the drawn row"):
        require_witness(kinds, lying(one, side, 3))
    # A row that was not drawn is not looked at: that is what the number of draws is for.
    require_witness(kinds, lying(one, side, 0))


def test_other_features_have_no_witness():
    one = opening(PAIRS[0])
    codes = one.codes.copy()
    codes[1, 0] ^= 1
    with pytest.raises(InputError, match="row 3: these are not the features"):
        of(PAIRS[0]).public_inputs(replace(one, codes=codes), CONTEXT)
    # Even where the prediction stays the same.
    with pytest.raises(ConstraintViolated, match="prediction of the drawn row"):
        require_witness(PAIRS[0], replace(one, codes=codes))
    swapped = replace(one, codes=one.codes[::-1])
    with pytest.raises(ConstraintViolated, match="prediction of the drawn row"):
        require_witness(PAIRS[0], swapped)


@pytest.mark.parametrize("kinds", [PAIRS[0], pytest.param(PAIRS[1], marks=pytest.mark.exhaustive)])
def test_every_wire_of_an_inference_is_bound(kinds):
    builder = of(kinds).built(opening(kinds), CONTEXT, record=True)
    found = Mutations(builder.constraints(), builder.values)
    rng = random.Random(4)
    for wire in range(1, len(builder.values)):
        assert found.violated({wire: rng.choice((1, R - 1, rng.randrange(1, R)))}), wire
    for _ in range(300):
        pair = rng.sample(range(1, len(builder.values)), 2)
        assert found.violated({wire: rng.randrange(1, R) for wire in pair})


def test_equal_scores_go_to_the_first_class():
    model = replace(
        tiny("classes"), weights=(np.zeros((3, 3), np.int64),), biases=(np.array([4, 7, 7]),)
    )
    kinds = ("classes", "classes")
    one = opening(kinds)
    side = replace(one.champion, model=model, predictions=[1] * 5)
    one = replace(one, champion=side, candidate=replace(side, prediction_salt=8))
    require_witness(kinds, one)
    for chosen in (0, 2):

        class Lying(Inference):
            choose = staticmethod(lambda scores, at=chosen: at)

        told = replace(side, predictions=[chosen] * 5)
        both = replace(one, champion=told, candidate=told)
        builder = Lying(6, 2, 2, model.shape, model.shape).built(both, CONTEXT, record=True)
        broken = {name for _, name in builder.constraints().violated(builder.values)}
        assert broken == {"greatest score"}


def test_commitments_hide_and_bind():
    model = tiny("classes")
    assert weights_commitment(model, 1) != weights_commitment(model, 2)
    other = replace(model, biases=(model.biases[0] + np.array([0, 0, 1]),))
    assert weights_commitment(model, 1) != weights_commitment(other, 1)
    assert row_digest([1, 2, 3]) != row_digest([1, 2, 4])
    assert row_digest([1, 2, 3]) != row_digest([1, 2, 3, 0])
    digests = [row_digest([1, 2, 3]), row_digest([4, 5, 6])]
    found = features_commitment(digests, 6, 1)
    assert found != features_commitment(digests, 6, 2)
    assert found != features_commitment(digests[::-1], 6, 1)
    assert found != features_commitment([*digests, 0], 6, 1)


def test_the_largest_score_fits_its_bits():
    shape = Shape(3, (2, 3))
    extreme = QuantisedModel(
        (np.full((2, 3), -(2**15)), np.full((3, 2), -(2**15))),
        (np.full(2, -(2**39)), np.full(3, -(2**39))),
        np.zeros(3),
        np.ones(3),
        (0, 1, 2),
    )
    for sign in (1, -1):
        made = replace(
            extreme,
            weights=(sign * extreme.weights[0] + (sign < 0) * -1, extreme.weights[1]),
            biases=(sign * extreme.biases[0] + (sign < 0) * -1, extreme.biases[1]),
        )
        now = np.full((1, 3), 4095)
        z = now.astype(object) @ made.weights[0].T.astype(object) + made.biases[0]
        assert abs(z).max() < 2 ** (shape.score_bits()[0] - 1)
        assert abs(made.scores(now)).max() < 2 ** (shape.score_bits()[1] - 1)


def test_sizes_that_make_no_circuit():
    one, other = Shape(3, (1,)), Shape(4, (1,))
    with pytest.raises(InputError, match="slots"):
        Inference(4, 2, 5, one, one)
    with pytest.raises(InputError, match="classes"):
        Inference(4, 2, 2, one, Shape(3, (5,)))
    with pytest.raises(InputError, match="takes 3 features, the candidate 4"):
        Inference(4, 2, 2, one, other)
    with pytest.raises(InputError, match="use fewer slots"):
        Inference(10_240, 2, 200, one, one)
    assert named("accuracy-128-2-4") is None


@pytest.mark.exhaustive
def test_proofs_of_drawn_rows_hold(tmp_path):
    """Keys, proofs of 5 drawn rows in 3 pieces, and both verifiers; some 20 s of CPU."""
    kinds = ("binary", "network")
    one, circuit = opening(kinds, n=6), of(kinds)
    codes = np.random.default_rng(0).integers(0, 4096, (6, 3))
    rows = linked.Rows(codes, one.features_salt)
    assert rows.digests == tuple(one.digests)
    store = KeyStore(tmp_path)
    record = store.make(circuit)
    drawn = sampling.draw_rows(SEED, 0, 6, 5)
    openings = linked.openings(circuit, rows, one.sides, drawn)
    assert [each.rows for each in openings] == sampling.pieces(drawn, 2)
    key = verifying_key(record)
    made = list(linked.prove(circuit, openings, CONTEXT, store))
    for inputs, proof in made:
        assert verify(key, proof, inputs)
        for at in range(len(inputs)):
            changed = [*inputs[:at], inputs[at] ^ 1, *inputs[at + 1 :]]
            assert not verify(key, proof, changed)
    inputs, proof = made[0]
    assert verify_independently(key, proof, inputs)
    assert not verify(key, made[1][1], inputs)
    bad = linked.openings(circuit, rows, lying(one, "candidate", drawn[-1]).sides, drawn)
    with pytest.raises(InputError, match="the candidate predicts"):
        next(linked.prove(circuit, bad, CONTEXT, store))
