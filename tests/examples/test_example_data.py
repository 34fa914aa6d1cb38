import importlib.util
from pathlib import Path

import numpy as np
import pytest

from hokusai_mlflow.contributions import check_contributions, concatenate, partition, read_dataset
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.predicting import predict
from hokusai_mlflow.spec import load_spec
from hokusai_mlflow.stats.comparison import compare_outputs

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("digits", "doctor_visits", "language_model", "translation")


def module(path):
    found = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    loaded = importlib.util.module_from_spec(found)
    found.loader.exec_module(loaded)
    return loaded


class Example:
    def __init__(self, name, folder):
        make = module(EXAMPLES / name / "make_data.py")
        make.DATA = folder
        make.main()
        self.name, self.folder = name, folder
        self.spec = load_spec(EXAMPLES / name / "pipeline.yaml")
        self.build = module(EXAMPLES / name / self.spec.recipe).build
        self.pool = self.read(self.spec.data.pool, "pool", unique=True)
        self.contributions = [
            self.read(one.data, one.name, unique=False) for one in self.spec.contributors
        ]

    def read(self, path, name, *, unique):
        data = self.spec.data
        return read_dataset(
            Path(path).name,
            name=name,
            target=data.target,
            id=data.id,
            features=self.spec.features,
            base=self.folder,
            unique=unique,
            text=self.spec.kind.targets == "text",
        )

    def parts(self, key=None):
        split = self.spec.data.split
        cut = partition(
            self.pool.ids,
            key or split.key.get_secret_value().encode(),
            reference=split.reference,
            payment=split.payment,
            holdouts=split.holdouts,
        )
        return {name: self.pool.take(cut == name) for name in np.unique(cut)}

    def fit(self, *datasets):
        rows = concatenate(datasets)
        return self.build(self.spec.seed).fit(rows.features, rows.targets)


@pytest.fixture(scope="module")
def example(request, tmp_path_factory):
    if request.param == "doctor_visits":
        pytest.importorskip("statsmodels")
    return Example(request.param, tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("example", NAMES, indirect=True)
def test_same_bytes_every_time(example, tmp_path):
    before = {path.name: path.read_bytes() for path in example.folder.iterdir()}
    again = Example(example.name, tmp_path)
    assert {path.name: path.read_bytes() for path in again.folder.iterdir()} == before


@pytest.mark.parametrize("example", NAMES, indirect=True)
def test_addresses_belong_to_nobody(example):
    from eth_utils import keccak, to_checksum_address

    for name, address in [
        (f"{example.spec.model} owner", example.spec.owner),
        *((one.name, one.address) for one in example.spec.contributors),
    ]:
        assert address == to_checksum_address(keccak(text=f"hokusai example {name}")[-20:])


@pytest.mark.parametrize("example", ["digits"], indirect=True)
@pytest.mark.parametrize("key", [None, b"one", b"two", b"three"])
def test_digits_copies_are_caught_and_nothing_else(example, key):
    checks = {
        one.name: one for one in check_contributions(example.contributions, example.parts(key))
    }
    assert {name: int(one.accepted.sum()) for name, one in checks.items()} == {
        "north-archive": 360,
        "harbour-museum": 60,
        "quick-labels": 70,
        "mirror-press": 0,
    }
    assert checks["mirror-press"].public_counts == {"copy": 40, "near_copy": 20}


@pytest.mark.parametrize("example", ["digits"], indirect=True)
def test_digits_improves(example):
    parts = example.parts()
    sizes = {name: len(part) for name, part in parts.items()}
    assert sizes == {"holdout-1": 446, "holdout-2": 434, "payment": 333, "reference": 94}
    checks = check_contributions(example.contributions, parts)
    accepted = [
        one.take(check.accepted)
        for one, check in zip(example.contributions, checks, strict=True)
        if check.accepted.any()
    ]
    champion = example.fit(parts["reference"])
    candidate = example.fit(parts["reference"], *accepted)
    for part, least in (("holdout-1", 0.06), ("payment", 0.05)):
        rows = parts[part]
        before = champion.predict(rows.features) == rows.targets
        after = candidate.predict(rows.features) == rows.targets
        assert after.mean() - before.mean() > least
        assert (before != after).sum() >= 30


@pytest.mark.parametrize("example", ["doctor_visits"], indirect=True)
def test_doctor_visits_improve(example):
    parts = example.parts()
    checks = check_contributions(example.contributions, parts)
    assert all(check.accepted.mean() > 0.98 for check in checks)
    accepted = [
        one.take(check.accepted) for one, check in zip(example.contributions, checks, strict=True)
    ]
    champion = example.fit(parts["reference"])
    candidate = example.fit(parts["reference"], *accepted)
    cap = example.spec.metric_options["cap"]
    for part in ("holdout-1", "payment"):
        rows = parts[part]
        before, after = (
            np.minimum((model.predict(rows.features) - rows.targets) ** 2, cap)
            for model in (champion, candidate)
        )
        assert 0.5 * np.log(before.mean() / after.mean()) > 0.03
        influence = 0.5 * (before / before.mean() - after / after.mean())
        skew = ((influence - influence.mean()) ** 3).mean() / influence.std() ** 3
        assert -skew / len(rows) ** 0.5 < 0.10


def compared(example, part):
    """Both models of text on a part, compared by the paid metric, and which rows were accepted."""
    spec, parts = example.spec, example.parts()
    checks = check_contributions(example.contributions, parts)
    accepted = [
        one.take(check.accepted)
        for one, check in zip(example.contributions, checks, strict=True)
        if check.accepted.any()
    ]
    models = example.fit(parts["reference"]), example.fit(parts["reference"], *accepted)
    of, rows = metric(spec.metric, **spec.metric_options), parts[part]
    said = [predict(one, rows.features, of, name="model", targets=rows.targets) for one in models]
    found = compare_outputs(of, rows.targets, *said, level=0.0025, min_effect_bps=20)
    return found, {check.name: int(check.accepted.sum()) for check in checks}, models


@pytest.mark.parametrize("example", ["language_model"], indirect=True)
def test_language_model_improves(example):
    found, accepted, (model, _) = compared(example, "holdout-1")
    assert accepted == {"second-half": 500, "statistics": 500, "source-code": 500, "mirror": 0}
    assert found.p_value < 1e-9
    assert found.detectable_bps < example.spec.gate.detectable_bps
    assert -found.tail < 0.1
    # Bytes that may follow a text have probabilities that sum to 1, known context or not.
    recipe = module(EXAMPLES / "language_model" / "recipe.py")
    for text in ("", "the estimator ", "\u732b"):
        symbols = np.concatenate([recipe.padded(text), [0]])
        context = int(recipe.windows(symbols, recipe.ORDER)[-1])
        assert model.probabilities(context + np.arange(256)).sum() == pytest.approx(1, rel=1e-12)
    logs = model.log_likelihoods(["ab", "the mean", "猫"])
    assert [len(each) for each in logs] == [2, 8, 3]


@pytest.mark.parametrize("example", ["translation"], indirect=True)
def test_translation_improves(example):
    found, accepted, (model, better) = compared(example, "holdout-1")
    assert accepted["mirror"] == 0
    assert (accepted["editors"], accepted["shop"]) == (212, 1166)
    assert found.p_value < 1e-5
    assert found.detectable_bps < example.spec.gate.detectable_bps
    assert -found.tail < 0.1
    # What is known as a whole comes back whole; what nobody knows stays.
    first = example.parts()["reference"]
    assert model.translate("Zyx qwv") == "Zyx qwv"
    known = first.features["english"][0]
    assert model.table_[tuple(module(EXAMPLES / "translation" / "recipe.py").cut(known.lower()))]
    assert better.translate("No results found") == "Keine Ergebnisse gefunden"
