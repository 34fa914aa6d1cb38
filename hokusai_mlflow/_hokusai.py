"""Installed as package `hokusai`: the guide says `from hokusai import PerformanceTracker`."""

from __future__ import annotations

from typing import Any

import hokusai_mlflow

__all__ = hokusai_mlflow.__all__


def __getattr__(name: str) -> Any:
    return getattr(hokusai_mlflow, name)


def __dir__() -> list[str]:
    return dir(hokusai_mlflow)
