"""`hokusai ratings`: blinded sheets for people who rate, and their ratings back."""

# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from hokusai_mlflow.cli import output
from hokusai_mlflow.cli.command import EPILOG, Command
from hokusai_mlflow.cli.options import AsJson, read_settings
from hokusai_mlflow.errors import InputError

if TYPE_CHECKING:
    from hokusai_mlflow.ratings.blinding import Blinding, Question
    from hokusai_mlflow.ratings.given import GivenRatings

app = typer.Typer(
    name="ratings",
    no_args_is_help=True,
    help="Blinded sheets for people who rate, and their ratings back.",
    epilog=EPILOG,
)
SpecFile = Annotated[Path, typer.Argument(metavar="SPEC", help="The pipeline.yaml.")]
RaterName = Annotated[
    str, typer.Option("--rater", metavar="NAME", help="Who rates; a sheet is one person's.")
]
LONGEST = 250


class _Open(NamedTuple):
    """The round of a spec's model that waits for ratings."""

    blinding: Blinding
    questions: tuple[Question, ...]
    given: GivenRatings
    scale: tuple[float, float]
    least: int


@app.command(cls=Command, epilog=EPILOG)
def export(
    spec: SpecFile,
    rater: RaterName,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A new CSV file.")],
    part: Annotated[
        list[str] | None,
        typer.Option(
            metavar="K/N",
            help="Only the K-th of N parts of the questions; may be given several times.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a sheet for one rater: what was asked, and two answers on sides drawn by lot.

    Nothing in it tells which model gave an answer. What the rater has rated is left out.

    Example: hokusai ratings export pipeline.yaml --rater ann --out ann.csv
    """
    from hokusai_mlflow.ratings.sheet import write_sheet

    name = _rater(rater)
    with _opened(spec) as found:
        done = found.given.rated_in_full(found.questions, name)
        chosen = [question for one in part or ["1/1"] for question in _part(one, found.questions)]
        wanted = {question.id: question for question in chosen if question.id not in done}
        rows = write_sheet(out, found.blinding, tuple(wanted.values()), name)
    if as_json:
        output.document({"file": str(out), "rows": rows, "scale": list(found.scale)})
        return
    low, high = found.scale
    output.say(
        f"{rows:,} questions for {name} in {out}; fill in rating_a and rating_b from {low:g} to "
        f"{high:g}, or leave both empty"
    )


@app.command("import", cls=Command, epilog=EPILOG)
def import_(
    spec: SpecFile,
    sheet: Annotated[Path, typer.Argument(metavar="SHEET", help="A sheet that was filled in.")],
    rater: RaterName,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let newer ratings of the same rater count.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a rater's sheet back: as human feedback on the answers' traces in MLflow.

    The whole sheet is checked before anything is written, and the same sheet again changes nothing.

    Example: hokusai ratings import pipeline.yaml ann.csv --rater ann
    """
    from hokusai_mlflow.ratings.sheet import read_sheet
    from hokusai_mlflow.tracking.answers import write_ratings

    name = _rater(rater)
    with _opened(spec) as found:
        given, blank, digest = read_sheet(
            sheet, found.blinding, found.questions, name, scale=found.scale
        )
        told = write_ratings(given, found.given, sheet=digest, replace=replace)
    if as_json:
        output.document({**told, "blank_rows": blank})
        return
    newer = f", {told['replaced']:,} of them in place of older ones" if told["replaced"] else ""
    output.say(
        f"{told['written']:,} ratings of {name} written{newer}, {told['unchanged']:,} were there, "
        f"{blank:,} rows without ratings"
    )


@app.command(cls=Command, epilog=EPILOG)
def status(spec: SpecFile, as_json: AsJson = False) -> None:
    """Tell how many questions are rated, and how many by whom; never how.

    Example: hokusai ratings status pipeline.yaml
    """
    with _opened(spec) as found:
        counts = found.given.complete(found.questions).values()
        by_rater = {
            rater: len(found.given.rated_in_full(found.questions, rater))
            for rater in found.given.raters
        }
    done = sum(count >= found.least for count in counts)
    if as_json:
        told = {"questions": len(counts), "done": done, "raters": by_rater}
        output.document(told | {"raters_per_item": found.least})
        return
    output.say(f"{done:,} of {len(counts):,} questions are rated by {found.least} people or more")
    for rater, count in by_rater.items():
        output.say(f"  {rater}: {count:,}")
    for why, count in found.given.left_out.items():
        output.say(f"  not counted: {count:,} {why}")


@contextmanager
def _opened(path: Path) -> Iterator[_Open]:
    """The open round of a spec's model, while no run of it is under way."""
    from hokusai_mlflow import rounds
    from hokusai_mlflow.attempt import exclusive
    from hokusai_mlflow.ledger import Ledger
    from hokusai_mlflow.spec import load_spec
    from hokusai_mlflow.tracking.answers import read_questions, read_ratings
    from hokusai_mlflow.tracking.store import connect

    spec, settings = load_spec(path), read_settings()
    if not spec.kind.by_people or spec.human.scale is None:
        raise InputError(f"{path} has task: {spec.task}; only models of task: human are rated")
    with exclusive(spec.model, settings):
        client = connect(settings)
        with Ledger(settings.ledger) as ledger:
            attempt, asked = rounds.open_round(ledger, spec.model)
        scale = tuple(asked["scale"])
        questions = read_questions(client, asked["experiment"], asked["round"])
        rounds.require_asked(asked, questions)
        given = read_ratings(client, asked["experiment"], asked["round"], questions, scale=scale)
        blinding = rounds.blinding_of(attempt, spec.model, settings)
        yield _Open(blinding, questions, given, scale, asked["raters_per_item"])


def _rater(name: str) -> str:
    from hokusai_mlflow.ratings.columns import who

    name = who(name)
    if not name or len(name) > LONGEST or not name.isprintable():
        raise InputError(
            f"--rater: expected a name of 1 to {LONGEST} letters, found {name[:LONGEST]!r}"
        )
    return name


def _part(given: str, questions: Sequence[Question]) -> Sequence[Question]:
    first, _, last = given.partition("/")
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise InputError(f"--part: expected K/N such as 1/3, found {given!r}")
    return questions[int(first) - 1 :: int(last)]
