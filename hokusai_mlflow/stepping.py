"""What every step of the flows is made with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from hokusai_mlflow import attempt as attempts
from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.cache import Cache
from hokusai_mlflow.errors import HoldoutExhausted, InputError, RecipeError
from hokusai_mlflow.settings import Settings

step = partial(task, cache_policy=NO_CACHE, persist_result=False)
"""A Prefect task without Prefect's own caching: steps carry their own idempotency keys."""


@contextmanager
def given_up_on_failure(attempt: Attempt) -> Iterator[None]:
    """Close an attempt whose recipe or data fail before its verdict; corrected ones start anew."""
    try:
        yield
    except (RecipeError, InputError, HoldoutExhausted) as problem:
        attempts.abandon(attempt, problem, Settings().prepare())
        raise


def kept_results() -> Cache:
    """Results by content, in the Hokusai home."""
    return Cache(Settings().prepare().home / "cache")
