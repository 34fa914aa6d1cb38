import pickle
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import cloudpickle
import numpy as np
import pandas as pd
import pytest

from hokusai_mlflow.errors import InputError, MissingInput, RecipeError
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.recipe import load_recipe, predict, recipe_from_source

GOOD = """
from sklearn.linear_model import LogisticRegression

def build(seed):
    return LogisticRegression(random_state=seed)
"""
ROWS = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0], "y": [1.0, 0.0, 1.0, 0.0]})
TARGETS = np.array([0, 0, 1, 1])


def test_the_text_is_the_identity():
    one, same = recipe_from_source(GOOD), recipe_from_source(GOOD)
    other = recipe_from_source(GOOD + "# changed\n")
    assert one == same
    assert one.digest == same.digest != other.digest
    assert one.digest[:12] in repr(one)


def test_the_pipelines_seed_arrives():
    fitted = recipe_from_source(GOOD).fit(ROWS, TARGETS, seed=11, on="rows")
    assert fitted.random_state == 11


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(MissingInput, match=r"recipe\.py.*expected a Python file with build\(seed"):
        load_recipe(tmp_path / "recipe.py")
    (tmp_path / "latin.py").write_bytes(b"# caf\xe9\n")
    with pytest.raises(MissingInput, match="expected a Python file"):
        load_recipe(tmp_path / "latin.py")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def build(seed)\n", "does not run: SyntaxError"),
        ("import a_package_nobody_has\n", "does not run: ModuleNotFoundError"),
        ("1 / 0\n", "does not run: ZeroDivisionError"),
        ("x = 1\n", r"defines no function build\(seed\)"),
        ("build = 3\n", r"defines no function build\(seed\)"),
    ],
)
def test_a_recipe_that_cannot_be_used_says_why_every_time(source, said):
    for _ in range(2):
        with pytest.raises(RecipeError, match=said):
            recipe_from_source(source)


def test_text_columns_are_named_when_the_recipe_cannot_take_them():
    rows = ROWS.assign(city=["a", "b", "a", "b"])
    with pytest.raises(RecipeError, match="not numeric: city; encode them in the recipe") as caught:
        recipe_from_source(GOOD).fit(rows, TARGETS, seed=0, on="the training rows")
    assert "the training rows (4 rows)" in str(caught.value)


def test_a_failure_of_numbers_does_not_blame_text():
    with pytest.raises(RecipeError) as caught:
        recipe_from_source(GOOD).fit(ROWS, np.zeros(4), seed=0, on="fold 1")
    assert "not numeric" not in str(caught.value)


class _Says:
    """A model that answers what it is told to."""

    def __init__(self, output):
        self._output = output

    def predict(self, features):
        if isinstance(self._output, Exception):
            raise self._output
        return self._output


@pytest.mark.parametrize(
    "output", [np.zeros(3), np.zeros(5), np.zeros((4, 1)), np.zeros((4, 2)), np.float64(1), []]
)
def test_predictions_of_another_length_are_refused(output):
    with pytest.raises(InputError, match="4 rows; expected one per row"):
        predict(_Says(output), ROWS, metric("accuracy"), name="candidate")


def test_a_model_that_cannot_predict_is_named():
    with pytest.raises(RecipeError, match="the champion could not predict 4 rows: KeyError"):
        predict(_Says(KeyError("x")), ROWS, metric("accuracy"), name="champion")


def test_labels_and_values_come_from_predict():
    said = np.array(["a", "b", "a", "b"])
    assert predict(_Says(said), ROWS, metric("accuracy"), name="candidate").tolist() == list(said)


@pytest.mark.parametrize("labels", [np.array(["bad", "good"]), np.array([0, 1])])
@pytest.mark.parametrize("with_probabilities", [True, False])
def test_scores_lean_to_the_positive_class_whichever_it_is(labels, with_probabilities):
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    targets = labels[TARGETS]
    kind = LogisticRegression if with_probabilities else LinearSVC
    model = kind().fit(ROWS, targets)
    for at, positive in enumerate(labels.tolist()):
        of = metric("roc_auc", positive=positive).bind(targets)
        said = predict(model, ROWS, of, name="candidate")
        assert of.score(targets, said) == 1.0, positive
        assert said[at == TARGETS].min() > said[at != TARGETS].max()


def test_two_threads_never_see_half_a_recipe():
    source = "import time\ntime.sleep(0.3)\ndef build(seed):\n    return seed\n"
    with ThreadPoolExecutor(4) as pool:
        recipes = list(pool.map(lambda _: recipe_from_source(source), range(4)))
    assert {recipe.build(3) for recipe in recipes} == {3}


def test_a_recipe_travels_as_text():
    recipe = recipe_from_source(GOOD)
    assert pickle.loads(pickle.dumps(recipe)) == recipe
    assert b"LogisticRegression(random_state=seed)" in pickle.dumps(recipe)


def test_a_fitted_model_loads_where_the_recipe_is_not(tmp_path):
    source = """
from sklearn.base import BaseEstimator

class Mean(BaseEstimator):
    def fit(self, features, targets):
        self.mean_ = float(targets.mean())
        return self

    def predict(self, features):
        return [self.mean_] * len(features)

def build(seed):
    return Mean()
"""
    fitted = recipe_from_source(source).fit(ROWS, TARGETS, seed=0, on="rows")
    place = tmp_path / "model.pkl"
    place.write_bytes(cloudpickle.dumps(fitted))
    script = (
        "import pickle, sys; m = pickle.load(open(sys.argv[1], 'rb')); print(m.predict([0, 0]));"
        "assert 'hokusai_mlflow' not in sys.modules"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(place)], capture_output=True, text=True, check=False
    )
    assert ran.stdout.strip() == "[0.5, 0.5]", ran.stderr


NOISY = """
import time, warnings
from sklearn.dummy import DummyClassifier

class Noisy(DummyClassifier):
    def fit(self, features, targets):
        for _ in range(20):
            warnings.warn("not converged")
            time.sleep(0.001)
        return super().fit(features, targets)

def build(seed):
    return Noisy()
"""


def test_warnings_of_refits_in_threads_are_quiet_and_come_back_after():
    recipe = recipe_from_source(NOISY)
    before = list(warnings.filters)

    def fit(delay):
        time.sleep(delay)
        return recipe.fit(ROWS, TARGETS, seed=0, on="rows")

    # Filters turn warnings into errors here: one that is heard fails the fit.
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(fit, np.linspace(0, 0.05, 24)))) == 24
    assert list(warnings.filters) == before
    with pytest.raises(UserWarning, match="heard again"):
        warnings.warn("heard again", stacklevel=1)
