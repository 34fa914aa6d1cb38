"""Write the data of this example: English prose about statistics, and what four people offer.

The texts are paragraphs of docstrings in scikit-learn and SciPy (both BSD-3-Clause) as they are
installed here, read from the source files without running them. Running this again writes the same
bytes; another version of the two libraries has other paragraphs.
"""

import ast
import importlib.util
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

DATA = Path(__file__).parent / "data"
POOL, OFFERED, MIRROR = 1700, 500, 120
SHORTEST, LONGEST = 60, 400
NOTE = """Made by ../make_data.py; do not edit.
pool.csv         the model owner's paragraphs, from docstrings of scikit-learn (BSD-3-Clause)
second_half.csv  paragraphs of the same library
statistics.csv   paragraphs of scipy.stats (BSD-3-Clause)
source_code.csv  lines of scikit-learn's source: real text, of another kind
mirror.csv       paragraphs of the pool under new ids
"""


def main() -> None:
    """Write data/*.csv."""
    DATA.mkdir(exist_ok=True)
    # RandomState's streams are frozen, so every numpy writes the same files.
    random = np.random.RandomState(2025)
    prose = distinct(paragraphs("sklearn"))
    known = {text[:40] for text in prose}
    prose = [prose[at] for at in random.permutation(len(prose))]
    pool, second = prose[:POOL], prose[POOL : POOL + OFFERED]
    statistics = [one for one in distinct(paragraphs("scipy", "stats")) if one[:40] not in known]
    code = distinct(source_lines("sklearn"))
    write("pool", pool)
    write("second_half", second)
    write("statistics", [statistics[at] for at in random.permutation(len(statistics))[:OFFERED]])
    write("source_code", [code[at] for at in random.permutation(len(code))[:OFFERED]])
    write("mirror", [pool[at] for at in random.permutation(len(pool))[:MIRROR]])
    (DATA / "NOTE.txt").write_text(NOTE, encoding="utf-8")


def files(package: str, part: str = "") -> Iterator[str]:
    """Source of a package's modules without its tests, in order of their paths."""
    found = importlib.util.find_spec(package)
    root = Path(found.submodule_search_locations[0])
    for path in sorted((root / part).rglob("*.py")):
        if "tests" not in path.parts and "externals" not in path.parts:
            yield path.read_text(encoding="utf-8")


def paragraphs(package: str, part: str = "") -> Iterator[str]:
    """Paragraphs of prose in a package's docstrings, each on one line."""
    for source in files(package, part):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                written = inspect.cleandoc(ast.get_docstring(node) or "")
                for paragraph in re.split(r"\n\s*\n", written):
                    # Continued lines only: no list of parameters, heading, example or formula.
                    if re.search(r"^(>>>|\.\.|[-=~^]{3}|\s)|:math:|\n +|\n[-=~]{3}", paragraph):
                        continue
                    line = " ".join(paragraph.split())
                    if SHORTEST <= len(line) <= LONGEST and line.isascii() and line[-1] in ".:":
                        yield line


def source_lines(package: str) -> Iterator[str]:
    """Statements of a package's source, one after the other, cut at about the same length."""
    for source in files(package):
        text = ""
        for line in source.splitlines():
            if re.match(r"\s+(\w+(\.\w+)* = |return |if |for )", line):
                text = f"{text} {line.strip()}".strip()
            if len(text) > 2 * SHORTEST:
                if len(text) <= LONGEST and text.isascii():
                    yield text
                text = ""


def distinct(texts: Iterable[str]) -> list[str]:
    """Texts that begin differently: docstrings repeat each other with small changes."""
    found = {text[:40]: text for text in texts}
    return list(found.values())


def write(name: str, texts: list[str]) -> None:
    """Write one file, with ids of its own."""
    ids = [f"{name}-{number:04d}" for number in range(1, len(texts) + 1)]
    frame = pd.DataFrame({"id": ids, "text": texts})
    frame.to_csv(DATA / f"{name}.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
