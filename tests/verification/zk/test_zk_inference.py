"""Predictions that come from a committed model: quantising, drawing, and the linked proof."""

import pickle
import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from zk_worlds import CONTEXT, Mutations

from hokusai_mlflow.errors import EvidenceMismatch, InputError
from hokusai_mlflow.verification.zk import inference, linked, sampling
from hokusai_mlflow.verification.zk.accuracy import Accuracy
from hokusai_mlflow.verification.zk.circuit import Rows
from hokusai_mlflow.verification.zk.columns import Column
from hokusai_mlflow.verification.zk.field import R
from hokusai_mlflow.verification.zk.inference import Inference
from hokusai_mlflow.verification.zk.keys import KeyStore, verifying_key
from hokusai_mlflow.verification.zk.opening import Opening, row_digest, weights_commitment
from hokusai_mlflow.verification.zk.quantised import (
    QuantisedClassifier,
    QuantisedModel,
    Shape,
    quantise,
)
from hokusai_mlflow.verification.zk.r1cs import ConstraintViolated

BEACON = bytes(range(32))


@pytest.mark.parametrize(
    ("bad_share", "miss", "expected"),
    [(0.01, 0.01, 459), (0.05, 0.001, 135), (0.10, 0.05, 29), (0.01, 0.001, 688)],
)
def test_how_many_rows_catch_bad_ones(bad_share, miss, expected):
    assert sampling.rows_to_draw(10_000, bad_share=bad_share, miss=miss) == expected
    assert (1 - bad_share) ** expected <= miss < (1 - bad_share) ** (expected - 1)
    assert sampling.rows_to_draw(20, bad_share=bad_share, miss=miss) <= 20


def test_drawn_rows_are_distinct_uniform_and_depend_on_all():
    drawn = sampling.draw_rows(BEACON, [1, 2], 50, 20)
    assert len(set(drawn)) == 20
    assert drawn == sampling.draw_rows(BEACON, [1, 2], 50, 20)
    assert drawn != sampling.draw_rows(BEACON[::-1], [1, 2], 50, 20)
    assert drawn != sampling.draw_rows(BEACON, [1, 3], 50, 20)
    counts = np.zeros(10)
    for seed in range(600):
        counts[sampling.draw_rows(seed.to_bytes(4, "big"), [], 10, 3)] += 1
    assert abs(counts / 600 - 0.3).max() < 0.08  # four standard errors
    with pytest.raises(InputError, match="1 to 5"):
        sampling.draw_rows(BEACON, [], 5, 6)


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


def tiny(kind):
    rng = np.random.default_rng(3)
    sizes = {"binary": (3, 1), "classes": (3, 3), "network": (3, 2, 3)}[kind]
    pairs = list(pairwise(sizes))
    return QuantisedModel(
        tuple(rng.integers(-(2**15), 2**15, (b, a)) for a, b in pairs),
        tuple(rng.integers(-(2**20), 2**20, b) for _, b in pairs),
        np.zeros(3),
        np.ones(3),
        tuple(range(max(2, sizes[-1]))),
    )


def opening(kind, n=5, rows=(1, 3), seed=0):
    model = tiny(kind)
    codes = np.random.default_rng(seed).integers(0, 4096, (n, 3))
    salts = list(range(100, 100 + n))
    said = [int(code) for code in model.predict(codes)]
    return Opening(said, 5, model, 6, list(rows), codes[list(rows)], [salts[row] for row in rows])


def of(kind):
    return Inference(6, 2, 2, tiny(kind).shape)


@pytest.mark.parametrize("kind", ["binary", "classes", "network"])
def test_the_circuit_computes_the_model(kind):
    one = opening(kind)
    builder = of(kind).built(one, CONTEXT, record=True)
    builder.constraints().check(builder.values)
    inputs = of(kind).public_inputs(one, CONTEXT)
    assert builder.public_values() == inputs
    commitment = Accuracy(6, 2).commitment(Column.CANDIDATE, one.predictions, 5)
    assert inputs[2] == commitment


@pytest.mark.parametrize("kind", ["binary", "classes", "network"])
def test_another_prediction_has_no_witness(kind):
    one = opening(kind)
    told = list(one.predictions)
    told[3] = (told[3] + 1) % 3
    lying = replace(one, predictions=told)
    with pytest.raises(InputError, match="row 3: the model predicts"):
        of(kind).public_inputs(lying, CONTEXT)
    builder = of(kind).built(lying, CONTEXT, record=True)
    with pytest.raises(ConstraintViolated, match="prediction of the drawn row"):
        builder.constraints().check(builder.values)
    # A row that was not drawn is not looked at: that is what the number of draws is for.
    told = list(one.predictions)
    told[0] = (told[0] + 1) % 3
    builder = of(kind).built(replace(one, predictions=told), CONTEXT, record=True)
    builder.constraints().check(builder.values)


@pytest.mark.parametrize("kind", ["binary", "network"])
def test_every_wire_of_an_inference_is_bound(kind):
    builder = of(kind).built(opening(kind), CONTEXT, record=True)
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
    one = replace(opening("classes"), model=model, predictions=[1] * 5)
    builder = of("classes").built(one, CONTEXT, record=True)
    builder.constraints().check(builder.values)
    for chosen in (0, 2):

        class Lying(Inference):
            def _chosen(self, scores, at=chosen):
                return at

        told = replace(one, predictions=[chosen] * 5)
        builder = Lying(6, 2, 2, model.shape).built(told, CONTEXT, record=True)
        broken = {name for _, name in builder.constraints().violated(builder.values)}
        assert broken == {"greatest score"}


def test_commitments_hide_and_bind():
    model = tiny("classes")
    assert weights_commitment(model, 1) != weights_commitment(model, 2)
    other = replace(model, biases=(model.biases[0] + np.array([0, 0, 1]),))
    assert weights_commitment(model, 1) != weights_commitment(other, 1)
    assert row_digest([1, 2, 3], 1) != row_digest([1, 2, 3], 2)
    assert row_digest([1, 2, 3], 1) != row_digest([1, 2, 3, 0], 1)


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


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """An inference proof of 4 of 6 rows, in two parts, and the metric proof's statement; 10 s."""
    model = tiny("classes")
    x = np.random.default_rng(8).integers(0, 4096, (6, 3)).astype(float)
    said = [int(code) for code in model.predict(x)]
    circuit = Inference(6, 2, 2, model.shape)
    store = KeyStore(tmp_path_factory.mktemp("inference"))
    record = store.make(circuit)
    prepared = linked.prepare(model, x)
    proof = linked.prove_predictions(
        circuit,
        prepared,
        predictions=said,
        prediction_salt=77,
        context=CONTEXT,
        randomness=BEACON,
        store=store,
        drawn=4,
    )
    rows = Rows([0] * 6, said, said, (1, 2, 77))
    published = Accuracy(6, 2).public_inputs(rows, CONTEXT)[4]
    return circuit, proof, verifying_key(record), prepared, published


def told(shown, **changes):
    circuit, proof, key, prepared, published = shown
    given = {
        "context": CONTEXT,
        "predictions": published,
        "weights": prepared.weights,
        "features": prepared.features,
        "randomness": BEACON,
        "bad_share": 0.5,
        "miss": 0.1,
    }
    linked.require_predictions(circuit, changes.pop("proof", proof), key, **given | changes)


@pytest.mark.exhaustive
def test_a_linked_proof_holds(shown):
    _, proof, _, _, _ = shown
    assert len(proof.proofs) == 2
    told(shown)
    told(shown, proof=linked.InferenceProof.from_dict(proof.to_dict()))


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"context": CONTEXT + 1}, "public inputs"),
        ({"predictions": 5}, "public inputs"),
        ({"weights": 5}, "public inputs"),
        ({"features": 5}, "other features"),
        ({"randomness": bytes(32)}, "public inputs"),
        ({"miss": 0.001}, "are demanded"),
    ],
)
def test_a_linked_proof_of_something_else(shown, changes, why):
    with pytest.raises(EvidenceMismatch, match=why):
        told(shown, **changes)


@pytest.mark.exhaustive
def test_a_linked_proof_that_lacks_or_changes_a_part(shown):
    _, proof, _, _, _ = shown
    for changed, why in (
        (replace(proof, proofs=proof.proofs[:1]), "no proof"),
        (replace(proof, proofs=proof.proofs[::-1]), "does not verify"),
        (replace(proof, inputs=proof.inputs[:1], proofs=proof.proofs[:1]), "public inputs"),
        (replace(proof, key="0x00"), "another key"),
        (replace(proof, digests=(*proof.digests[:-1], 1)), "other features"),
        (replace(proof, drawn=2), "are demanded"),
    ):
        with pytest.raises(EvidenceMismatch, match=why):
            told(shown, proof=changed)


def test_parts_cover_all_drawn_rows():
    assert linked.parts([9, 8, 7, 6, 5], 2) == [[9, 8], [7, 6], [6, 5]]
    assert linked.parts([9, 8], 2) == [[9, 8]]
    with pytest.raises(InputError, match="fewer slots"):
        linked.parts([9], 2)
    with pytest.raises(InputError, match="slots"):
        Inference(4, 2, 5, Shape(3, (1,)))
    with pytest.raises(InputError, match="classes"):
        Inference(4, 2, 2, Shape(3, (5,)))
    assert inference.MASK_BITS < 254
