"""Blinded sheets: what raters see, and what comes back or is refused."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from hokusai_mlflow.errors import InputError, MissingInput, UnknownName
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.people import look_at_raters
from hokusai_mlflow.ratings.blinding import Blinding, Question
from hokusai_mlflow.ratings.given import Given, GivenRatings
from hokusai_mlflow.ratings.sheet import COLUMNS, read_sheet, write_sheet
from hokusai_mlflow.stats.comparison import compare_outputs

BLINDING = Blinding(b"secret", "attempt")
ITEMS = [f"q{at}" for at in range(8)]
PROMPTS = [f"=what is {at}?\nTell, please" for at in range(8)]
OLD = [f"old {at}" for at in range(7)] + ["both"]
NEW = [f'-new, "{at}"' for at in range(7)] + ["both"]


def asked(blinding=BLINDING, champion=OLD, candidate=NEW):
    return blinding.ask(ITEMS, PROMPTS, champion, candidate)


QUESTIONS, UNBLINDED = asked()


@pytest.fixture
def sheet(tmp_path):
    path = tmp_path / "ann.csv"
    assert write_sheet(path, BLINDING, QUESTIONS, "ann") == 8
    return path


def rows_of(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def fill(path, change=None, columns=COLUMNS):
    rows = rows_of(path)
    for row in rows:
        row["rating_a"] = "4"
        row["rating_b"] = "2" if row["answer_b"] else ""
    if change is not None:
        change(rows)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def read(path, rater="ann", blinding=BLINDING, questions=QUESTIONS):
    return read_sheet(path, blinding, questions, rater, scale=(1, 5))


def test_a_sheet_comes_back_as_ratings_of_the_right_answers(sheet):
    found, blank, digest = read(fill(sheet))
    assert (len(found), blank, len(digest)) == (15, 0, 64)
    of = {one.answer: one for one in found}
    for row in rows_of(sheet):
        for side in "ab":
            text = row[f"answer_{side}"].removeprefix("'")
            if not text:
                continue
            (name,) = [n for q in QUESTIONS for n, told in q.answers if told == text]
            assert of[name].value == (4 if side == "a" else 2)
            assert of[name].side == (side if row["answer_b"] else "")


def test_no_cell_is_a_formula_and_the_header_is_known(sheet):
    for row in rows_of(sheet):
        assert tuple(row) == COLUMNS
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())
        assert "ann" not in "".join(row.values())


def test_blank_rows_are_left_for_later_and_a_comma_is_a_point(sheet):
    def change(rows):
        rows[0] |= {"rating_a": "", "rating_b": ""}
        rows[1]["rating_a"] = "3,5"

    found, blank, _ = read(fill(sheet, change))
    assert blank == 1
    assert 3.5 in {one.value for one in found}


def test_what_spreadsheets_do_to_line_ends_is_no_change(sheet):
    content = fill(sheet).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    sheet.write_bytes(b"\xef\xbb\xbf" + content)
    assert len(read(sheet)[0]) == 15


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_and_empty_rows_are_read(sheet, separator):
    whole = read(fill(sheet))[0]
    rows = rows_of(sheet)
    with open(sheet, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(COLUMNS)
        writer.writerows([row.values() for row in rows[:3]] + [[""] * 6])
        writer.writerows([row.values() for row in rows[3:]] + [[""] * 6])
    assert read(sheet)[0] == whole


def test_no_row_is_called_like_a_number(sheet):
    """A spreadsheet would write 427030123456 as 4.2703E+11; of such names some are in any sheet."""
    assert all(row["row"].startswith("r") for row in rows_of(sheet))

    def as_before(rows):
        for row in rows:
            row["row"] = row["row"][1:]

    assert len(read(fill(sheet, as_before))[0]) == 15


def two(rows):
    return next(row for row in rows if row["answer_b"])


BAD = {
    "off the scale": (lambda rows: two(rows).update(rating_a="6"), "from 1 to 5, found '6'"),
    "no number": (lambda rows: two(rows).update(rating_b="good"), "found 'good'"),
    "not a number": (lambda rows: two(rows).update(rating_b="nan"), "from 1 to 5"),
    "infinite": (lambda rows: two(rows).update(rating_b="inf"), "from 1 to 5"),
    "one of two": (lambda rows: two(rows).update(rating_b=""), "both answers to be rated"),
    "twice": (lambda rows: rows.append(rows[0]), "is there twice"),
    "unknown row": (lambda rows: rows[0].update(row="0123456789ab"), "none of this round's"),
    "changed prompt": (lambda rows: rows[0].update(prompt="what?"), "prompt was changed"),
    "changed answer": (lambda rows: two(rows).update(answer_a="better"), "answer_a was changed"),
    "sides exchanged": (
        lambda rows: two(rows).update(
            answer_a=two(rows)["answer_b"], answer_b=two(rows)["answer_a"]
        ),
        "answer_a was changed",
    ),
    "a second rating of one answer": (
        lambda rows: next(r for r in rows if not r["answer_b"]).update(rating_b="3"),
        "one answer only",
    ),
    "nothing": (
        lambda rows: [row.update(rating_a="", rating_b="") for row in rows],
        "has no ratings",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_count_is_refused_with_its_line(sheet, name):
    change, told = BAD[name]
    with pytest.raises(InputError, match=told):
        read(fill(sheet, change))


def test_other_files_are_refused(sheet, tmp_path):
    with pytest.raises(MissingInput):
        read(tmp_path / "none.csv")
    fill(sheet, columns=COLUMNS[:-1])
    with pytest.raises(UnknownName, match="rating_b"):
        read(sheet)
    sheet.write_bytes(b"row,prompt\n\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        read(sheet)
    sheet.write_text(",".join(COLUMNS) + "\na,b\n")
    with pytest.raises(InputError, match="expected 6 cells"):
        read(sheet)
    sheet.write_text(",".join(COLUMNS) + '\n"open')
    with pytest.raises(InputError):
        read(sheet)


def test_another_raters_and_another_rounds_sheet_are_refused(sheet):
    fill(sheet)
    with pytest.raises(InputError, match="for 'ben'"):
        read(sheet, rater="ben")
    other = Blinding(b"secret", "another attempt")
    with pytest.raises(InputError, match="none of this round"):
        read(sheet, blinding=other, questions=asked(other)[0])


def test_a_sheet_is_never_written_over(sheet, tmp_path):
    before = fill(sheet).read_bytes()
    with pytest.raises(InputError, match="exists"):
        write_sheet(sheet, BLINDING, QUESTIONS, "ann")
    assert sheet.read_bytes() == before
    with pytest.raises(InputError, match="nothing is left"):
        write_sheet(tmp_path / "empty.csv", BLINDING, (), "ann")
    assert [path.name for path in tmp_path.iterdir()] == ["ann.csv"]


def test_models_that_say_no_text_or_examples_twice_are_refused():
    with pytest.raises(InputError, match="expected a text"):
        BLINDING.ask(["a"], ["?"], ["x"], [3.5])
    with pytest.raises(InputError, match="found one twice"):
        BLINDING.ask(["a", "a"], ["?", "?"], ["x", "y"], ["x", "z"])


def opinions(questions, rng, raters=4):
    """Ratings that follow from the texts, whatever they are called."""
    return [
        Given(one.id, name, f"r{rater}", float(value), "ab"[at])
        for rater in range(raters)
        for one in questions
        for at, (name, text) in enumerate(one.answers)
        for value in [1 + (len(text) * 7 + sum(map(ord, text)) + rater) % 5]
    ]


def compared(questions, unblinded):
    given = GivenRatings(tuple(opinions(questions, None)))
    paired = given.unblind(unblinded).pair(baseline="champion", candidate="candidate")
    return compare_outputs(
        metric("human_score", low=1, high=5),
        None,
        paired.baseline,
        paired.candidate,
        groups=paired.groups,
    )


@settings(max_examples=40, deadline=None)
@hypothesis_given(st.binary(min_size=1, max_size=32), st.text(max_size=20))
def test_names_sides_and_orders_change_nothing(key, name):
    assert compared(*asked(Blinding(key, name))) == compared(QUESTIONS, UNBLINDED)


@settings(max_examples=40, deadline=None)
@hypothesis_given(st.binary(min_size=1, max_size=32))
def test_exchanging_the_models_turns_the_sign_and_nothing_else(key):
    blinding = Blinding(key, "r")
    one = compared(*asked(blinding))
    other = compared(*asked(blinding, champion=NEW, candidate=OLD))
    assert one.improvement == -other.improvement
    assert one.std_error_bps == other.std_error_bps


@settings(max_examples=25, deadline=None)
@hypothesis_given(st.integers(0, 2**32))
def test_screening_knows_no_model(seed):
    """Exclusion is the same whichever model is called the candidate."""
    rng = np.random.default_rng(seed)
    blinding = Blinding(b"k", "r")
    names = [str(at) for at in range(24)]
    texts = (
        ["x" * int(n) for n in rng.integers(1, 6, 24)],
        ["y" * int(n) for n in rng.integers(1, 6, 24)],
    )
    people = []
    for champion, candidate in (texts, texts[::-1]):
        questions, _ = blinding.ask(names, names, champion, candidate)
        given = [
            Given(q.id, name, f"r{rater}", float((len(text) + rater * at) % 5 + 1))
            for rater in range(4)
            for at, q in enumerate(questions)
            for name, text in q.answers
        ]
        told = look_at_raters(
            GivenRatings(tuple(given)),
            frozenset(q.id for q in questions),
            {},
            excludes=True,
            min_raters=2,
        )
        people.append((told.excluded, told.reasons))
    assert people[0] == people[1]


def test_an_answer_of_both_counts_for_both():
    given = GivenRatings(tuple(opinions(QUESTIONS, None)))
    paired = given.unblind(UNBLINDED).pair(baseline="champion", candidate="candidate")
    same = paired.items == "q7"
    assert same.sum() == 4
    assert (paired.baseline[same] == paired.candidate[same]).all()


def test_completeness_counts_raters_of_both_answers():
    rows = opinions(QUESTIONS, None)
    given = GivenRatings(tuple(rows))
    assert set(given.complete(QUESTIONS).values()) == {4}
    lost = next(row for row in rows if row.side == "b")
    fewer = GivenRatings(tuple(row for row in rows if row != lost))
    assert fewer.complete(QUESTIONS)[lost.question] == 3
    assert lost.question not in fewer.rated_in_full(QUESTIONS, lost.rater)
    assert GivenRatings.from_dict(given.to_dict()) == given


def test_too_few_left_is_not_enough_evidence_and_nobody_is_left_out():
    rows = [
        replace(row, value=3.0) if row.rater in ("r0", "r1") else row
        for row in opinions([*QUESTIONS, *more()], None)
    ]
    found = look_at_raters(
        GivenRatings(tuple(rows)),
        frozenset(row.question for row in rows),
        {},
        excludes=True,
        min_raters=3,
    )
    assert set(found.reasons) >= {"r0", "r1"}
    assert found.excluded == ()


def more() -> list[Question]:
    names = [f"z{at}" for at in range(20)]
    return list(BLINDING.ask(names, names, [f"a{n}" for n in names], [f"b{n}" for n in names])[0])
