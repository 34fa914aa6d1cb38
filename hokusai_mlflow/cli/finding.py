"""One line of `hokusai doctor`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from hokusai_mlflow.errors import HokusaiError

NOT_YET = "not created yet; the first `hokusai run` makes it"


@dataclass(frozen=True)
class Finding:
    """One line: `ok` is None where there is nothing to examine yet."""

    what: str
    ok: bool | None
    detail: str
    remedy: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


def trying(what: str, look: Callable[[], Finding]) -> Finding:
    """What an examination finds, or the error that ends it."""
    try:
        return look()
    except HokusaiError as problem:
        return refused(what, problem)


def refused(what: str, problem: HokusaiError) -> Finding:
    """An error as a finding: our messages say what to do after the first semicolon."""
    wrong, _, remedy = str(problem).partition("; ")
    return Finding(what, False, wrong, remedy)
