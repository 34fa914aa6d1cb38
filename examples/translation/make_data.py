"""Write the data of this example: English messages with German translations, and what is offered.

Messages and translations are those of Django, Wagtail, django-oscar and django CMS, which programs
show to their users: see gather.py. Running this again writes the same bytes.
"""

from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
DATA = HERE / "data"
POOL, FRENCH, MIRROR = 1000, 100, 100
NOTE = """Made by ../make_data.py; do not edit.
pool.csv    the model owner's messages, from Django and Wagtail
editors.csv the rest of those two projects' messages
shop.csv    messages of django-oscar, a web shop
french.csv  messages of django CMS with French translations
mirror.csv  messages of the pool under new ids
"""


def main() -> None:
    """Write data/*.csv."""
    DATA.mkdir(exist_ok=True)
    # RandomState's streams are frozen, so every numpy writes the same files.
    random = np.random.RandomState(2026)
    every = pd.read_csv(HERE / "catalogues.csv", dtype=str, keep_default_na=False)
    french = every[every["language"] == "fr"]
    german = every[every["language"] == "de"].drop_duplicates("english")
    shop = german[german["project"] == "django_oscar"]
    german = german[german["project"] != "django_oscar"]
    german = german.iloc[random.permutation(len(german))]
    pool = german[:POOL]
    write("pool", pool)
    write("editors", german[POOL:])
    write("shop", shop.iloc[random.permutation(len(shop))])
    write("french", french.iloc[random.permutation(len(french))[:FRENCH]])
    write("mirror", pool.iloc[random.permutation(POOL)[:MIRROR]])
    (DATA / "NOTE.txt").write_text(NOTE, encoding="utf-8")


def write(name: str, messages: pd.DataFrame) -> None:
    """Write one file, with ids of its own."""
    ids = [f"{name}-{number:04d}" for number in range(1, len(messages) + 1)]
    frame = messages[["english", "translation"]].reset_index(drop=True)
    frame.insert(0, "id", ids)
    frame.to_csv(DATA / f"{name}.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
