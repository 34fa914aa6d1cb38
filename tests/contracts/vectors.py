"""Paired sums and what `deltaone.py` makes of them, for forge to compare with the contract.

    python tests/contracts/vectors.py tests/contracts/.forge/vectors.json

Of every drawn example the level at which significance is lost is looked for, so that the last
accepted and the first refused one are among the vectors.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hokusai_mlflow.deltaone import (
    PairedSums,
    improvement_bps,
    improvement_wad,
    paired_kind,
    significant,
)
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics import metric_names

DRAWN = 2_000
KINDS = ("linear", "log_ratio", "half_log_ratio")
SUMS = "(uint64,int256,int256,uint256,uint256,int256)"
CASE = f"(uint8,{SUMS},uint32,uint32,bytes4,int256,int256,bool)[]"
MOST = 2**32 - 1
ERRORS = {
    "at least one example": "NoExamples()",
    "exceed the range": f"SumsOutOfRange({SUMS})",
    "contradict each other": f"SumsContradictory({SUMS})",
    "losses": f"LossesOutOfRange({SUMS})",
}


def pairs(values):
    """Sums of up to 40 examples."""
    rows = st.lists(st.tuples(values, values), min_size=1, max_size=40)
    return rows.map(lambda rows: PairedSums.of(*zip(*rows, strict=True)))


def scaled(name: str):
    """Kind of a registered metric, and sums on the scale of its scores."""
    kind = paired_kind(name)
    scores = st.one_of(
        st.sampled_from([0.0, 1.0]),
        st.floats(0, 1),
        st.floats(-50, 50) if kind == "linear" else st.sampled_from([0.0, 1e-9, 1.0]),
        st.floats(-8.9e6, 8.9e6) if kind == "linear" else st.floats(0, 1e-6),
    )
    return st.tuples(st.just(kind), pairs(scores))


# Not of any scores: most of them are refused, each of the four refusals among them.
raw = st.builds(
    PairedSums,
    n=st.integers(0, 2**41),
    b=st.integers(-(2**97), 2**97),
    c=st.integers(-(2**97), 2**97),
    bb=st.integers(0, 2**153),
    cc=st.integers(0, 2**153),
    bc=st.integers(-(2**153), 2**153),
)
# Half the examples +m, half -m and the like: the largest moments that the range admits.
largest = st.tuples(st.integers(1, 2**40 - 1), st.integers(2**30, 2**56)).map(
    lambda drawn: PairedSums(
        drawn[0], -drawn[0] * drawn[1], drawn[0] * drawn[1], *[drawn[0] * drawn[1] ** 2] * 2, 0
    )
)
drawn_sums = st.one_of(
    st.sampled_from(metric_names()).flatmap(scaled),
    st.tuples(st.sampled_from(KINDS), st.one_of(raw, largest)),
)


def neighbours(kind: str, sums: PairedSums):
    """The sums, and those one unit beside them."""
    yield kind, sums
    for name, value in asdict(sums).items():
        for other in (value - 1, value + 1):
            if other >= 0 or name in {"b", "c", "bc"}:
                yield kind, replace(sums, **{name: other})


def edges():
    """The ends of every range, and one unit beyond them."""
    n, most, squares = 2**40 - 1, 2**96 - 2**57, 2**152 - 1
    yield from neighbours("linear", PairedSums(n, -most, most, squares, squares, -squares))
    yield from neighbours("linear", PairedSums(1, 2**96 - 1, 0, 2**152 - 1, 0, 0))
    for kind in KINDS:
        yield from neighbours(kind, PairedSums(n, n * 10**9, n, n * 10**18, n, n * 10**9))
        yield from neighbours(kind, PairedSums(2, 10**9, 10**9, 10**18, 10**18, 0))
        yield from neighbours(kind, PairedSums(1, 1, 1, 1, 1, 1))
        sums = PairedSums(400, 100 * 10**9, 90 * 10**9, 10**20, 9 * 10**19, 9 * 10**19)
        yield from neighbours(kind, sums)


def last_level(kind: str, sums: PairedSums, minimum: int) -> int | None:
    """The largest z² × 1e6 at which the improvement is significant; None when at none."""
    try:
        if not significant(kind, sums, min_effect_bps=minimum, z2_floor_e6=0):
            return None
    except InputError:
        return None
    low, high = 0, MOST + 1
    while high - low > 1:
        middle = (low + high) // 2
        found = significant(kind, sums, min_effect_bps=minimum, z2_floor_e6=middle)
        low, high = (middle, high) if found else (low, middle)
    return low


def expected(kind: str, sums: PairedSums, minimum: int, z2: int):
    """What `deltaone.py` says: the selector of a refusal, or three results."""
    raw_sums = (sums.n, sums.b, sums.c, sums.bb, sums.cc, sums.bc)
    asked = (KINDS.index(kind), raw_sums, minimum, z2)
    try:
        return (
            *asked,
            bytes(4),
            improvement_wad(kind, sums),
            improvement_bps(kind, sums),
            significant(kind, sums, min_effect_bps=minimum, z2_floor_e6=z2),
        )
    except InputError as refused:
        (error,) = (name for told, name in ERRORS.items() if told in str(refused))
        return (*asked, keccak(text=error)[:4], 0, 0, False)


def vectors() -> list[tuple]:
    """All of them, the same ones every time."""
    made = []

    def add(kind, sums, minimum, z2):
        made.append(expected(kind, sums, minimum, z2))
        level = last_level(kind, sums, minimum)
        if level is not None:
            made.extend(expected(kind, sums, minimum, z) for z in (level, level + 1) if z <= MOST)

    @settings(
        max_examples=DRAWN,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn_sums, st.integers(0, 2_000), st.integers(0, MOST))
    def draw(drawn, minimum, z2):
        add(*drawn, minimum, z2)

    draw()
    for kind, sums in edges():
        for minimum in (0, 10, MOST):
            add(kind, sums, minimum, 2_705_543)
    return made


def main(path: str) -> None:
    """Write them, and say how many of what there are."""
    made = vectors()
    refused = {name: keccak(text=name)[:4] for name in ERRORS.values()}
    counts = {name.split("(")[0]: sum(c[4] == s for c in made) for name, s in refused.items()}
    counts["significant"] = sum(case[7] for case in made)
    counts["not significant"] = sum(case[4] == bytes(4) and not case[7] for case in made)
    scarce = [name for name, count in counts.items() if count < 20]
    if scarce:
        raise SystemExit(f"too few vectors of {scarce}: {counts}")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps({"cases": "0x" + encode([CASE], [made]).hex()}))
    print(f"{len(made)} vectors: {counts}")


if __name__ == "__main__":
    main(sys.argv[1])
