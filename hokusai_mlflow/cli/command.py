"""Commands whose errors are one block for people, one document for scripts, and one exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from typing import Any

import typer
from rich.text import Text
from typer.core import TyperCommand

from hokusai_mlflow.cli import output
from hokusai_mlflow.errors import HokusaiError

DONE, NOT_PROMOTED, BAD_INPUT, UNAVAILABLE, MISMATCH, DEFECT, INTERRUPTED = 0, 1, 2, 3, 4, 70, 130

EXIT_CODES: Mapping[int, str] = {
    DONE: "done: promoted, held, rejected, baseline or nothing new",
    NOT_PROMOTED: "not promoted (only with run --fail-unless-promoted)",
    BAD_INPUT: "bad input: nothing was changed",
    UNAVAILABLE: "something is unreachable, busy or out of order: try again",
    MISMATCH: "evidence does not check out",
    DEFECT: "unexpected error, in a recipe, a step of your own, or hokusai",
    INTERRUPTED: "interrupted: the same command again goes on",
}
"""What the exit code of every command means; `HokusaiError.exit_code` carries 2, 3 and 4."""

EPILOG = "Exit codes: " + " · ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items())


class Command(TyperCommand):
    """A command that reports what goes wrong in it, once and briefly."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command."""
        try:
            return super().invoke(ctx)  # type: ignore[arg-type]
        except (typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except HokusaiError as problem:
            _report(ctx, problem, problem.exit_code)
        except KeyboardInterrupt as problem:
            _report(ctx, problem, INTERRUPTED)
        except Exception as problem:
            _report(ctx, problem, DEFECT)
        return None


def is_verbose(ctx: typer.Context) -> bool:
    """Whether this run, or `hokusai` itself, was asked to say more."""
    return bool(ctx.params.get("verbose") or ctx.find_root().params.get("verbose"))


def _report(ctx: typer.Context, problem: BaseException, code: int) -> None:
    kind = type(problem).__name__
    if isinstance(problem, KeyboardInterrupt):
        message = "interrupted; the same command again goes on where this one was"
    elif code == DEFECT:
        message = f"unexpected {kind}: {problem}"
    else:
        message = str(problem)
    if is_verbose(ctx) or code == DEFECT:
        traceback.print_exception(problem, file=sys.stderr)
    if ctx.params.get("as_json"):
        output.document({"error": {"type": kind, "message": message, "exit_code": code}})
    else:
        output.errors().print(
            Text.assemble(("error: ", "bold red"), (message, "red")), soft_wrap=True
        )
    raise typer.Exit(code)
