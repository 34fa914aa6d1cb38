"""Strings that identify a person: published examples are found, and nothing of them is shown."""

import random
import re

import numpy as np
import pandas as pd
import pytest
from quality_worlds import case, dataset, table
from real_text import paragraphs

from hokusai_mlflow.quality import QualityPolicy
from hokusai_mlflow.quality.personal import is_card, is_iban, kinds_in, luhn, masked
from hokusai_mlflow.quality.personal_data import PersonalData

# Examples that registries, issuers and laws publish for tests and explanations; nobody's.
PLANTED = {
    "e-mail address": ["jane.doe@example.com", "j+tag@mail.example.org", "jürg@exämple.ch"],
    "IBAN": ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "CH9300762011623852957"],
    "payment card": ["4111 1111 1111 1111", "5500005555555559", "378282246310005"],
    "phone number": ["+41 44 668 18 00", "+1 650-253-0000", "+442083661177"],
    "US social security number": ["219-09-9999"],
    "UK national insurance number": ["AB 12 34 56 C"],
    "Spanish DNI or NIE": ["12345678Z", "X1234567L"],
    "French NIR": ["2 55 08 14 168 025 38"],
    "Italian codice fiscale": ["RSSMRA85T10A562S"],
    "Swiss AHV number": ["756.9217.0769.85"],
    "Brazilian CPF": ["529.982.247-25"],
}
SIMILAR_LOOKING = [
    "version 1.2.3-45 of 2026-11-26 12:30:45.123456",
    "ISBN 978-3-16-148410-0",
    "0.1234567890123456 and 4.111111111111111",
    "user@localhost, @decorator, a@b",
    "4111 1111 1111 1112",
    "GB82 WEST 1234 5698 7654 33",
    "12345678A",
    "756.9217.0769.84",
    "529.982.247-26",
    "order 000-12-3456",
    "1,234,567.89 in 2024-2026",
    "+12 3",
]


@pytest.mark.parametrize(("kind", "text"), [(k, t) for k, ts in PLANTED.items() for t in ts])
def test_published_examples_are_found_in_prose(kind, text):
    assert kind in dict(kinds_in(f"Please write to {text}, or so."))


@pytest.mark.parametrize("text", SIMILAR_LOOKING)
def test_what_looks_like_them_are_not(text):
    assert list(kinds_in(text)) == []


def test_national_phone_numbers_need_their_region():
    assert list(kinds_in("call 044 668 18 00")) == []
    assert dict(kinds_in("call 044 668 18 00", ["CH"])) == {"phone number": "044 668 18 00"}


def test_check_digits_against_plain_definitions():
    rng = random.Random(0)
    for _ in range(300):
        digits = "".join(rng.choice("0123456789") for _ in range(16))
        doubled = [int(d) * 2 if at % 2 == 0 else int(d) for at, d in enumerate(digits)]
        plain = sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0
        assert luhn(digits) == plain
    assert is_card("4111111111111111")
    assert not is_card("1111111111111117")
    for wrong in ("GB82WEST12345698765433", "ZZ82WEST12345698765432", "GB82WEST1234"):
        assert not is_iban(wrong)


def test_prose_without_people_passes():
    """Real paragraphs: everything that is found has an @ with a domain in it."""
    found = [text for text in paragraphs(50) for _ in kinds_in(text)]
    assert all(re.search(r"@\w+\.\w+", text) for text in found)
    assert len(found) <= 0.005 * len(paragraphs(50))


def frame(**columns):
    return table(300, 1).assign(**columns)


def test_every_column_of_text_is_looked_at_and_nothing_is_shown():
    reference = dataset(table(300, 0))
    for column in ("town", "y", "id"):
        changed = table(300, 1)
        changed.loc[[4, 9], column] = ["x jane.doe@example.com", "iban DE89370400440532013000"]
        found = PersonalData().examine(case(changed, reference))
        assert np.flatnonzero(found.rows).tolist() == [4, 9]
        told = str(found.finding.to_dict())
        assert "jane" not in told
        assert "DE89" not in told
        assert "e-mail address" in told
        assert "rows 5, 10" in found.finding.remedy


def test_masked_shows_one_letter():
    assert masked("jane@example.com") == "“j…” of 16 characters"


@pytest.mark.parametrize("kind", [str, int, float])
def test_numbers_of_sixteen_digits_are_no_cards_by_chance(kind):
    random_ = np.random.default_rng(0)
    numbers = random_.integers(4 * 10**15, 5 * 10**15, 300)
    found = PersonalData().examine(case(frame(a=[kind(n) for n in numbers]), table(300, 0)))
    assert found.finding.outcome == "passed"


@pytest.mark.parametrize("kind", [str, int, float])
def test_a_column_of_cards_is_found(kind):
    random_ = np.random.default_rng(0)
    heads = random_.integers(4 * 10**14, 5 * 10**14, 300)
    cards = [int(f"{n}{next(d for d in range(10) if luhn(f'{n}{d}'))}") for n in heads]
    found = PersonalData().examine(case(frame(a=[kind(n) for n in cards]), table(300, 0)))
    assert found.rows.all()
    assert "payment card" in found.finding.message


def test_recall_and_false_alarms_on_planted_prose():
    rng = random.Random(1)
    texts = paragraphs()[:400]
    strings = [text for group in PLANTED.values() for text in group]
    clean = [text for text in texts if not list(kinds_in(text))]
    at = set(rng.sample(range(len(clean)), 100))
    mixed = [
        f"{text[:100]} {rng.choice(strings)} {text[100:]}" if i in at else text
        for i, text in enumerate(clean)
    ]
    found = {i for i, text in enumerate(mixed) if list(kinds_in(text))}
    assert len(found & at) >= 99
    assert len(found - at) == 0


def test_regions_of_a_policy_are_countries():
    with pytest.raises(ValueError, match="no country code"):
        QualityPolicy(phone_regions=("XX",))
    column = pd.Series(["call 044 668 18 00"] * 300)
    policy = QualityPolicy(phone_regions=("CH",))
    made = case(frame(town=column), table(300, 0), policy=policy)
    assert PersonalData().examine(made).finding.figures["rows"] == 300
