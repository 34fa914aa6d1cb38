"""Texts as data: read as they are written, refused where they are none, recomputed by oracles."""

import textwrap

import numpy as np
import pandas as pd
import pytest
import yaml
from worlds import read

from hokusai_mlflow.cli.evidence_checks import measure
from hokusai_mlflow.contributions.dataset import read_dataset
from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.errors import InputError, MissingInput, RecipeError
from hokusai_mlflow.inputs import TrainingRows, read_snapshot, write_snapshot
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.predicting import predict
from hokusai_mlflow.refits import score_folds
from hokusai_mlflow.stats.paired import paired_scores

LETTERS = textwrap.dedent(
    '''
    """How often each byte occurs, learnt from the texts."""
    import numpy as np

    class Letters:
        tokenizer_id = "bytes"

        def fit(self, features, texts):
            seen = np.frombuffer("".join(texts).encode(), dtype=np.uint8)
            self.logs_ = np.log((np.bincount(seen, minlength=256) + 1) / (len(seen) + 256))
            return self

        def log_likelihoods(self, texts):
            return [self.logs_[np.frombuffer(t.encode(), dtype=np.uint8)] for t in texts]

    def build(seed):
        return Letters()
    '''
)
ECHO = textwrap.dedent(
    '''
    """Says what it was asked, in capitals where it knows the source."""
    class Echo:
        def fit(self, features, targets):
            self.known_ = dict(zip(features["source"], targets))
            return self

        def predict(self, features):
            return [self.known_.get(source, source) for source in features["source"]]

    def build(seed):
        return Echo()
    '''
)
WORDS = ["the", "mean", "of", "a", "row", "is", "what", "NA", "null", "None", "007", "été", "猫"]
SPEC = {
    "model": "letters",
    "task": "language_model",
    "recipe": "recipe.py",
    "owner": "0x00000000000000000000000000000000000000aa",
    "data": {
        "pool": "pool.csv",
        "target": "text",
        "id": "id",
        "split": {"reference": 0.5, "payment": 0.2, "holdouts": 1, "key": "texts"},
    },
    "contributors": [
        {
            "name": "east",
            "address": "0x00000000000000000000000000000000000000a1",
            "data": "east.csv",
        }
    ],
    "cross_validation": {"repeats": 2, "folds": 2},
    "valuation": {"repeats": 2, "folds": 2},
}
GENERATION = SPEC | {
    "model": "echo",
    "task": "text_generation",
    "data": SPEC["data"] | {"target": "target", "features": ["source"]},
}


def sentences(name, n, seed):
    random = np.random.default_rng(seed)
    texts = [" ".join(random.choice(WORDS, random.integers(4, 9))) for _ in range(n)]
    return pd.DataFrame({"id": [f"{name}-{at}" for at in range(n)], "text": texts})


def pairs(name, n, seed):
    frame = sentences(name, n, seed).rename(columns={"text": "source"})
    return frame.assign(target=frame["source"].str.upper())


def project(folder, spec=SPEC, **frames):
    folder.mkdir(exist_ok=True)
    make = sentences if spec["task"] == "language_model" else pairs
    for name, n, seed in (("pool", 120, 1), ("east", 40, 2)):
        frames.setdefault(name, make(name, n, seed)).to_csv(folder / f"{name}.csv", index=False)
    (folder / "recipe.py").write_text(LETTERS if spec["task"] == "language_model" else ECHO)
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    return folder / "pipeline.yaml"


def test_words_that_look_like_something_else(tmp_path):
    texts = ["NA", "null", "007", "1e5", "True", "nan", "None", "-"] * 10
    pool = pd.DataFrame({"id": [str(at) for at in range(80)], "text": texts})
    inputs = read(project(tmp_path, pool=pool))
    assert inputs.pool.targets.tolist() == texts
    assert inputs.pool.features.columns.tolist() == ["text"]
    assert set(inputs.pool.ids) == {str(at) for at in range(80)}


def test_source_and_target_are_text_as_written(tmp_path):
    pool = pairs("pool", 120, 1).assign(source=[f"0{at}" for at in range(120)], region="N")
    inputs = read(project(tmp_path, GENERATION, pool=pool))
    assert inputs.pool.features["source"].tolist()[:2] == ["00", "01"]


def test_a_snapshot_of_texts(tmp_path):
    inputs = read(project(tmp_path / "project"))
    (tmp_path / "kept").mkdir()
    write_snapshot(inputs, tmp_path / "kept")
    assert read_snapshot(tmp_path / "kept").digest == inputs.digest


@pytest.mark.parametrize("bad", ["", "   ", "\t", "\u3000"])
@pytest.mark.parametrize(("name", "spec"), [("pool", SPEC), ("east", SPEC), ("pool", GENERATION)])
def test_blank_texts(tmp_path, bad, name, spec):
    make, target = (sentences, "text") if spec is SPEC else (pairs, "target")
    frame = make(name, 120, 1)
    frame.loc[3, target] = bad
    with pytest.raises(InputError, match=rf"{name}: 1 target\(s\) hold no text .*'{name}-3'"):
        read(project(tmp_path, spec, **{name: frame}))


def test_texts_that_have_no_form(tmp_path):
    path = project(tmp_path)
    pool = tmp_path / "pool.csv"
    pool.write_bytes(pool.read_bytes() + "last,na\xefve\n".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"):
        read(path)
    pool.unlink()
    with pytest.raises(MissingInput, match="does not exist"):
        read(path)


@pytest.mark.parametrize(
    ("bad", "told"),
    [("half \ud83d", "cannot be written in UTF-8 in row 4"), ("a\0b", "NUL in row 4")],
)
def test_characters_that_are_none(bad, told):
    frame = sentences("pool", 9, 1).astype(object)
    frame.loc[3, "text"] = bad
    with pytest.raises(InputError, match=told):
        read_dataset(frame, name="pool", target="text", id="id", features=["text"], text=True)
    if "\0" not in bad:
        frame = frame.rename(columns={"text": "source"}).assign(target="plain")
        with pytest.raises(InputError, match="column 'source' cannot be written"):
            read_dataset(frame, name="pool", target="target", id="id", text=True)


def test_a_text_that_is_much_too_long(monkeypatch):
    monkeypatch.setenv("HOKUSAI_DATA_LIMIT", "1GiB")
    frame = pd.DataFrame({"text": ["a" * 3_000_000, *(["b"] * 99)]})
    with pytest.raises(InputError, match=r"3,000,000 letters in row 1; as many in each row"):
        read_dataset(frame, name="pool", target="text", features=["text"], text=True)


def test_numbers_are_no_texts(tmp_path):
    path = project(tmp_path)
    frame = sentences("pool", 120, 1).assign(text=range(120))
    frame.to_parquet(tmp_path / "pool.parquet")
    spec = SPEC | {"data": SPEC["data"] | {"pool": "pool.parquet"}}
    path.write_text(yaml.safe_dump(spec))
    with pytest.raises(InputError, match="needs texts as targets, found numbers such as 0"):
        read(path)


def test_features_of_a_language_model(tmp_path):
    data = SPEC["data"] | {"features": ["id"]}
    with pytest.raises(InputError, match="scores the texts in"):
        read(project(tmp_path, SPEC | {"data": data}))
    data = GENERATION["data"] | {"features": ["source", "target"]}
    with pytest.raises(InputError, match="the target 'target' cannot be a feature"):
        read(project(tmp_path, GENERATION | {"data": data}))


def both(inputs):
    """Champion's and candidate's words on the sealed hold-out, as a table of the run's."""
    rows, of = inputs.part("holdout-1"), inputs.metric
    reference = inputs.part("reference")
    few = reference.take(np.arange(5))
    said = [
        predict(
            inputs.recipe.fit(one.features, one.targets, seed=0, on="rows"),
            rows.features,
            of,
            name="model",
            targets=rows.targets,
        )
        for one in (few, reference)
    ]
    table = {"id": rows.ids, "target": rows.targets, "champion": said[0], "candidate": said[1]}
    return of, pd.DataFrame({key: list(values) for key, values in table.items()})


@pytest.mark.parametrize("spec", [SPEC, GENERATION], ids=lambda spec: spec["task"])
def test_oracles_recompute_sums_from_the_table(tmp_path, spec):
    generated = spec is GENERATION
    spec = spec | ({"metric": "chrf"} if generated else {})
    of, table = both(read(project(tmp_path, spec)))
    expected = PairedSums.of(*paired_scores(of, table.target, table.champion, table.candidate))
    document = {"metric": of.name, "metric_options": of.options(), "evaluation": {"columns": {}}}
    path = tmp_path / "gate-predictions.parquet"
    table.to_parquet(path)
    found = measure(document, path)
    assert found.sums == expected
    # One token more likely than the model said, or one word other, and the sums are others.
    if not generated:
        cell = table.candidate[0]
        lie = cell | {"log_likelihoods": np.append(cell["log_likelihoods"][1:], -0.01)}
        table.at[0, "candidate"] = lie
    else:
        table.to_csv(tmp_path / "same.csv", index=False)
        assert measure(document, tmp_path / "same.csv").sums == expected
        table.loc[0, "candidate"] += " X"
    table.to_parquet(path)
    assert measure(document, path).sums != expected


def test_a_model_must_say_how_it_cuts_texts(tmp_path):
    inputs = read(project(tmp_path))
    rows = inputs.part("reference")
    model = inputs.recipe.fit(rows.features, rows.targets, seed=0, on="rows")
    with pytest.raises(RecipeError, match="there are no texts to score"):
        predict(model, rows.features, metric("perplexity"), name="model")
    model.tokenizer_id = None
    with pytest.raises(RecipeError, match="tokenizer_id"):
        predict(model, rows.features, metric("perplexity"), name="model", targets=rows.targets)


def test_refits_score_texts(tmp_path):
    inputs = read(project(tmp_path))
    reference = inputs.part("reference")
    folds = inputs.splitter.cut(reference, seed=0)
    arm = inputs.recipe, TrainingRows(reference, {})
    scores = score_folds(inputs.automatic_metric, arm, reference, folds, seed=0)
    assert scores.shape == (3,)
    # Utility is −ln(perplexity): bytes are less likely than 1 and likelier than 1/256.
    assert ((-np.log(256) < scores) & (scores < 0)).all()
