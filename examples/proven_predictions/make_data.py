"""Write the example's data: biopsies of breast tumours, most of them somebody else's.

The 569 cases ship with scikit-learn (UCI "Breast Cancer Wisconsin (Diagnostic)", 30 measurements
of cell nuclei each). Running this again writes the same bytes.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer

DATA = Path(__file__).parent / "data"
OFFERED = 150


def main() -> None:
    """Write data/pool.csv and data/laboratory.csv."""
    loaded = load_breast_cancer()
    columns = [name.replace(" ", "_") for name in loaded.feature_names]
    cases = pd.DataFrame(loaded.data, columns=columns)
    # In the data set 0 is malignant.
    cases["malignant"] = 1 - loaded.target
    cases.insert(0, "case", [f"case-{number:03d}" for number in range(len(cases))])
    # RandomState's streams are frozen, so every numpy writes the same files.
    order = np.random.RandomState(2024).permutation(len(cases))
    DATA.mkdir(exist_ok=True)
    for name, rows in (("laboratory", order[:OFFERED]), ("pool", order[OFFERED:])):
        path = DATA / f"{name}.csv"
        cases.iloc[rows].to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
