"""Watches against example-by-example computation, and what they promise, by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.stats.fresh import Fresh, against, least_score, promised
from hokusai_mlflow.stats.mixtures import log_mixture
from hokusai_mlflow.stats.watching import FIRST, Watch, _Seen, _Trail

UNIT = ((0.0, 1.0), (0.0, 1.0))


def hits(rng, n, bps, differ=0.07):
    """Two models' hits of which the candidate has `bps` more."""
    u = rng.random(n)
    up = differ / 2 + bps / 2e4
    b = np.where(u < differ, (u >= up).astype(float), (rng.random(n) < 0.85).astype(float))
    c = np.where(u < differ, (u < up).astype(float), b)
    return b, c


def losses(rng, n, ratio):
    b = rng.beta(1, 12, n)
    return b, np.clip(b * ratio * rng.uniform(0.7, 1.3, n), 0, 1)


def watch_on(rng, bps=100.0, **given):
    before = PairedSums.of(*hits(rng, 5_000, bps))
    return Watch("linear", 0.0, 0.02, before, UNIT, **given)


def naive(watch, batches):
    """Evidence from each start, example by example, as the docstrings define it."""
    k = {"linear": 0.0, "log_ratio": 1.0, "half_log_ratio": 2.0}[watch.kind]
    floor = watch.floor_bps / 1e4
    r = math.exp(k * floor)

    def y(b, c):
        return c - b if watch.kind == "linear" else b - r * c

    wide = 2.0 if watch.kind == "linear" else 1 + r
    room, top = 0.05 * wide, 1.0
    n, total = watch.expected.n, y(watch.expected.b / 1e9, watch.expected.c / 1e9)
    short, error = [], []
    for b, c in batches:
        said = y(b, c)
        guess = float(np.clip(total / n, -room, room))
        aim = floor if watch.kind == "linear" else 0.0
        short.append((aim - said).sum())
        error.append(((said - guess) ** 2).sum())
        n, total = n + len(said), total + said.sum()
    rho = _Seen(watch, _Trail.of([Fresh.of(*one) for one in batches])).rho(floor)
    found = []
    for start in range(len(batches)):
        s, v = sum(short[start:]), sum(error[start:])
        found.append(float(log_mixture(s, v, rho=rho, scale=top + room)) if s > 0 else -math.inf)
    share = [FIRST if at % watch.year == 0 else (1 - FIRST) / (watch.year - 1) for at in range(99)]
    years = [
        sum(math.exp(found[at]) * share[at] for at in range(y0, min(y0 + watch.year, len(found))))
        for y0 in range(0, len(found), watch.year)
    ]
    return max(years) * watch.level


@pytest.mark.parametrize("kind", ["linear", "log_ratio", "half_log_ratio"])
@pytest.mark.parametrize("year", [365, 3])
def test_sums_give_what_every_example_gives(kind, year):
    rng = np.random.default_rng(5)
    draw = (lambda n: hits(rng, n, -400)) if kind == "linear" else (lambda n: losses(rng, n, 1.08))
    batches = [draw(n) for n in (300, 40, 500, 250, 700)]
    watch = Watch(kind, -20.0, 0.02, PairedSums.of(*draw(2_000)), UNIT, year)
    said = watch.judge([Fresh.of(*one) for one in batches])
    assert math.exp(said.evidence) == pytest.approx(naive(watch, batches), rel=1e-6)
    assert said.alarm == (said.evidence >= 0)


def test_first_alarm_is_the_first_look_that_judges_so():
    rng = np.random.default_rng(6)
    watch = watch_on(rng)
    batches = [Fresh.of(*hits(rng, 800, 100)) for _ in range(4)]
    batches += [Fresh.of(*hits(rng, 800, -600)) for _ in range(6)]
    looks = [watch.judge(batches[:at]).alarm for at in range(1, len(batches) + 1)]
    assert any(looks)
    assert watch.first_alarm(batches) == looks.index(True) + 1
    last = watch.judge(batches)
    assert last.since in (4, 5, 6)
    assert last.since_high_bps < 0 < last.estimate_bps + 600


@pytest.mark.parametrize("kind", ["linear", "half_log_ratio"])
def test_the_interval_ends_where_the_evidence_turns(kind):
    """Each end is the floor that the same batches would just refute."""
    rng = np.random.default_rng(7)
    draw = (lambda n: hits(rng, n, 50)) if kind == "linear" else (lambda n: losses(rng, n, 0.97))
    before, batches = PairedSums.of(*draw(4_000)), [Fresh.of(*draw(900)) for _ in range(5)]
    watch = Watch(kind, 0.0, 0.02, before, UNIT)
    said = watch.judge(batches)
    assert said.low_bps < said.estimate_bps < said.high_bps
    seen = _Seen(watch, _Trail.of(batches))
    for floor, wanted in ((said.high_bps + 3, True), (said.high_bps - 3, False)):
        s, v = seen.deviations(floor / 1e4)
        rho = seen.rho(floor / 1e4 if kind != "linear" else 0.0)
        scale = seen.scale(floor / 1e4 if kind != "linear" else 0.0)
        refuted = log_mixture(s[0], v[0], rho=rho, scale=scale) >= -math.log(0.02 * FIRST)
        assert bool(refuted) == wanted


def test_years_of_looks_at_a_champion_that_is_just_as_good():
    """At the boundary itself: of 60 years of 60 looks, at most 5 % + chance raise an alarm."""
    rng = np.random.default_rng(8)
    alarms = 0
    for _ in range(60):
        watch = Watch("linear", 0.0, 0.05, PairedSums.of(*hits(rng, 3_000, 0)), UNIT)
        alarms += watch.first_alarm([Fresh.of(*hits(rng, 200, 0)) for _ in range(60)]) is not None
    # P(Binomial(60, 0.05) ≥ 10) < 0.001.
    assert alarms < 10


def test_the_confidence_sequence_covers_at_all_looks():
    rng = np.random.default_rng(9)
    missed = 0
    for _ in range(60):
        watch = Watch("linear", 0.0, 0.2, PairedSums.of(*hits(rng, 3_000, 100)), UNIT)
        batches = [Fresh.of(*hits(rng, 300, 100)) for _ in range(20)]
        said = [watch.judge(batches[:at]) for at in range(1, 21)]
        missed += any(not one.low_bps <= 100 <= one.high_bps for one in said)
    # Each end errs with a quarter of the level: 10 % together; P(Binomial(60, 0.1) ≥ 15) < 0.001.
    assert missed < 15


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 30),
    level=st.floats(0.05, 0.95),
    seed=st.integers(0, 10_000),
)
def test_a_constant_in_place_of_the_other_model(n, level, seed):
    c = np.random.default_rng(seed).random(n)
    b = np.full(n, round(level, 9))
    made = against(round(level, 9), PairedSums.of(np.zeros(n), c), float(c.min()), float(c.max()))
    direct = Fresh.of(b, c)
    assert made.sums.c == direct.sums.c
    assert made.sums.b == direct.sums.b
    assert made.sums.bb == direct.sums.bb
    assert made.sums.bc == direct.sums.bc
    assert made.low == pytest.approx(direct.low, abs=1e-8)


def test_bounds_of_what_a_promotion_showed():
    rng = np.random.default_rng(10)
    b, c = hits(rng, 4_000, 200)
    sums = PairedSums.of(b, c)
    d = c - b
    by_hand = 1e4 * (d.mean() - 1.959964 * d.std() / math.sqrt(len(d)))
    assert promised("linear", sums, 0.025) == pytest.approx(by_hand, abs=1e-3)
    score = c.mean() - 1.959964 * c.std() / math.sqrt(len(c))
    assert least_score("linear", sums, 0.025) == pytest.approx(score, abs=1e-6)
    b, c = losses(rng, 4_000, 0.9)
    sums = PairedSums.of(b, c)
    psi = b / b.mean() - c / c.mean()
    ends = 0.5 * (math.log(b.mean() / c.mean()) - 1.959964 * psi.std() / math.sqrt(len(b)))
    assert promised("half_log_ratio", sums, 0.025) == pytest.approx(1e4 * ends, abs=1e-2)
    assert least_score("half_log_ratio", sums, 0.025) > c.mean()


def test_what_cannot_be_watched():
    sums = PairedSums.of([1.0, 0.0], [1.0, 1.0])
    with pytest.raises(InputError, match="at least one batch"):
        Watch("linear", 0.0, 0.05, sums, UNIT).judge([])
    with pytest.raises(InputError, match="level between"):
        Watch("linear", 0.0, 0.5, sums, UNIT)
    with pytest.raises(InputError, match="give their bounds"):
        Watch("log_ratio", 0.0, 0.05, sums)
    with pytest.raises(InputError, match="2 batches a year"):
        Watch("linear", 0.0, 0.05, sums, UNIT, 1)
    with pytest.raises(InputError, match="at least one fresh example"):
        Fresh.of([], [])
    with pytest.raises(InputError, match="finite"):
        Fresh.of([math.nan], [1.0])
