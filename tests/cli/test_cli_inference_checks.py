"""Which rows an inference proof is about, as `hokusai verify` finds out."""

import pytest

from hokusai_mlflow.chain.inference import Draw, Inferred
from hokusai_mlflow.cli.inference_checks import _piece
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk.sampling import draw_rows

SEED = bytes(range(32))


def test_proofs_follow_one_another_over_parts():
    """135 of 300 rows and all of 3, by proofs of 64: four of them, the last two not full."""
    parts = ((300, 1, 2), (3, 3, 4))
    said = Inferred("0x" + "01" * 32, "0x" + "02" * 32, "0x" + "05" * 32, 1, 2, parts, (8, 9))
    draw = Draw(b"", b"", SEED, 1, 138, complete=True)
    first, second = draw_rows(SEED, 0, 300, 135), draw_rows(SEED, 1, 3, 3)
    progress, found = 0, []
    for _ in range(4):
        part, rows, fresh = _piece(draw, said, 135, progress, 64)
        found.append((part, rows, fresh))
        progress += fresh
    assert [(part, fresh) for part, _, fresh in found] == [(0, 64), (0, 64), (0, 7), (1, 3)]
    assert [rows for _, rows, _ in found] == [
        first[:64],
        first[64:128],
        [*first[128:], *first[:57]],
        (second * 22)[:64],
    ]
    with pytest.raises(InputError, match="138 rows are proven before it"):
        _piece(draw, said, 135, progress, 64)
