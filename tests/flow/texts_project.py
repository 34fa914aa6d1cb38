"""The small project with texts in place of points, and an example's recipe."""

import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

EXAMPLES = Path(__file__).parents[2] / "examples"
SUBJECTS = ["the model", "a row", "every fold", "the metric", "one example", "this rule", "NA"]
VERBS = ["predicts", "is trained on", "holds", "scores", "is drawn from", "leaves out", "returns"]
OBJECTS = ["all targets", "its own mean", "no copies", "été", "the sealed rows", "null", "a class"]
GERMAN = [
    *("das Modell", "eine Zeile", "jede Falte", "das Maß", "ein Beispiel", "diese Regel", "NA"),
    *("sagt", "lernt aus", "hält", "bewertet", "kommt aus", "lässt weg", "gibt zurück"),
    *("alle Ziele", "ihr Mittel", "keine Kopien", "Sommer", "die Zeilen", "nichts", "eine Klasse"),
]
SAID = dict(zip(SUBJECTS + VERBS + OBJECTS, GERMAN, strict=True))
# Words enough that few rows do not teach all of them.
for kind, words in (("s", SUBJECTS), ("v", VERBS), ("o", OBJECTS)):
    for at, (one, other) in enumerate(product("aeiou", "aeiou")):
        words.append(f"{kind}{one}n{other}l")
        SAID[words[-1]] = f"{other}{'bdgkt'[at % 5]}{one}r{kind}u"
TRANSLATOR = {
    "task": "text_generation",
    "metric": "bleu",
    "also_log": ["chrf", "rougeL"],
    "data": {"target": "german", "features": ["text"]},
    "gate": {
        "detectable_bps": 900,
        "guardrails": [{"metric": "length_ratio", "margin_bps": 500}],
    },
}


def messages(name, n, seed):
    random = np.random.default_rng(seed)
    kept, seen = [], set()
    while len(kept) < n:
        parts = [
            str(random.choice(words))
            for words in (SUBJECTS, VERBS, OBJECTS, SUBJECTS, VERBS, OBJECTS)
        ]
        text = " ".join(parts[:3]) + " and " + " ".join(parts[3:])
        if text not in seen:
            seen.add(text)
            german = [SAID[part] for part in parts]
            kept.append((text, " ".join(german[:3]) + " und " + " ".join(german[3:])))
    frame = pd.DataFrame(kept, columns=["text", "german"])
    frame.insert(0, "square", [f"{name}-{at}" for at in range(n)])
    return frame


def of_texts(project, example, **spec):
    """The project with texts and an example's recipe; one contributor helps, one copies."""
    pool = messages("pool", 600, 1)
    project.write("pool", pool)
    project.write("east", messages("east", 200, 2))
    project.write("mirror", pool.head(80).assign(square=[f"mirror-{at}" for at in range(80)]))
    shutil.copy(EXAMPLES / example / "recipe.py", project.folder / "recipe.py")
    data = project.spec["data"] | spec["data"]
    given = project.spec | spec | {"data": data}
    given["contributors"] = [one for one in given["contributors"] if one["name"] != "west"]
    data["split"] = {"reference": 0.06, "payment": 0.3, "key": "texts"}
    given["valuation"] = {"repeats": 5, "folds": 3}
    project.spec_path.write_text(yaml.safe_dump(given, sort_keys=False))
    return project
