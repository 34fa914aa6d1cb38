import hashlib
import shutil

import numpy as np
import pandas as pd
import pytest

from hokusai_mlflow.errors import ChampionMissing, RecipeError
from hokusai_mlflow.tracking.models import METADATA, content_digest, read, save

ROWS = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "model"
    (place / "data").mkdir(parents=True)
    (place / "model.pkl").write_bytes(b"weights")
    (place / "data" / "vocabulary.txt").write_bytes(b"words")
    (place / "MLmodel").write_text("utc_time_created: now")
    return place


def _leaf(name, content):
    return hashlib.sha256(b"\0" + name + b"\0" + hashlib.sha256(content).digest()).digest()


def test_the_digest_is_the_merkle_root_it_says_it_is(folder):
    leaves = [_leaf(b"data/vocabulary.txt", b"words"), _leaf(b"model.pkl", b"weights")]
    root = hashlib.sha256(b"\1" + leaves[0] + leaves[1]).digest()
    assert content_digest(folder) == root.hex()
    (folder / "z.bin").write_bytes(b"")
    odd = hashlib.sha256(b"\1" + root + _leaf(b"z.bin", b"")).digest()
    assert content_digest(folder) == odd.hex()


def test_one_flipped_bit_changes_it(folder):
    before = content_digest(folder)
    for bit in (0, 7, 8 * len(b"weights") - 1):
        content = bytearray(b"weights")
        content[bit // 8] ^= 1 << bit % 8
        (folder / "model.pkl").write_bytes(content)
        assert content_digest(folder) != before
    (folder / "model.pkl").write_bytes(b"weights")
    assert content_digest(folder) == before


def test_names_and_places_of_files_count(folder, tmp_path):
    digests = {content_digest(folder)}
    for source, target in (
        ("model.pkl", "other.pkl"),
        ("data/vocabulary.txt", "vocabulary.txt"),
        ("data/vocabulary.txt", "data/vocabulary.md"),
    ):
        other = tmp_path / target.replace("/", "-")
        shutil.copytree(folder, other)
        (other / source).rename(other / target)
        digests.add(content_digest(other))
    swapped = tmp_path / "swapped"
    shutil.copytree(folder, swapped)
    (swapped / "model.pkl").write_bytes(b"words")
    (swapped / "data" / "vocabulary.txt").write_bytes(b"weights")
    (tmp_path / "more").mkdir()
    shutil.copytree(folder, tmp_path / "more", dirs_exist_ok=True)
    (tmp_path / "more" / "extra").write_bytes(b"")
    digests |= {content_digest(swapped), content_digest(tmp_path / "more")}
    assert len(digests) == 6


def test_what_mlflow_writes_beside_a_model_does_not_count(folder):
    before = content_digest(folder)
    for name in METADATA:
        (folder / name).write_text("another clock")
    assert content_digest(folder) == before


def test_a_folder_without_a_model_is_none(tmp_path):
    (tmp_path / "MLmodel").write_text("flavors: {}")
    with pytest.raises(ChampionMissing, match=r"no model files .* restore the artifact store"):
        content_digest(tmp_path)


def _fitted(strength=1.0):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength).fit(ROWS, [0, 0, 1, 1])


def test_the_same_model_saved_twice_is_the_same_content(tmp_path):
    digests = [
        save(_fitted(strength), tmp_path / str(number), serialization="cloudpickle")
        for number, strength in enumerate((1.0, 1.0, 2.0))
    ]
    assert digests[0] == digests[1] != digests[2]
    assert digests[0] == content_digest(tmp_path / "0")


@pytest.mark.parametrize("serialization", ["cloudpickle", "skops"])
def test_a_saved_model_predicts_as_before(tmp_path, serialization):
    save(_fitted(), tmp_path / "model", serialization=serialization)
    loaded = read(tmp_path / "model").predict_proba(ROWS)
    np.testing.assert_array_equal(loaded, _fitted().predict_proba(ROWS))


def test_what_cannot_be_saved_is_the_recipes_matter(tmp_path):
    fitted = _fitted()
    fitted.handle = (_ for _ in ())
    with pytest.raises(RecipeError, match="cannot be saved with serialization: cloudpickle"):
        save(fitted, tmp_path / "model", serialization="cloudpickle")
