"""What a prover who cheats can do to a witness: nothing that its constraints let pass."""

import random

import pytest
from zk_worlds import CONTEXT, SMALL, Mutations, random_rows

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk import gadgets
from hokusai_mlflow.verification.zk.accuracy import Accuracy
from hokusai_mlflow.verification.zk.circuit import Rows
from hokusai_mlflow.verification.zk.confusion import Confusion
from hokusai_mlflow.verification.zk.field import R
from hokusai_mlflow.verification.zk.loss import AbsoluteLoss
from hokusai_mlflow.verification.zk.r1cs import ConstraintViolated

NOTHING_USES_IT = ("is right", "sign")
"""Constraints whose hint is free where it does not matter: 1/0, and the sign of 0."""


def built(circuit, rows, context=CONTEXT):
    builder = circuit.built(rows, context, record=True)
    return builder.constraints(), builder.values


@pytest.fixture(scope="module", params=SMALL)
def mutations(request):
    circuit = SMALL[request.param]
    return circuit, Mutations(*built(circuit, random_rows(circuit, circuit.capacity - 1, seed=3)))


def free_wires(circuit, found):
    """Wires that may have any value: the inverse of zero, and the sign of a zero error."""
    free = set()
    for wire in range(1, len(found.witness)):
        if not found.violated({wire: 1 if wire <= len(circuit.public) else 12345}):
            free.add(wire)
    return free


def test_every_wire_is_bound(mutations):
    circuit, found = mutations
    rng = random.Random(1)
    expected = set()
    for wire in range(1, len(found.witness)):
        for delta in (1, R - 1, rng.randrange(1, R)):
            if not found.violated({wire: delta}):
                expected.add(wire)
    assert not expected & set(range(1, len(circuit.public) + 1)), "a public input is free"
    for wire in expected:
        names = {found.names[row] for row, _, _ in found.uses[wire]}
        assert all(name.endswith(NOTHING_USES_IT) for name in names)
    # One inverse per right prediction, padding rows included; one sign per error of zero.
    rows = random_rows(circuit, circuit.capacity - 1, seed=3)
    right = sum(
        y == p
        for said in (rows.champion, rows.candidate)
        for y, p in zip(rows.labels, said, strict=True)
    )
    padding = 0 if isinstance(circuit, Confusion) else 2
    assert len(expected) == (0 if isinstance(circuit, Confusion) else right + padding)


def test_random_pairs_of_wires_are_bound(mutations):
    circuit, found = mutations
    rng = random.Random(2)
    free = free_wires(circuit, found)
    wires = [wire for wire in range(1, len(found.witness)) if wire not in free]
    for _ in range(1_500):
        pair = {wire: rng.choice((1, R - 1, rng.randrange(R))) for wire in rng.sample(wires, 2)}
        assert found.violated(pair), pair


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("live", [1, 3])
def test_many_pairs_of_wires_are_bound(name, live):
    """20 s in all on one core."""
    circuit = SMALL[name]
    found = Mutations(*built(circuit, random_rows(circuit, live, seed=live)))
    rng = random.Random(live)
    free = free_wires(circuit, found)
    wires = [wire for wire in range(1, len(found.witness)) if wire not in free]
    for _ in range(30_000):
        pair = {wire: rng.choice((1, R - 1, rng.randrange(R))) for wire in rng.sample(wires, 2)}
        assert found.violated(pair), pair


@pytest.mark.parametrize("name", SMALL)
def test_no_public_input_can_be_told_otherwise(name):
    circuit = SMALL[name]
    r1cs, honest = built(circuit, random_rows(circuit, 4, seed=5))
    for wire, public in enumerate(circuit.public, 1):
        for lie in (1, -1, 2**200):
            witness = list(honest)
            witness[wire] = (witness[wire] + lie) % R
            broken = {name for _, name in r1cs.violated(witness)}
            assert broken & {f"public {public}", public, "live rows"}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("live", ["1", "N-1", "N"])
def test_every_number_of_live_rows_works(name, live):
    circuit = SMALL[name]
    n = {"1": 1, "N-1": circuit.capacity - 1, "N": circuit.capacity}[live]
    rows = random_rows(circuit, n, seed=n)
    r1cs, witness = built(circuit, rows)
    r1cs.check(witness)
    assert witness[1 : 1 + len(circuit.public)] == circuit.public_inputs(rows, CONTEXT)
    assert witness == circuit.witness(rows, CONTEXT)


@pytest.mark.parametrize("name", SMALL)
def test_more_rows_than_there_is_room_for(name):
    circuit = SMALL[name]
    rows = random_rows(circuit, circuit.capacity + 1)
    with pytest.raises(InputError, match="chunks"):
        circuit.witness(rows, CONTEXT)
    full = random_rows(circuit, circuit.capacity)
    r1cs, witness = built(circuit, full)
    witness[2] = circuit.capacity + 1
    with pytest.raises(ConstraintViolated, match="live rows"):
        r1cs.check(witness)


@pytest.mark.parametrize("name", ["accuracy", "confusion"])
@pytest.mark.parametrize("change", ["gap", "two", "half", "negative"])
def test_the_mask_has_one_step(name, change):
    circuit = SMALL[name]
    r1cs, witness = built(circuit, random_rows(circuit, 4, seed=2))
    first = 1 + len(circuit.public) + 1
    masked = list(range(first, first + circuit.capacity))
    assert [witness[wire] for wire in masked] == [1, 1, 1, 1, 0, 0]
    values = {
        "gap": [1, 0, 1, 1, 1, 0],
        "two": [1, 1, 2, 0, 0, 0],
        "half": [1, 1, 1, pow(2, -1, R), pow(2, -1, R), 0],
        "negative": [1, 1, 1, 1, 1, R - 1],
    }[change]
    for wire, value in zip(masked, values, strict=True):
        witness[wire] = value
    assert "mask" in {named for _, named in r1cs.violated(witness)}


@pytest.mark.parametrize("name", SMALL)
def test_padding_holds_nothing(name):
    # A live row beyond n would count without being among the n examples.
    circuit = SMALL[name]
    rows = random_rows(circuit, circuit.capacity, seed=4)
    r1cs, witness = built(circuit, rows)
    shorter = Rows(rows.labels[:-1], rows.champion[:-1], rows.candidate[:-1], rows.salts)
    assert max(rows.labels[-1], rows.champion[-1], rows.candidate[-1]) > 0
    witness[2] = len(shorter)
    witness[1 + len(circuit.public) + circuit.capacity] = 0  # the last of the mask
    broken = {name for _, name in r1cs.violated(witness)}
    assert "padding" in broken
    assert "mask" not in broken
    assert "live rows" not in broken


def test_a_false_claim_of_being_right_is_seen(monkeypatch):
    """The prover sets every hint of `is_zero` to "right", with any inverse."""
    circuit = SMALL["accuracy"]

    def lying(builder, of, name):
        inverse, equal = builder.wire(7), builder.wire(1)
        builder.require({inverse: 1}, of, {0: 1, equal: -1}, name)
        builder.require({equal: 1}, of, {}, name)
        return equal

    monkeypatch.setattr(gadgets, "is_zero", lying)
    r1cs, witness = built(circuit, random_rows(circuit, 6, seed=6))
    assert witness[6:9] == [6, 6, 6]
    broken = {name for _, name in r1cs.violated(witness)}
    assert broken == {"champion is right", "candidate is right"}


def test_false_counts_are_seen_whatever_else_is_consistent():
    class Lying(Confusion):
        moved = (0, 0)

        def _tally(self, rows):
            found = super()._tally(rows)
            found[self.moved[0]] += 1
            found[self.moved[1]] -= 1
            return found

    circuit = Lying(6, 2, 3)
    rows = random_rows(circuit, 5, seed=7)
    honest = Confusion(6, 2, 3).cells(rows)
    taken = next(cell for cell, count in enumerate(honest) if count and cell)
    for cell in (0, 7, 26):
        if cell == taken:
            continue
        Lying.moved = (cell, taken)
        r1cs, witness = built(circuit, rows)
        broken = {name for _, name in r1cs.violated(witness)}
        assert broken == {"the counts are the rows'"}


def test_the_challenge_depends_on_every_count_and_commitment():
    circuit = SMALL["confusion"]
    asked = {}

    class Watched(Confusion):
        def _challenge(self, builder, inputs):
            found = super()._challenge(builder, inputs)
            asked["inputs"] = [builder.values[wire] for wire in inputs]
            asked["named"] = inputs
            asked["x"] = builder.values[found]
            return found

    watched = Watched(6, 2, 3)
    built(watched, random_rows(circuit, 5, seed=8))
    public = {1 + at for at, name in enumerate(circuit.public)}
    assert set(asked["named"]) == public
    seen = {asked["x"]}
    for at in range(len(asked["inputs"])):
        builder = circuit.built(random_rows(circuit, 5, seed=8), CONTEXT, record=False)
        wires = list(asked["named"])
        builder.values[wires[at]] += 1
        seen.add(builder.values[circuit._challenge(builder, wires)])
    assert len(seen) == 1 + len(asked["inputs"])


@pytest.mark.parametrize("column", [0, 1, 2])
def test_labels_beyond_the_domain(column):
    circuit = SMALL["confusion"]
    columns = [[1, 2], [1, 0], [0, 2]]
    columns[column][1] = 3  # fits into two bits, is no class
    rows = Rows(*columns, (1, 2, 3))
    with pytest.raises(InputError, match="classes 0 to 2"):
        circuit.witness(rows, CONTEXT)
    r1cs, witness = built(circuit, rows)
    with pytest.raises(ConstraintViolated, match="the counts are the rows'"):
        r1cs.check(witness)


@pytest.mark.parametrize("value", [4, -1, R - 1, R + 1, 2**253])
def test_values_that_do_not_fit_their_bits(value):
    circuit = SMALL["accuracy"]
    with pytest.raises(InputError, match="whole numbers from 0 to 3"):
        circuit.public_inputs(Rows([value], [0], [0], (1, 2, 3)), CONTEXT)
    # The bits of a number that is too large are those of another one.
    _, witness = built(circuit, Rows([value], [0], [0], (1, 2, 3)))
    fitting = Rows([value % 4], [0], [0], (1, 2, 3))
    assert witness[3] == circuit.public_inputs(fitting, CONTEXT)[2]


def test_two_packings_of_one_limb_do_not_exist():
    """Values 4 and −1 pack like 0 and 0 (4 + 4·(−1) = 0): only range checks tell them apart."""
    circuit = SMALL["accuracy"]
    r1cs, witness = built(circuit, Rows([0, 0], [1, 1], [1, 1], (1, 2, 3)))
    first = 1 + len(circuit.public) + 1 + circuit.capacity
    witness[first] = 4
    witness[first + 2] = R - 1
    assert "labels" in {name for _, name in r1cs.violated(witness)}


@pytest.mark.parametrize("error", [-20, 20, 21, -21, 33])
def test_an_error_at_the_cap_cannot_be_told_smaller(error):
    circuit = AbsoluteLoss(2, 5, 20)
    target = 31 if error > 0 else 0
    rows = Rows([target], [target - error], [target], (1, 2, 3))
    r1cs, witness = built(circuit, rows)
    r1cs.check(witness)
    assert witness[6] == 20
    # Not clipped, with the whole error in the bits: d > cap − 1 is refused.
    clipped = next(w for w, v in enumerate(witness) if w > 5 and _is(r1cs, w, "champion: clipped"))
    witness[clipped] = 0
    for place in range(5):
        witness[clipped + 1 + place] = abs(error) >> place & 1
    broken = {name for _, name in r1cs.violated(witness)}
    assert broken & {"champion: below the cap", "champion: sign", "champion: clip"}


def _is(r1cs, wire, name):
    return any(
        named == name and wire in wires
        for named, (wires, _) in zip(r1cs.names, r1cs.a.rows(), strict=True)
    )


@pytest.mark.parametrize("bound", range(16))
def test_require_at_most_is_exact(bound):
    from hokusai_mlflow.verification.zk.r1cs import Builder

    for value in range(16):
        builder = Builder((), record=True)
        wires = gadgets.bits(builder, value, 4, "bits")
        gadgets.require_at_most(builder, wires, bound, "bound")
        holds = not list(builder.constraints().violated(builder.values))
        assert holds == (value <= bound)


def test_the_context_is_bound():
    circuit = Accuracy(2, 1)
    r1cs, witness = built(circuit, Rows([1], [0], [1], (1, 2, 3)), context=5)
    witness[1] = 6
    with pytest.raises(ConstraintViolated, match="context"):
        r1cs.check(witness)
