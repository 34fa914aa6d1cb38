"""The model owner: has the champion, trains a candidate, and predicts cases it has no labels of.

python model_owner.py champion | candidate
"""

import hashlib
import json
import pickle
import sys

import pandas as pd
import parties
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hokusai_mlflow.verification.zk.columns import Column, new_salt

MINE = parties.DATA / "model_owner"
TARGET = "malignant"


def fit(rows: pd.DataFrame, name: str) -> str:
    """Fit on rows and keep the model; its digest."""
    learner = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=1_000))
    learner.fit(rows.drop(columns=["case", TARGET]), rows[TARGET])
    kept = pickle.dumps(learner)
    (MINE / f"{name}.pickle").write_bytes(kept)
    return hashlib.sha256(kept).hexdigest()


def champion() -> None:
    """The model that there is, from the few rows that there are."""
    parties.publish(
        "champion.json", {"digest": fit(pd.read_csv(MINE / "training.csv"), "champion")}
    )


def candidate() -> None:
    """Train with the contribution, predict the published cases, commit to what was predicted.

    The predictions themselves go to the label owner alone, who needs them to prove anything.
    """
    offered = pd.read_csv(MINE / "from_contributor" / "rows.csv")
    rows = pd.concat([pd.read_csv(MINE / "training.csv"), offered])
    digest = fit(rows, "candidate")
    cases = pd.read_csv(parties.EXCHANGE / "cases.csv")
    handed = pd.DataFrame({"case": cases["case"]})
    salts, commitments = {}, {}
    for column in (Column.CHAMPION, Column.CANDIDATE):
        name = column.name.lower()
        learner = pickle.loads((MINE / f"{name}.pickle").read_bytes())
        handed[name] = learner.predict(cases.drop(columns="case"))
        salts[name] = new_salt()
        numbers = parties.STATEMENT.predictions(handed[name])
        commitments[name] = hex(parties.circuit().commitment(column, numbers, salts[name]))
    inbox = parties.DATA / "label_owner" / "from_model_owner"
    inbox.mkdir(exist_ok=True)
    handed.to_csv(inbox / "predictions.csv", index=False)
    (inbox / "salts.json").write_text(json.dumps({name: hex(x) for name, x in salts.items()}))
    parties.publish("candidate.json", {"digest": digest, "predictions": commitments})
    print(f"predicted {len(cases)} cases without knowing a diagnosis")


if __name__ == "__main__":
    {"champion": champion, "candidate": candidate}[sys.argv[1]]()
