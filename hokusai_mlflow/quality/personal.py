"""Strings that identify a person, found by their form and their check digits.

Found are e-mail addresses, phone numbers (international spelling, and the national one of regions
that are named), IBANs, payment cards (by issuer and Luhn's digit), and national numbers of seven
countries: of Brazil (CPF), France (NIR), Italy (codice fiscale), Spain (DNI, NIE) and Switzerland
(AHV) by their check digits, of the United Kingdom (NINO) and the United States (SSN, with its
hyphens) by form alone. **Not found** are names, postal addresses, dates of birth, user names,
numbers of other countries, numbers in words, and whatever is misspelt or in a picture.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import phonenumbers
from email_validator import EmailNotValidError, validate_email

_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_PHONE = re.compile(r"\+[\d(][\d\s()./-]{6,}")
_DIGITS = re.compile(r"\d[\d\s()./-]{5,}\d")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,40}")
_CARD = re.compile(r"(?<![\d.,-])\d(?:[ -]?\d){12,18}(?![\d.]|,\d)")

_IBAN_LENGTHS = {
    country: int(length)
    for length, countries in {
        "15": "NO",
        "16": "BE",
        "18": "DK FI FO GL NL",
        "19": "MK SI",
        "20": "AT BA EE KZ LT LU XK",
        "21": "CH HR LI LV",
        "22": "BG BH CR DE GB GE IE ME RS VA",
        "23": "AE GI IL",
        "24": "AD CZ ES MD PK SA SE SK TN VG RO",
        "25": "PT",
        "26": "IS TR",
        "27": "FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HU LB PL",
        "29": "BR EG PS QA UA",
        "30": "JO KW MU",
        "31": "MT",
    }.items()
    for country in countries.split()
}
_ISSUERS = re.compile(
    r"(?:4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|3[68]\d{12}|30[0-5]\d{11}|6(?:011|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12})"
)


def luhn(digits: str) -> bool:
    """Whether the last digit is Luhn's check digit of the others (ISO/IEC 7812-1)."""
    total = 0
    for at, letter in enumerate(reversed(digits)):
        value = int(letter) * (1 + at % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """Whether digits are a payment card's: an issuer's prefix and length, and Luhn's digit."""
    return bool(_ISSUERS.fullmatch(digits)) and luhn(digits)


def is_iban(text: str) -> bool:
    """Whether a text without spaces begins with an IBAN: the country's length, and 1 modulo 97."""
    text = text[: _IBAN_LENGTHS.get(text[:2], 0)]
    if len(text) != _IBAN_LENGTHS.get(text[:2]):
        return False
    return int("".join(str(int(letter, 36)) for letter in text[4:] + text[:4])) % 97 == 1


def _dni(text: str) -> bool:
    number = text[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[-1]


def _nir(text: str) -> bool:
    number = text.replace("2A", "19").replace("2B", "18") if text[5:7] in ("2A", "2B") else text
    return 97 - int(number[:13]) % 97 == int(number[13:])


def _ahv(text: str) -> bool:
    weighted = sum(int(digit) * (1 + 2 * (at % 2)) for at, digit in enumerate(text))
    return weighted % 10 == 0


def _cpf(text: str) -> bool:
    if len(set(text)) == 1:
        return False
    for length in (9, 10):
        total = sum(int(digit) * (length + 1 - at) for at, digit in enumerate(text[:length]))
        if total * 10 % 11 % 10 != int(text[length]):
            return False
    return True


def _codice_fiscale(text: str) -> bool:
    odd = "BAKPLCQDREVOSFTGUHMINJWZYX"
    values = [int(one) if one.isdigit() else ord(one) - 65 for one in text[:-1]]
    total = sum(odd.index(chr(65 + v)) if at % 2 == 0 else v for at, v in enumerate(values))
    return chr(65 + total % 26) == text[-1]


def _by_form(text: str) -> bool:
    return True


_NATIONAL: tuple[tuple[str, str, Callable[[str], bool]], ...] = (
    (
        "US social security number",
        r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])",
        _by_form,
    ),
    (
        "UK national insurance number",
        r"\b(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?(?:\d\d ?){3}[A-D]\b",
        _by_form,
    ),
    ("Spanish DNI or NIE", r"\b(?:\d{8}|[XYZ]\d{7})[A-Z]\b", _dni),
    (
        "French NIR",
        r"(?<!\d)[12] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d(?!\d)",
        _nir,
    ),
    (
        "Italian codice fiscale",
        r"\b[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]\b",
        _codice_fiscale,
    ),
    ("Swiss AHV number", r"(?<!\d)756[. ]?\d{4}[. ]?\d{4}[. ]?\d\d(?!\d)", _ahv),
    ("Brazilian CPF", r"(?<!\d)\d{3}\.\d{3}\.\d{3}-\d\d(?!\d)", _cpf),
)


def _card(text: str) -> bool:
    return is_card(re.sub(r"[ -]", "", text))


# Every kind with digits: its form, and what its digits must be.
_NUMBERS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("IBAN", _IBAN, lambda text: is_iban(text.replace(" ", ""))),
    ("payment card", _CARD, _card),
    *(
        (kind, re.compile(form), lambda text, valid=valid: valid(re.sub(r"[ .-]", "", text)))
        for kind, form, valid in _NATIONAL
    ),
)


def kinds_in(text: str, regions: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Kinds of identifying strings in a text, each with the string.

    Parameters
    ----------
    text : str
        Any text.
    regions : sequence of str
        Countries whose national spelling of phone numbers counts.

    Yields
    ------
    (str, str)
        Kind, and what was found. Never show the second to anybody.
    """
    if "@" in text:
        addresses = (match.group() for match in _EMAIL.finditer(text))
        yield from _first("e-mail address", (one for one in addresses if _is_email(one)))
    if not any(letter.isdigit() for letter in text):
        return
    for kind, pattern, valid in _NUMBERS:
        written = (match.group() for match in pattern.finditer(text))
        yield from _first(kind, (one for one in written if valid(one)))
    national = regions if _DIGITS.search(text) else ()
    numbers = (
        number.raw_string
        for region in [*([None] if _PHONE.search(text) else []), *national]
        for number in phonenumbers.PhoneNumberMatcher(text, region)
    )
    yield from _first("phone number", numbers)


def _first(kind: str, strings: Iterator[str]) -> Iterator[tuple[str, str]]:
    for one in strings:
        yield kind, one
        return


def masked(text: str) -> str:
    """Enough of a string to find it by, and too little to know it by."""
    return f"“{text[0]}…” of {len(text)} characters"


def _is_email(text: str) -> bool:
    try:
        validate_email(text.strip(".'"), check_deliverability=False)
    except EmailNotValidError:
        return False
    return True
