"""Write what each party of this example has at the beginning, in a folder of its own.

The cases are the 569 biopsies that ship with scikit-learn (UCI "Breast Cancer Wisconsin
(Diagnostic)", 30 measurements of cell nuclei each). Running this again writes the same bytes.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer

DATA = Path(os.environ.get("EXAMPLE_DATA", Path(__file__).parent / "data"))
TRAINING, OFFERED = 8, 150


def main() -> None:
    """Write data/*/*.csv."""
    loaded = load_breast_cancer()
    columns = [name.replace(" ", "_") for name in loaded.feature_names]
    cases = pd.DataFrame(loaded.data, columns=columns)
    # In the data set 0 is malignant.
    cases["malignant"] = 1 - loaded.target
    cases.insert(0, "case", [f"case-{number:03d}" for number in range(len(cases))])
    # RandomState's streams are frozen, so every numpy writes the same files.
    order = np.random.RandomState(2024).permutation(len(cases))
    parts = [cases.iloc[some] for some in np.split(order, [TRAINING, TRAINING + OFFERED])]
    for party, name, rows in zip(
        ("model_owner", "contributor", "label_owner"),
        ("training.csv", "rows.csv", "cases.csv"),
        parts,
        strict=True,
    ):
        (DATA / party).mkdir(parents=True, exist_ok=True)
        rows.to_csv(DATA / party / name, index=False, lineterminator="\n")
    (DATA / "exchange").mkdir(exist_ok=True)


if __name__ == "__main__":
    main()
