"""Gather catalogues.csv from the message catalogues of four projects on PyPI, once.

``python gather.py FOLDER`` reads the wheels in a folder, as they come from
``pip download --no-deps --dest FOLDER django==5.2.19 wagtail==8.0.1 django-oscar==4.2.1
django-cms==5.1.3``. Their compiled catalogues (.mo) hold every English message of the program with
its translation. All four projects are BSD-3-Clause, the notices are in LICENSES.txt.
"""

import csv
import gettext
import io
import re
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
CATALOGUES = (
    ("django", "de"),
    ("wagtail", "de"),
    ("django_oscar", "de"),
    ("django_cms", "fr"),
)
LONGEST = 80


def main() -> None:
    """Write catalogues.csv."""
    rows = []
    for project, language in CATALOGUES:
        (wheel,) = Path(sys.argv[1]).glob(f"{project}-*.whl")
        pairs = sorted(catalogue(zipfile.ZipFile(wheel), language).items())
        rows += [(project, language, *pair) for pair in pairs]
    with (HERE / "catalogues.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("project", "language", "english", "translation"))
        writer.writerows(rows)


def catalogue(wheel: zipfile.ZipFile, language: str) -> dict[str, str]:
    """Messages of two words and more on one line, without markup, and their translations."""
    found = {}
    for name in sorted(wheel.namelist()):
        if not re.search(rf"/{language}/LC_MESSAGES/\w+\.mo$", name):
            continue
        translations = gettext.GNUTranslations(io.BytesIO(wheel.read(name)))
        for said, translated in translations._catalog.items():
            if isinstance(said, str) and isinstance(translated, str):
                english = said.split("\x04")[-1].strip()
                if usable(english) and usable(translated.strip()) and len(english.split()) > 1:
                    found[english] = translated.strip()
    return found


def usable(text: str) -> bool:
    """Whether a text is a plain line, without markup or named places to be filled in."""
    return 0 < len(text) <= LONGEST and not re.search(r"[<>\n{]|&\w+;|%\(", text)


if __name__ == "__main__":
    main()
