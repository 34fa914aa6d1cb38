"""Pools, honest contributions, and rows with planted defects."""

import numpy as np
import pandas as pd

from hokusai_mlflow.contributions import read_dataset
from hokusai_mlflow.quality import Case, Profile, QualityPolicy

POLICY = QualityPolicy()


def table(rows, seed, *, columns=6):
    """Numbers of several shapes, a category, and a class that mostly follows from them."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(rows, columns)), columns=list("abcdef")[:columns])
    frame["b"] = np.exp(frame["b"])
    frame["c"] = random.poisson(2, rows)
    frame.loc[random.uniform(size=rows) < 0.05, "d"] = np.nan
    frame["town"] = random.choice(["Bern", "Basel", "Chur"], rows)
    score = frame["a"] + frame["e"] + random.normal(0, 0.3, rows)
    frame["y"] = np.where(score > 0, "yes", "no")
    frame["id"] = [f"row-{seed}-{at}" for at in range(rows)]
    return frame


def dataset(frame, name="given"):
    return read_dataset(frame, name=name, target="y", id="id", unique=False)


def case(given, reference, *, task="classification", policy=POLICY, fit=None, seed=0):
    """A case of frames or data sets."""
    given, reference = (
        dataset(one) if isinstance(one, pd.DataFrame) else one for one in (given, reference)
    )
    profile = Profile.of(reference, task=task)
    return Case(given, profile, policy, reference, fit, seed)
