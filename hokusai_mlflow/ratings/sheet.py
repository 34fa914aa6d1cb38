"""Sheets that raters fill in: questions in an order of their own, answers on sides drawn by lot."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hokusai_mlflow.errors import InputError, MissingInput, UnknownName, did_you_mean
from hokusai_mlflow.ratings.blinding import Blinding, Question
from hokusai_mlflow.ratings.given import Given, on_scale

COLUMNS = ("row", "prompt", "answer_a", "answer_b", "rating_a", "rating_b")
READ_ONLY = COLUMNS[:4]
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text for a formula."""


def sheet_rows(
    blinding: Blinding, questions: Sequence[Question], rater: str
) -> dict[str, tuple[Question, tuple[tuple[str, str], ...]]]:
    """Questions and sides of a rater's whole sheet, by the name of its row."""
    return {
        # A letter that no number has, or spreadsheets would make 4.2703E+11 of 427030…
        f"r{blinding.name('row', one.id, rater)[:12]}": (one, blinding.sides(one, rater))
        for one in blinding.order(questions, rater)
    }


def write_sheet(
    path: Path,
    blinding: Blinding,
    questions: Sequence[Question],
    rater: str,
) -> int:
    """Write a rater's sheet as CSV, whole or not at all.

    Parameters
    ----------
    path : Path
        A new file.
    blinding : Blinding
        Draws order and sides.
    questions : sequence of Question
        Those to rate.
    rater : str
        For whom; the name is not in the file.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    InputError
        When the file exists, or there is nothing to write.
    """
    if path.exists():
        raise InputError(f"{path} exists, perhaps with somebody's ratings; name another file")
    rows = sheet_rows(blinding, questions, rater)
    if not rows:
        raise InputError(f"nothing is left for {rater!r} to rate here")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        # With a mark by which spreadsheet programs know the encoding.
        with os.fdopen(handle, "w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for name, (question, sides) in rows.items():
                texts = [_cell(text) for _, text in sides] + [""] * (2 - len(sides))
                writer.writerow([name, _cell(question.prompt), *texts, "", ""])
        os.link(draft, path)
    except FileExistsError:
        raise InputError(f"{path} exists, perhaps with somebody's ratings") from None
    finally:
        Path(draft).unlink()
    return len(rows)


def read_sheet(
    path: Path,
    blinding: Blinding,
    questions: Sequence[Question],
    rater: str,
    *,
    scale: tuple[float, float],
) -> tuple[list[Given], int, str]:
    """Ratings of a filled-in sheet; all of it is checked before anything is returned.

    Parameters
    ----------
    path : Path
        The file.
    blinding, rater
        As for `write_sheet`.
    questions : sequence of Question
        All of the round, also those that are not on the sheet.
    scale : (float, float)
        Ends of the scale.

    Returns
    -------
    ratings : list of Given
    blank : int
        Rows without ratings.
    digest : str
        SHA-256 of the file.

    Raises
    ------
    InputError
        When the sheet is malformed, another rater's or another round's, when what was to be read
        was changed, or a rating is missing beside another one, or off the scale.
    """
    lines, digest = _lines(path)
    known = sheet_rows(blinding, questions, rater)
    found: list[Given] = []
    seen: set[str] = set()
    blank = 0
    for number, line in lines:
        where = f"{path}, line {number}"
        name = line["row"].strip()
        # As sheets named their rows before.
        name = f"r{name}" if f"r{name}" in known else name
        if name in seen:
            raise InputError(f"{where}: the row {name!r} is there twice; keep one")
        seen.add(name)
        if name not in known:
            raise InputError(
                f"{where}: the row {name!r} is none of this round's sheet for {rater!r}. Expected "
                "a sheet that `hokusai ratings export` wrote for this rater and this attempt: "
                "check --rater, or export a new one"
            )
        question, sides = known[name]
        _unchanged(where, line, question, sides)
        given = [line[column].strip() for column in COLUMNS[4:]]
        if len(sides) == 1 and given[1]:
            raise InputError(f"{where}: rating_b is {given[1]!r}, but there is one answer only")
        given = given[: len(sides)]
        if not any(given):
            blank += 1
            continue
        for side, value, (answer, _) in zip("ab", given, sides, strict=False):
            what = f"{where}, rating_{side}"
            if not value:
                raise InputError(f"{what}: expected both answers to be rated, or neither")
            shown = side if len(sides) > 1 else ""
            # A comma for the decimal point is what spreadsheets of half the world write.
            rated = on_scale(value.replace(",", ".", 1), *scale, what)
            found.append(Given(question.id, answer, rater, rated, shown))
    if not found:
        raise InputError(f"{path} has no ratings: fill in the columns rating_a and rating_b")
    return found, blank, digest


def _lines(path: Path) -> tuple[list[tuple[int, dict[str, str]]], str]:
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise MissingInput(f"{path} cannot be read: {problem}") from problem
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise InputError(
            f"{path} is not UTF-8 ({problem.reason} at byte {problem.start}); save it as CSV UTF-8"
        ) from problem
    header = text.lstrip().partition("\n")[0]
    # Where the comma is a decimal point, spreadsheets write another separator.
    separator = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    try:
        for column in COLUMNS:
            if column not in (reader.fieldnames or ()):
                raise UnknownName(
                    f"{path}: there is no column {column!r}"
                    f"{did_you_mean(column, reader.fieldnames or ())}; expected the sheet as it "
                    f"was exported, with commas between {', '.join(COLUMNS)}"
                )
        lines = [
            (reader.line_num, line)
            for line in reader
            if any(cell.strip() for cell in line.values() if isinstance(cell, str))
        ]
    except csv.Error as problem:
        raise InputError(f"{path}, line {reader.line_num}: {problem}") from problem
    for number, line in lines:
        if None in line or None in line.values():
            raise InputError(f"{path}, line {number}: expected {len(COLUMNS)} cells")
    return lines, hashlib.sha256(content).hexdigest()


def _unchanged(
    where: str, line: dict[str, str], question: Question, sides: tuple[tuple[str, str], ...]
) -> None:
    expected = [question.prompt, *(text for _, text in sides), *[""] * (2 - len(sides))]
    for column, text in zip(READ_ONLY[1:], expected, strict=True):
        if _same(line[column]) != _same(_cell(text)):
            raise InputError(
                f"{where}: {column} was changed: expected {_cell(text)[:80]!r}, found "
                f"{line[column][:80]!r}. Ratings of another text than the model's cannot count; "
                "export the sheet again"
            )


def _same(text: str) -> str:
    """A text without what spreadsheet programs change when they save."""
    return "\n".join(text.splitlines()).strip()


def _cell(text: str) -> str:
    """A text that no spreadsheet program takes for a formula."""
    return f"'{text}" if text.startswith(FORMULAS) else text
