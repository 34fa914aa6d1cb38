"""The keyed cut of a reference pool into disjoint parts.

Each example's part depends on the key and on its own id only, so rows can be added or removed
without moving any other, and whoever does not know the key cannot tell which rows are held out.
"""

from __future__ import annotations

import hmac

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.contributions.digests import normalise
from hokusai_mlflow.errors import InputError


def partition(
    ids: npt.ArrayLike, key: bytes, *, reference: float, payment: float, holdouts: int
) -> npt.NDArray[np.str_]:
    """Name the part of each example: reference, payment or one of the sealed hold-outs.

    Parameters
    ----------
    ids : (n,) array of str
        Example ids; or their groups, so that no group straddles two parts.
    key : bytes
        Secret of the model's owner, not empty. HMAC-SHA-256 of the id under this key, read as a
        number in [0, 1), decides.
    reference, payment : float
        Fractions of the pool for training and folds, and for measuring payments; both in (0, 1)
        (`payment` may be 0) with a sum below 1.
    holdouts : int
        Number of sealed hold-outs (at least 1), which share the rest equally.

    Returns
    -------
    (n,) array of str
        "reference", "payment", "holdout-1", …, "holdout-N".
    """
    if not key:
        raise InputError("the split key is empty; expected a secret of at least one byte")
    if holdouts < 1:
        raise InputError(f"expected at least 1 hold-out, got {holdouts}")
    if not (0 < reference < 1 and 0 <= payment < 1 and reference + payment < 1):
        raise InputError(
            "expected 0 < reference, 0 <= payment and reference + payment < 1, "
            f"got reference {reference} and payment {payment}: nothing is left to test on"
        )
    names = np.array(["reference", "payment", *(f"holdout-{i + 1}" for i in range(holdouts))])
    digests = b"".join(
        hmac.digest(key, normalise(str(one)).encode("utf-8", "surrogatepass"), "sha256")[:8]
        for one in np.asarray(ids)
    )
    # 53 bits are what a double holds exactly, so the number is below 1 on every machine.
    uniform = (np.frombuffer(digests, dtype=">u8") >> np.uint64(11)).astype(np.float64) / 2**53
    rest = 1.0 - reference - payment
    edges = [reference, reference + payment]
    edges += [reference + payment + rest * i / holdouts for i in range(1, holdouts)]
    return names[np.searchsorted(np.array(edges), uniform, side="right")]
