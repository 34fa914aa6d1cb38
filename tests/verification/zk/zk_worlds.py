"""Small circuits, rows for them, and what happens to constraints when wires change."""

import random
from collections import defaultdict

from hokusai_mlflow.verification.zk.accuracy import Accuracy
from hokusai_mlflow.verification.zk.circuit import Kind, Rows
from hokusai_mlflow.verification.zk.confusion import Confusion
from hokusai_mlflow.verification.zk.field import R
from hokusai_mlflow.verification.zk.loss import AbsoluteLoss, SquaredLoss

CONTEXT = 0xC0FFEE

SMALL = {
    "accuracy": Accuracy(6, 2),
    "confusion": Confusion(6, 2, 3),
    "absolute_loss": AbsoluteLoss(5, 5, 20),
    "squared_loss": SquaredLoss(5, 5, 10),
}


def random_rows(circuit, n, seed=0, salts=(21, 22, 23)):
    """Rows that a circuit takes; about half of the predictions are right."""
    rng = random.Random(seed)
    if circuit.kind in (Kind.ACCURACY, Kind.CONFUSION):
        low, high, labels = 0, circuit.parameter - 1, circuit.parameter
    else:
        low, high = -circuit.cap, (1 << circuit.bits) - 1 + circuit.cap
        labels = 1 << circuit.bits
    truth = [rng.randrange(labels) for _ in range(n)]
    said = [[y if rng.random() < 0.5 else rng.randint(low, high) for y in truth] for _ in range(2)]
    return Rows(truth, *said, salts)


class Mutations:
    """Which constraints a change of wires violates, without evaluating the rest."""

    def __init__(self, r1cs, witness):
        r1cs.check(witness)
        self.names = r1cs.names
        self.witness = witness
        self.sides = [m.times(witness) for m in (r1cs.a, r1cs.b, r1cs.c)]
        self.uses = defaultdict(list)
        for side, matrix in enumerate((r1cs.a, r1cs.b, r1cs.c)):
            for row, (wires, coefficients) in enumerate(matrix.rows()):
                for wire, coefficient in zip(wires, coefficients, strict=True):
                    if coefficient % R:
                        self.uses[wire].append((row, side, coefficient))

    def violated(self, changes):
        """Names of the constraints that no longer hold when wires change by so much."""
        moved = defaultdict(lambda: [0, 0, 0])
        for wire, delta in changes.items():
            for row, side, coefficient in self.uses[wire]:
                moved[row][side] += coefficient * delta
        found = set()
        for row, deltas in moved.items():
            a, b, c = (side[row] + delta for side, delta in zip(self.sides, deltas, strict=True))
            if (a * b - c) % R:
                found.add(self.names[row])
        return found
