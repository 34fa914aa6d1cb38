"""Circuits and their statements against the definitions, and Poseidon against published vectors."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zk_worlds import CONTEXT, SMALL, random_rows

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk import gadgets
from hokusai_mlflow.verification.zk.circuit import Kind, Rows
from hokusai_mlflow.verification.zk.columns import Column, commit
from hokusai_mlflow.verification.zk.confusion import Confusion
from hokusai_mlflow.verification.zk.field import R, inverses, root_of_unity
from hokusai_mlflow.verification.zk.loss import AbsoluteLoss, SquaredLoss
from hokusai_mlflow.verification.zk.poseidon import parameters, poseidon
from hokusai_mlflow.verification.zk.proving import capacity_for, chunks, circuit
from hokusai_mlflow.verification.zk.r1cs import Builder

PUBLISHED = [
    # circomlib test/poseidoncircuit.js and circomlibjs test/poseidon.js
    ([1, 2], 7853200120776062878684798364095072458815029376092732009249414926327459813530),
    ([3, 4], 14763215145315200506921711489642608356394854266165572616578112107564877678998),
    ([1, 2, 0, 0, 0], 1018317224307729531995786483840663576608797660851238720571059489595066344487),
    (
        [3, 4, 5, 10, 23],
        13034429309846638789535561449942021891039729847501137143363028890275222221409,
    ),
    (
        [1, 2, 3, 4],
        18821383157269793795438455681495246036402687001665670618754263018637548127333,
    ),
    (
        list(range(1, 17)),
        9989051620750914585850546081941653841776809718687451684622678807385399211877,
    ),
    (
        [*range(1, 10), *([0] * 7)],
        11882816200654282475720830292386643970958445617880627439994635298904836126497,
    ),
]


@pytest.mark.parametrize(("inputs", "expected"), PUBLISHED)
def test_poseidon_equals_circomlib(inputs, expected):
    assert poseidon(inputs) == expected


@pytest.mark.parametrize(("inputs", "expected"), [one for one in PUBLISHED if len(one[0]) == 16])
def test_poseidon_in_a_circuit_equals_circomlib(inputs, expected):
    builder = Builder(["out"], record=True)
    wires = [{builder.wire(value): 1} for value in inputs]
    out = gadgets.poseidon(builder, wires, "hash")
    builder.output("out", {out: 1})
    builder.constraints().check(builder.values)
    assert builder.public_values() == [expected]
    # Four constraints for each of 8·17 + 68 S-boxes, a copy of each input, the output twice.
    assert len(builder.constraints()) == 4 * 204 + 16 + 2


def test_poseidon_refuses_what_is_not_reduced():
    with pytest.raises(ValueError, match="field elements"):
        poseidon([R])
    with pytest.raises(ValueError, match="width"):
        parameters(18)


def test_roots_and_inverses():
    for order in (2, 8, 1 << 28):
        root = root_of_unity(order)
        assert pow(root, order, R) == 1
        assert pow(root, order // 2, R) == R - 1
    assert inverses([2, 0, 5]) == [pow(2, -1, R), 0, pow(5, -1, R)]


@settings(max_examples=4, deadline=None)
@given(st.data())
@pytest.mark.parametrize("name", SMALL)
def test_public_inputs_are_what_the_circuit_computes(name, data):
    of = SMALL[name]
    rows = random_rows(
        of, data.draw(st.integers(1, of.capacity)), seed=data.draw(st.integers(0, 10**6))
    )
    witness = of.witness(rows, CONTEXT)
    assert witness[1 : 1 + len(of.public)] == of.public_inputs(rows, CONTEXT)


def test_confusion_counts_are_the_joint_histogram():
    of = Confusion(128, 4, 5)
    rows = random_rows(of, 100)
    cells = of.unpack(of.counts(rows))
    assert len(of.counted) == -(-125 // (253 // 8))
    expected = Counter(zip(rows.labels, rows.champion, rows.candidate, strict=True))
    joint = np.array(cells).reshape(5, 5, 5)
    assert {tuple(map(int, at)): int(joint[tuple(at)]) for at in np.argwhere(joint)} == expected


@pytest.mark.parametrize("of", [AbsoluteLoss(64, 6, 50), SquaredLoss(64, 6, 50)])
def test_losses_are_the_definition(of):
    rows = random_rows(of, 60)
    y, b, c = (np.array(one) for one in (rows.labels, rows.champion, rows.candidate))
    power = 2 if of.kind is Kind.SQUARED_LOSS else 1
    lb, lc = (np.minimum(np.abs(y - p), 50) ** power for p in (b, c))
    assert of.counts(rows) == [lb.sum(), lc.sum(), (lb**2).sum(), (lc**2).sum(), (lb * lc).sum()]


def test_commitments_bind_everything_they_should():
    given = {"salt": 7, "bits": 4, "capacity": 128, "column": Column.LABELS}
    values = [1, 2, 3]
    found = {
        commit(values, **given),
        commit([1, 2, 4], **given),
        commit([1, 2, 3, 0], **given),
        commit(values, **given | {"salt": 8}),
        commit(values, **given | {"bits": 5}),
        commit(values, **given | {"capacity": 129}),
        commit(values, **given | {"column": Column.CANDIDATE}),
    }
    assert len(found) == 7
    with pytest.raises(InputError, match="salt"):
        commit(values, **given | {"salt": R})


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("acuracy", 128, 4), "did you mean 'accuracy'"),
        (("confusion", 128, 4), "number of classes"),
        (("confusion", 128, 2, 5), "2 to 4 classes"),
        (("accuracy", 128, 4, 10), "16 classes"),
        (("absolute_loss", 128, 8, 300), "cap"),
        (("squared_loss", 128, 16, 20_000), "divides"),
        (("absolute_loss", 128, 8, 3), "divides"),
        (("accuracy", 0, 4), "capacity"),
    ],
)
def test_circuits_that_do_not_exist(asked, told):
    with pytest.raises(InputError, match=told):
        circuit(*asked)


def test_columns_that_do_not_pair_up():
    with pytest.raises(InputError, match="per label"):
        SMALL["accuracy"].witness(Rows([1], [1, 2], [1], (1, 2, 3)), 0)
    with pytest.raises(InputError, match="248 bits"):
        SMALL["accuracy"].public_inputs(Rows([1], [1], [1], (1, 2, 3)), 1 << 248)


def test_chunks_cover_every_row_once():
    rows = random_rows(SMALL["accuracy"], 20)
    parts = chunks(rows, 6, [(i, i, i) for i in range(4)])
    assert [len(part) for part in parts] == [6, 6, 6, 2]
    assert [y for part in parts for y in part.labels] == list(rows.labels)
    whole = SMALL["accuracy"].counts(rows)
    added = np.sum([SMALL["accuracy"].counts(part) for part in parts], axis=0)
    assert list(added) == whole
    with pytest.raises(InputError, match="4 chunks"):
        chunks(rows, 6, [(1, 1, 1)])
    assert [capacity_for(n) for n in (1, 128, 129, 10_240, 50_000)] == [
        128,
        128,
        1_024,
        10_240,
        10_240,
    ]


# A key is of its constraints: who changes these must raise circuit.VERSION, then these numbers.
DIGESTS = {
    "accuracy": "0c69393120a92aee",
    "confusion": "9d2737fda96d87ba",
    "absolute_loss": "5f80b9fa5bfd42b4",
    "squared_loss": "fa37d893f33e6e7a",
}


@pytest.mark.parametrize("name", SMALL)
def test_constraints_depend_on_parameters_alone(name):
    from hokusai_mlflow.verification.zk.files import digest

    of = SMALL[name]
    one = of.built(random_rows(of, 2), 1, record=True).constraints()
    two = of.built(random_rows(of, of.capacity, seed=9), 2, record=True).constraints()
    assert digest(one) == digest(two)
    assert digest(one)[:16] == DIGESTS[name]
