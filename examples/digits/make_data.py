"""Write the data of this example: a pool of scanned digits and what four organisations offer.

The scans are the 1 797 handwritten digits that ship with scikit-learn (UCI "Optical Recognition of
Handwritten Digits", 8 × 8 pixels with 17 grey levels). Running this again writes the same bytes.
"""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

DATA = Path(__file__).parent / "data"
NORTH, HARBOUR, QUICK, MIRROR = 360, 60, 70, 60
NOTE = """Made by ../make_data.py from sklearn.datasets.load_digits; do not edit.
pool.csv            the model owner's scans; the pipeline cuts them into reference, payment set and
                    sealed hold-outs
north_archive.csv   many good scans
harbour_museum.csv  a few good scans
quick_labels.csv    real scans, three of four with a wrong label
mirror_press.csv    scans of the pool under new ids: a third as they are, a third with three pixels
                    changed by one grey level, a third in another order with the columns reversed
new_scanner.csv     what comes in after the promotion: the archive's digits by a scanner that places
                    them one pixel further to the right
"""


def main() -> None:
    """Write data/*.csv."""
    DATA.mkdir(exist_ok=True)
    # RandomState's streams are frozen, so every numpy writes the same files.
    random = np.random.RandomState(2024)
    digits = load_digits()
    scans = pd.DataFrame(
        digits.data.astype(int),
        columns=[f"pixel_{row}{column}" for row in range(8) for column in range(8)],
    )
    scans["digit"] = digits.target
    scans = scans.iloc[random.permutation(len(scans))].reset_index(drop=True)
    starts = np.cumsum([0, NORTH, HARBOUR, QUICK, len(scans)])
    north, harbour, quick, pool = (
        scans.iloc[start:end].copy() for start, end in itertools.pairwise(starts)
    )

    wrong = random.permutation(len(quick)) < 3 * len(quick) // 4
    shift = random.randint(1, 10, len(quick))
    quick.loc[wrong, "digit"] = (quick["digit"] + shift)[wrong] % 10

    copied = pool.iloc[random.permutation(len(pool))[:MIRROR]].copy()
    pixels = copied.drop(columns="digit").to_numpy(copy=True)
    for scan in range(MIRROR // 3, 2 * MIRROR // 3):
        inked = np.flatnonzero((pixels[scan] > 0) & (pixels[scan] < 16))
        pixels[scan, random.choice(inked, 3, replace=False)] += random.choice([-1, 1], 3)
    copied.iloc[:, :-1] = pixels
    mirror = copied.iloc[:, ::-1]

    moved = north.copy()
    placed = north.drop(columns="digit").to_numpy().reshape(-1, 8, 8)
    moved.iloc[:, :-1] = np.pad(placed, ((0, 0), (0, 0), (1, 0)))[:, :, :8].reshape(-1, 64)

    write("pool", "pool", pool)
    write("north_archive", "north", north)
    write("harbour_museum", "harbour", harbour)
    write("quick_labels", "quick", quick)
    write("mirror_press", "mirror", mirror)
    write("new_scanner", "fresh", moved)
    (DATA / "NOTE.txt").write_text(NOTE, encoding="utf-8")


def write(file: str, prefix: str, scans: pd.DataFrame) -> None:
    """Write one file, with ids of its own."""
    scans = scans.copy()
    scans.insert(0, "scan", [f"{prefix}-{number:04d}" for number in range(1, len(scans) + 1)])
    scans.to_csv(DATA / f"{file}.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
