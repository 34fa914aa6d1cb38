"""Write the data of this example: people, and how often each saw a doctor in a year.

The RAND Health Insurance Experiment (1974 to 1982) gave families insurance plans at random and
counted what care they used. The file ships with statsmodels (`statsmodels.datasets.randhie`),
which says of it: "This is in the public domain." It has one row per person and year, 20 190 in
all, and the same person's years are anything but independent: here they become one row per
person, 5 912 in all. Running this again writes the same bytes.
"""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.datasets import randhie

DATA = Path(__file__).parent / "data"
VALLEY, HARBOUR = 1000, 900
FEATURES = {
    "site": "site",
    "coins": "coinsurance",
    "idp": "individual_deductible",
    "mdeoff": "maximum_expenditure",
    "pioff": "participation_payment",
    "income": "income",
    "educdec": "education",
    "num": "family_size",
    "xage": "age",
    "female": "female",
    "mhi": "mental_health",
    "disea": "chronic_diseases",
    "physlm": "physical_limitation",
    "xghindx": "general_health",
}
NOTE = """Made by ../make_data.py from statsmodels.datasets.randhie; do not edit.
One row per person; visits_per_year is the target: outpatient visits to a physician, divided by the
years in the experiment. All other columns are as they were when the person was enrolled.
pool.csv             the model owner's people; cut into reference, payment set and hold-outs
valley_clinics.csv   1 000 people
harbour_clinics.csv    900 people
"""


def main() -> None:
    """Write data/*.csv."""
    DATA.mkdir(exist_ok=True)
    source = Path(randhie.__file__).parent / "src" / "randhie.csv"
    years = pd.read_csv(source).sort_values(["zper", "year"], kind="stable")
    person = years.groupby("zper")
    people = person[list(FEATURES)].first().rename(columns=FEATURES)
    people["visits_per_year"] = (person["mdvis"].sum() / person["time"].sum()).round(6)
    # RandomState's streams are frozen, so every numpy writes the same files.
    people = people.iloc[np.random.RandomState(1974).permutation(len(people))]
    people.insert(0, "person", [f"person-{number:04d}" for number in range(1, len(people) + 1)])

    files = ("valley_clinics", "harbour_clinics", "pool")
    starts = np.cumsum([0, VALLEY, HARBOUR, len(people)])
    for file, (start, end) in zip(files, itertools.pairwise(starts), strict=True):
        people.iloc[start:end].to_csv(DATA / f"{file}.csv", index=False, lineterminator="\n")
    (DATA / "NOTE.txt").write_text(NOTE, encoding="utf-8")


if __name__ == "__main__":
    main()
