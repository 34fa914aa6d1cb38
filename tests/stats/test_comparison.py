"""What a comparison promises for every metric."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats import Comparison, compare_outputs

METRICS = [
    ("accuracy", {}),
    ("precision", {}),
    ("recall", {"average": "macro"}),
    ("f1", {"average": "weighted"}),
    ("roc_auc", {}),
    ("mse", {}),
    ("rmse", {"cap": 9.0}),
    ("mae", {}),
    ("r2", {}),
]


def sample(name, n, seed, better=0.0):
    rng = np.random.default_rng(seed)
    if name in ("mse", "rmse", "mae", "r2"):
        truth = rng.normal(3, 2, n)
        noise = rng.normal(size=(2, n))
        return truth, truth + noise[0], truth + (0.6 * noise[0] + 0.8 * noise[1]) * (1 - better)
    truth = rng.integers(0, 2, n)
    truth[:2] = 0, 1
    if name == "roc_auc":
        noise = rng.normal(size=(2, n))
        return truth, truth + noise[0], truth * (1 + better) + 0.6 * noise[0] + 0.8 * noise[1]
    right = rng.random((2, n)) < [[0.85], [0.85 + better]]
    right[1] = np.where(rng.random(n) < 0.5, right[1], right[0])
    right[:, :2] = True
    return truth, *np.where(right, truth, 1 - truth)


@pytest.mark.parametrize(("name", "options"), METRICS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(20, 120), grouped=st.booleans())
def test_exchanging_the_models_flips_every_sign_exactly(name, options, seed, n, grouped):
    chosen = metric(name, **options)
    truth, b, c = sample(name, n, seed)
    groups = np.arange(n) // 3 if grouped else None
    there = compare_outputs(chosen, truth, b, c, groups=groups)
    back = compare_outputs(chosen, truth, c, b, groups=groups)
    assert back.improvement == -there.improvement
    assert back.improvement_bps == -there.improvement_bps
    assert back.std_error_bps == there.std_error_bps
    assert (back.ci_low_bps, back.ci_high_bps) == (-there.ci_high_bps, -there.ci_low_bps)
    assert back.skew == -there.skew
    assert (back.baseline, back.candidate) == (there.candidate, there.baseline)
    assert back.detectable_bps == there.detectable_bps
    if there.discordant:
        assert back.discordant == there.discordant[::-1]


@pytest.mark.parametrize(("name", "options"), METRICS)
@pytest.mark.parametrize("grouped", [False, True])
def test_identical_models_are_never_better(name, options, grouped):
    truth, b, _ = sample(name, 60, 0)
    groups = np.arange(60) // 2 if grouped else None
    for least in (0.0, 10.0):
        found = compare_outputs(
            metric(name, **options), truth, b, b.copy(), groups=groups, min_effect_bps=least
        )
        assert found.improvement == 0.0
        assert found.p_value == 1.0
        assert not found.significant
        assert all(math.isfinite(v) for v in found.to_dict().values() if isinstance(v, float))
        assert found.ci_low_bps <= 0 <= found.ci_high_bps


def test_identical_models_are_not_worse_either():
    truth, b, _ = sample("accuracy", 2_000, 0)
    assert compare_outputs(metric("accuracy"), truth, b, b, min_effect_bps=-100).p_value < 0.01


def test_two_perfect_models():
    truth = np.arange(10.0)
    assert compare_outputs(metric("mse"), truth, truth, truth).improvement == 0.0
    with pytest.raises(MetricUndefined, match="leaking"):
        compare_outputs(metric("mse"), truth, truth + 1, truth)


@pytest.mark.parametrize(("name", "options"), METRICS)
def test_order_of_examples_does_not_matter(name, options):
    truth, b, c = sample(name, 200, 3, better=0.05)
    shuffled = np.random.default_rng(0).permutation(200)
    one = compare_outputs(metric(name, **options), truth, b, c).to_dict()
    other = compare_outputs(metric(name, **options), truth[shuffled], b[shuffled], c[shuffled])
    for field, value in other.to_dict().items():
        if isinstance(value, float):
            assert value == pytest.approx(one[field], rel=1e-9, abs=1e-9), field
        else:
            assert value == one[field], field


@pytest.mark.parametrize(("name", "options"), METRICS)
def test_copies_of_examples_add_no_evidence_when_grouped(name, options):
    truth, b, c = sample(name, 200, 4, better=0.05)
    chosen = metric(name, **options)
    each = compare_outputs(chosen, truth, b, c, groups=np.arange(200))
    thrice = compare_outputs(
        chosen, *(np.tile(a, 3) for a in (truth, b, c)), groups=np.tile(np.arange(200), 3)
    )
    assert thrice.n == 600
    assert thrice.groups == each.groups == 200
    assert thrice.test == each.test == "t+hall"
    for field in ("improvement", "std_error_bps", "p_value", "ci_low_bps", "skew"):
        assert getattr(thrice, field) == pytest.approx(getattr(each, field), rel=1e-9)
    alone = compare_outputs(chosen, *(np.tile(a, 3) for a in (truth, b, c)))
    assert alone.std_error_bps < each.std_error_bps


@pytest.mark.parametrize(("name", "options"), METRICS)
def test_standard_error_agrees_with_the_bootstrap(name, options):
    truth, b, c = sample(name, 500, 5, better=0.05)
    chosen = metric(name, **options)
    rng = np.random.default_rng(6)
    drawn = []
    for _ in range(400):
        at = rng.integers(0, 500, 500)
        values = [chosen.utility(chosen.score(truth[at], said[at])) for said in (b, c)]
        drawn.append(values[1] - values[0])
    found = compare_outputs(chosen, truth, b, c)
    assert found.std_error_bps / 1e4 == pytest.approx(np.std(drawn), rel=0.15)


@pytest.mark.parametrize(("name", "options"), METRICS)
def test_p_value_and_bound_agree(name, options):
    for seed in range(12):
        found = compare_outputs(
            metric(name, **options), *sample(name, 300, seed, better=0.08), min_effect_bps=50
        )
        if abs(found.lower_bound_bps - 50) > 1e-6:
            assert found.significant == (found.lower_bound_bps > 50)
        assert found.ci_low_bps <= found.improvement_bps <= found.ci_high_bps


def test_the_tests_used():
    for name, test in (("accuracy", "tango"), ("roc_auc", "delong"), ("f1", "t+hall")):
        assert compare_outputs(metric(name), *sample(name, 50, 0)).test == test


def test_planning_numbers_of_the_design():
    """+100 bps at 7 % disagreement and 80 % power needs 5 300 examples at one test of 5 %."""
    truth = np.arange(10_000) % 2
    b, c = truth.copy(), truth.copy()
    b[:350] = 1 - b[:350]
    c[350:700] = 1 - c[350:700]
    found = compare_outputs(metric("accuracy"), truth, b, c)
    assert found.discordant == (350, 350)
    assert found.required_n(100) == pytest.approx(5_300, rel=0.01)
    strict = compare_outputs(metric("accuracy"), truth, b, c, level=0.05 / 40)
    assert strict.required_n(100) == pytest.approx(12_900, rel=0.01)
    at_least = compare_outputs(metric("accuracy"), truth[:5_350], b[:5_350], c[:5_350])
    assert at_least.required_n(at_least.detectable_bps) in (5_350, 5_351)


def test_planning_does_not_look_at_the_difference():
    truth = np.arange(4_000) % 2
    b, c = truth.copy(), truth.copy()
    b[:200] = 1 - b[:200]
    won = compare_outputs(metric("accuracy"), truth, b, c)
    c[:100] = b[:100]
    b[:100] = truth[:100]
    tied = compare_outputs(metric("accuracy"), truth, b, c)
    assert won.improvement != tied.improvement
    assert won.detectable_bps == tied.detectable_bps


def test_class_counts_and_forms():
    found = compare_outputs(
        metric("f1", average="macro", classes=["a", "b"]), list("aab"), list("aab"), list("abb")
    )
    assert found.class_counts == {"a": 2, "b": 1}
    assert found.discordant == (0, 1)
    again = json.loads(json.dumps(found.to_dict()))
    assert again["discordant"] == [0, 1]
    assert set(again) == set(Comparison.__dataclass_fields__)
    assert "\n" not in repr(found)
    assert "f1" in found._repr_html_()
    figures = f"{found.improvement_bps:+.1f} bps", f"{found.p_value:.3g}", f"{found.n:,}"
    for rendered in (found.to_text(), found.to_markdown(), found._repr_html_()):
        assert all(figure in rendered for figure in figures)
    assert found.units == 3


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"level": 0}, "level"),
        ({"level": 0.7}, "level"),
        ({"min_effect_bps": math.nan}, "minimum effect"),
        ({"groups": [1, 2]}, "one group per example"),
        ({"groups": [1, 1, 1, 1]}, "two groups"),
        ({"groups": [1.0, math.nan, 2.0, 3.0]}, "NaN"),
        ({"groups": np.array(["a", None, "b", "c"], dtype=object)}, "None at 1"),
    ],
)
def test_bad_input(change, told):
    with pytest.raises(InputError, match=told):
        compare_outputs(metric("accuracy"), [0, 1, 0, 1], [0, 1, 1, 1], [0, 1, 0, 1], **change)


def test_one_example_is_too_few():
    with pytest.raises(InputError, match="two examples"):
        compare_outputs(metric("accuracy"), [0], [0], [1])


def test_no_sample_finds_an_effect_below_the_minimum():
    found = compare_outputs(metric("accuracy"), *sample("accuracy", 100, 0))
    with pytest.raises(InputError, match="no number of examples"):
        found.required_n(10)
    with pytest.raises(InputError, match="power"):
        found.required_n(100, power=1.0)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), [("f1", {}), ("mae", {}), ("roc_auc", {})])
def test_size_on_the_boundary(name, options):
    """Equal models, δ₀ = 0: rejections at 5 % within three binomial standard errors."""
    runs, level = 1_500, 0.05
    rejected = sum(
        compare_outputs(
            metric(name, **options), *sample(name, 300, 10_000 + run), min_effect_bps=0
        ).significant
        for run in range(runs)
    )
    error = math.sqrt(level * (1 - level) / runs)
    assert level - 4 * error < rejected / runs < level + 3 * error


def test_a_few_wild_errors_are_told():
    rng = np.random.default_rng(0)
    truth, noise = np.zeros(500), rng.standard_normal((2, 500))
    tame = compare_outputs(metric("mse"), truth, *noise)
    assert tame.caveat == ""
    assert "caveat" not in tame.to_text()
    noise[1, 7] = 500.0
    wild = compare_outputs(metric("mse"), truth, *noise)
    assert "a few examples decide" in wild.caveat
    assert wild.caveat in wild.to_text()
    assert wild.caveat in wild.to_markdown()
    capped = compare_outputs(metric("mse", cap=9.0), truth, *noise)
    assert capped.caveat == ""
