"""Write the data of this example from messages.csv: the owner's sentences, and three contributions.

messages.csv has 1 200 messages of two web frameworks, English and Spanish, as their translators
wrote them (see NOTICE). Running this again writes the same bytes.
"""

from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
DATA = HERE / "data"
POOL, MIXED_UP = 540, 90
NOTE = """Made by ../make_data.py from ../messages.csv; do not edit.
pool.csv               the owner's sentences; cut into reference, payment set and hold-out
django_catalogue.csv   Django's other messages
wagtail_catalogue.csv  most of Wagtail's other messages
mixed_up.csv           the rest of Wagtail's, each with the translation of another one
"""


def main():
    """Write data/."""
    messages = pd.read_csv(HERE / "messages.csv", keep_default_na=False)
    messages.insert(0, "message", [f"m{at:04d}" for at in range(len(messages))])
    order = np.random.default_rng(7).permutation(len(messages))
    pool, rest = messages.iloc[np.sort(order[:POOL])], messages.iloc[np.sort(order[POOL:])]
    django, wagtail = (rest[rest.catalogue == name] for name in ("django", "wagtail"))
    mixed_up = wagtail.iloc[-MIXED_UP:]
    mixed_up = mixed_up.assign(spanish=np.roll(mixed_up.spanish.to_numpy(), 1))
    parts = {
        "pool": pool,
        "django_catalogue": django,
        "wagtail_catalogue": wagtail.iloc[:-MIXED_UP],
        "mixed_up": mixed_up,
    }
    DATA.mkdir(exist_ok=True)
    for name, rows in parts.items():
        columns = rows[["message", "english", "spanish"]]
        columns.to_csv(DATA / f"{name}.csv", index=False, lineterminator="\n")
    (DATA / "README.txt").write_text(NOTE, encoding="utf-8")


if __name__ == "__main__":
    main()
