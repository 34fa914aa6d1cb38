"""Simulated raters, in place of people: there are none in an example.

Each gets blinded sheets as a person would, and sees no more of the models than a person would. A
simulated rater knows the right translation and rates an answer by how much it looks like it (chrF),
more or less strictly, with an error of its own. The last one does not read at all and answers at
random; the report must find it. Do not take what they say for what people say.
"""

import csv
import sys
import tempfile
from pathlib import Path

import numpy as np
from sacrebleu import CHRF

from hokusai_mlflow.cli.ratings import export, import_

HERE = Path(__file__).parent
SPEC = HERE / "pipeline.yaml"
RATERS, PER_QUESTION = 8, 3
NAMES = [f"simulated-{number}" for number in range(1, RATERS + 1)]
AT_RANDOM = NAMES[-1]


def rate(name, answer, right, rng, strict):
    """What a simulated rater makes of an answer."""
    if name == AT_RANDOM:
        return int(rng.integers(1, 6))
    alike = CHRF().sentence_score(answer, [right]).score / 100
    return int(np.clip(np.round(1 + 4 * alike - strict + rng.normal(0, 0.45)), 1, 5))


def fill_in(path, name, right, rng, strict):
    """Fill in a sheet."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        # Alike answers are on the sheet once.
        for side in "ab" if row["answer_b"] else "a":
            answer, prompt = row[f"answer_{side}"], row["prompt"]
            row[f"rating_{side}"] = rate(name, answer, right[prompt], rng, strict)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def main(spec=SPEC):
    """Have every simulated rater rate their part of the questions."""
    with open(HERE / "data" / "pool.csv", encoding="utf-8", newline="") as file:
        right = {row["english"]: row["spanish"] for row in csv.DictReader(file)}
    with tempfile.TemporaryDirectory() as scratch:
        for at, name in enumerate(NAMES):
            rng = np.random.default_rng([7, at])
            strict = rng.normal(0, 0.2)
            # The questions are cut into as many parts as there are raters; three rate each part.
            parts = [f"{(at + step) % RATERS + 1}/{RATERS}" for step in range(PER_QUESTION)]
            sheet = Path(scratch) / f"{name}.csv"
            export(spec, name, sheet, parts)
            fill_in(sheet, name, right, rng, strict)
            import_(spec, sheet, name)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
