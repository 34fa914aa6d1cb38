"""Write the example's data: scanned digits, and whether each is five or more.

The scans are the 1 797 handwritten digits that ship with scikit-learn (UCI "Optical Recognition of
Handwritten Digits", 8 × 8 pixels with 17 grey levels). Running this again writes the same bytes.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

DATA = Path(__file__).parent / "data"
OFFERED = 600


def main() -> None:
    """Write data/pool.csv and data/archive.csv."""
    digits = load_digits()
    names = [f"pixel_{row}{column}" for row in range(8) for column in range(8)]
    scans = pd.DataFrame(digits.data.astype(int), columns=names)
    scans["large"] = (digits.target >= 5).astype(int)
    scans.insert(0, "scan", [f"scan-{number:04d}" for number in range(len(scans))])
    # RandomState's streams are frozen, so every numpy writes the same files.
    order = np.random.RandomState(2024).permutation(len(scans))
    DATA.mkdir(exist_ok=True)
    for name, rows in (("archive", order[:OFFERED]), ("pool", order[OFFERED:])):
        path = DATA / f"{name}.csv"
        scans.iloc[rows].to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
