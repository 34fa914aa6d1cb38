"""Raters who stand out: each kind is found, honest ones are left alone."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.stats.agreement import krippendorff
from hokusai_mlflow.stats.agreement_interval import alpha_interval
from hokusai_mlflow.stats.consensus import follows
from hokusai_mlflow.stats.screening import screen


def world(rng, *, items=60, raters=8, per_item=3, random=0, noise=0.8):
    """Ratings 1–5 of two answers per item; the first `random` raters answer at random."""
    quality = rng.normal(0, 1, (items, 1)) * 0.8 + rng.normal(0, 0.7, (items, 2))
    strict = rng.normal(0, 0.4, raters)
    noises = noise * rng.uniform(0.6, 1.4, raters)
    columns = {name: [] for name in ("answers", "items", "raters", "ratings", "sides")}
    for item in range(items):
        for rater in rng.permutation(raters)[:per_item]:
            flip = rng.integers(2)
            for model in range(2):
                seen = 3 + quality[item, model] + strict[rater] + rng.normal(0, noises[rater])
                rating = rng.integers(1, 6) if rater < random else np.clip(np.round(seen), 1, 5)
                columns["answers"].append(f"{item}-{model}")
                columns["items"].append(item)
                columns["raters"].append(f"r{rater}")
                columns["ratings"].append(rating)
                columns["sides"].append("ab"[model ^ flip])
    return {name: np.array(values) for name, values in columns.items()}


def by_name(screening):
    return {rater.name: {flag.code for flag in rater.flags} for rater in screening.raters}


def everybody(rng, raters=5, items=40):
    return world(rng, items=items, raters=raters, per_item=raters, noise=0.7)


def change(given, rater, ratings):
    mine = given["raters"] == rater
    return given | {"ratings": np.where(mine, ratings, given["ratings"])}


def test_each_kind_is_named():
    rng = np.random.default_rng(3)
    given = everybody(rng)
    assert not screen(**given).flagged
    constant = by_name(screen(**change(given, "r1", 4)))
    assert constant.pop("r1") == {"constant"}
    assert not any(constant.values())
    random = by_name(screen(**change(given, "r2", rng.integers(1, 6, len(given["ratings"])))))
    assert random.pop("r2") == {"disagrees"}
    assert not any(random.values())
    turned = by_name(screen(**change(given, "r0", 6 - given["ratings"])))
    assert turned.pop("r0") == {"disagrees"}
    left = np.where(given["sides"] == "a", 5, rng.integers(1, 5, len(given["sides"])))
    assert by_name(screen(**change(given, "r3", left)))["r3"] >= {"one-side"}
    order = np.lexsort((given["answers"], given["raters"]))
    ordered = {name: values[order] for name, values in given.items()}
    copied = ordered["ratings"].copy()
    copied[ordered["raters"] == "r4"] = copied[ordered["raters"] == "r3"]
    found = by_name(screen(**ordered | {"ratings": copied}))
    assert found["r3"] >= {"copies"}
    assert found["r4"] >= {"copies"}
    assert not found["r0"] | found["r1"] | found["r2"]


def test_too_fast_is_a_matter_of_pauses():
    given = everybody(np.random.default_rng(4))
    clock = np.full(len(given["ratings"]), np.nan)
    fast, slow = given["raters"] == "r1", given["raters"] == "r2"
    clock[fast] = np.arange(fast.sum()) * 0.7
    clock[slow] = np.arange(slow.sum()) * 9.0
    assert by_name(screen(**given, seconds=clock))["r1"] == {"too-fast"}
    assert screen(**given, seconds=clock).flagged == ("r1",)


def test_a_strict_rater_and_names_do_not_matter():
    given = everybody(np.random.default_rng(5))
    lowered = np.where(given["raters"] == "r1", given["ratings"] - 1.0, given["ratings"])
    assert not screen(**given | {"ratings": lowered}).flagged
    shuffled = np.random.default_rng(6).permutation(len(lowered))
    again = {name: values[shuffled] for name, values in given.items()}
    assert screen(**again) == screen(**given)


def test_exchanging_the_models_changes_nothing():
    given = world(np.random.default_rng(7), random=1)
    other = [f"{one[:-1]}{1 - int(one[-1])}" for one in given["answers"].tolist()]
    assert screen(**given | {"answers": np.array(other)}) == screen(**given)


def test_correlation_is_spearmans_on_what_is_shared():
    given = everybody(np.random.default_rng(8), raters=2)
    codes = [
        np.unique(given[name], return_inverse=True)[1] for name in ("answers", "items", "raters")
    ]
    found = follows(0, *codes, given["ratings"].astype(float))
    order = np.argsort(given["answers"], kind="stable")
    who, rated = given["raters"][order], given["ratings"][order]
    known = scipy_stats.spearmanr(rated[who == "r0"], rated[who == "r1"]).statistic
    assert found.correlation == pytest.approx(known, rel=1e-12)
    assert found.items == 40
    naive = []
    items = given["items"][order][who == "r0"]
    ranks = [scipy_stats.rankdata(rated[who == name]) for name in ("r0", "r1")]
    for item in range(40):
        kept = items != item
        naive.append(np.arctanh(np.corrcoef(*(one[kept] for one in ranks))[0, 1]))
    expected = np.sqrt(39 / 40 * ((np.array(naive) - np.mean(naive)) ** 2).sum())
    assert found.std_error == pytest.approx(expected, rel=1e-9)


def test_two_raters_who_disagree_are_both_left_alone():
    rng = np.random.default_rng(9)
    given = everybody(rng, raters=2)
    given = change(given, "r1", rng.integers(1, 6, len(given["ratings"])))
    assert not screen(**given).flagged


def test_lengths_are_checked():
    given = everybody(np.random.default_rng(10))
    with pytest.raises(InputError, match="one length"):
        screen(**given | {"items": given["items"][1:]})


@pytest.mark.parametrize(("items", "raters", "per_item"), [(160, 8, 3), (100, 5, 3)])
def test_honest_raters_are_left_alone_and_random_ones_found(items, raters, per_item):
    """With 60 items each, 5 % of honest raters at most are flagged, 90 % of random ones found."""
    worlds, honest, caught, alone = 60, 0, 0, 0
    for seed in range(worlds):
        rng = np.random.default_rng([seed, items])
        size = {"items": items, "raters": raters, "per_item": per_item}
        alone += len(screen(**world(rng, **size)).flagged)
        flagged = screen(**world(rng, **size, random=1)).flagged
        caught += "r0" in flagged
        honest += len(set(flagged) - {"r0"})
    # Of so many raters at exactly 5 %, more would be flagged once in a thousand.
    assert alone <= scipy_stats.binom.isf(1e-3, worlds * raters, 0.05)
    assert honest <= scipy_stats.binom.isf(1e-3, worlds * (raters - 1), 0.05)
    assert caught >= scipy_stats.binom.ppf(1e-3, worlds, 0.9)


def thumbs(rng, *, raters=12, questions=40, asked=10, good=0.9):
    """Thumbs up (1) or down (0) on two answers to some of the questions, by equal raters."""
    likely = np.where(rng.random((questions, 2)) < good, 0.97, 0.25)
    given = np.full((raters, questions, 2), np.nan)
    for rater in range(raters):
        mine = rng.choice(questions, asked, replace=False)
        given[rater, mine] = rng.random((asked, 2)) < likely[mine]
    return given


def careful(rng, *, kept=(0.98, 0.98, 0.6, 0.6, 0.6), questions=15):
    """Ratings 1–5 that are right as often as `kept` says of the rater, and else one off."""
    truth = rng.integers(1, 6, (1, questions, 2))
    right = rng.random((len(kept), questions, 2)) < np.array(kept)[:, None, None]
    return np.clip(truth + np.where(right, 0, rng.choice([-1, 1], right.shape)), 1, 5).astype(float)


def rounded(rng, *, noises=(0, 0, 0.8, 0.8, 0.8), questions=20, steps=2):
    """Opinions of answers whose quality is a number, rounded to 2 · steps + 1 levels."""
    quality = rng.normal(0, 0.8, (1, questions, 1)) + rng.normal(0, 0.7, (1, questions, 2))
    shape = len(noises), questions, 2
    noise = np.array(noises)[:, None, None] * rng.normal(0, 1, shape)
    return np.clip(np.round(quality + noise), -steps, steps)


def table(given, rng):
    rater, question, model = np.nonzero(~np.isnan(given))
    flip = rng.integers(0, 2, given.shape[:2])[rater, question]
    return {
        "answers": 2 * question + model,
        "items": question,
        "raters": rater,
        "ratings": given[rater, question, model],
        "sides": np.array(["a", "b"])[model ^ flip],
        "seconds": np.cumsum(rng.exponential(30, len(rater))),
    }


CHECKS = ("constant", "disagrees", "one-side", "copies", "too-fast")
HONEST = {
    "thumbs": thumbs,
    "mostly up": lambda rng: thumbs(rng, raters=6, asked=40, good=0.99),
    "two careful of five": careful,
    "two careful of five, many": lambda rng: careful(
        rng, kept=(0.995,) * 2 + (0.6,) * 3, questions=60
    ),
    "two careful of three": lambda rng: careful(rng, kept=(0.99, 0.99, 0.6)),
    "two careful ones": lambda rng: careful(rng, kept=(0.99, 0.99)),
    "all careful": lambda rng: careful(rng, kept=(0.99,) * 5),
    "two exact of five": rounded,
    "two exact of five, coarse": lambda rng: rounded(rng, steps=1, questions=60),
}


@pytest.mark.parametrize("which", HONEST)
def test_each_check_holds_its_five_percent_among_honest_raters(which):
    worlds, found = 100, dict.fromkeys(CHECKS, 0)
    for seed in range(worlds):
        rng = np.random.default_rng([seed, 29])
        flags = by_name(screen(**table(HONEST[which](rng), rng))).values()
        for code in set().union(*flags):
            found[code] += 1
    # With exactly 5 %, more in one of a thousand tests.
    assert max(found.values()) <= scipy_stats.binom.isf(1e-3, worlds, 0.05), found


@pytest.mark.parametrize("raters", [4, 5, 8])
def test_copies_are_found_and_nobody_beside_them(raters):
    worlds, caught, beside = 40, 0, 0
    for seed in range(worlds):
        rng = np.random.default_rng([seed, raters])
        given = rounded(rng, noises=(0.7,) * raters, questions=60)
        given[1] = given[0]
        found = by_name(screen(**table(given, rng)))
        caught += all("copies" in found.pop(name) for name in ("0", "1"))
        beside += any("copies" in codes for codes in found.values())
    assert caught >= scipy_stats.binom.ppf(1e-3, worlds, 0.9)
    assert beside == 0


def test_the_p_value_of_a_constant_rater_is_that_of_a_lot():
    """Twelve items: one other gives the rater's 1 to four, the other one to more or to fewer."""

    def flags(ones):
        ratings = np.repeat([1.0, 1.0, 0.0, 1.0, 0.0], [12, ones, 12 - ones, 4, 8])
        given = {"answers": np.tile(np.arange(12), 3), "raters": np.repeat([0, 1, 2], 12)}
        return screen(**given, items=given["answers"], ratings=ratings).raters[0].flags

    # Of the likelier of both, half of the lots give the rater the 1 on each item that differs.
    assert [flag.p_value for flag in flags(2)] == pytest.approx([3 / 2**8])
    assert [flag.p_value for flag in flags(5)] == pytest.approx([3 / 2**7])
    assert not flags(8)


def test_the_interval_of_alpha_holds_it_as_often_as_it_says():
    def draw(rng, items):
        quality = rng.normal(0, 1, (items, 1))
        seen = np.clip(np.round(3 + quality + rng.normal(0, 0.8, (items, 4))), 1, 5)
        return np.repeat(np.arange(items), 4), np.tile(np.arange(4), items), seen.ravel()

    truth = krippendorff(*draw(np.random.default_rng(1), 40_000), measurement="interval").alpha
    held, tried = 0, 300
    for seed in range(tried):
        given = draw(np.random.default_rng([2, seed]), 80)
        low, high = alpha_interval(*given, measurement="interval", draws=400, seed=seed)
        held += low <= truth <= high
    assert held / tried >= 0.95 - 3.1 * np.sqrt(0.95 * 0.05 / tried) - 0.02, held / tried


def test_the_interval_is_the_bootstrap_of_krippendorff():
    """Against resampling units naively and calling `krippendorff` on every sample."""
    rng = np.random.default_rng(11)
    given = everybody(rng, raters=4, items=50)
    columns = given["answers"], given["raters"], given["ratings"]
    options = {"measurement": "interval"}
    low, high = alpha_interval(*columns, clusters=given["items"], draws=4_000, seed=1, **options)
    drawn = []
    for _ in range(800):
        chosen = rng.integers(0, 50, 50)
        rows = [np.flatnonzero(given["items"] == one) for one in chosen]
        units = np.concatenate([np.char.add(columns[0][r], f"/{k}") for k, r in enumerate(rows)])
        at = np.concatenate(rows)
        drawn.append(krippendorff(units, columns[1][at], columns[2][at], **options).alpha)
    assert [low, high] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.02)
