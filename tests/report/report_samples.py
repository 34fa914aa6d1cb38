"""Reports made of a real comparison, without running the flow."""

import copy
import json
from typing import Any

import numpy as np

from hokusai_mlflow.comparisons.arrays import compare_all
from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.evidence import build
from hokusai_mlflow.gate import Case, GatePolicy, compare_guarded, decide
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.report import Report, diagnostics
from hokusai_mlflow.stats.crossval import corrected_t
from hokusai_mlflow.stats.paired import paired_scores

HOSTILE = (
    "<script>alert(1)</script> {{ 7*7 }} {% raw %} | `code` [link](http://a.example) \u202egnp.exe "
    + "x" * 10_000
)
ADDRESSES = {"east": "0x" + "a1" * 20, "west": "0x" + "a2" * 20}
WEI = 10**18


def _predictions(n: int = 1_200, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    champion = np.where(rng.random(n) < 0.84, truth, 1 - truth)
    candidate = np.where(rng.random(n) < 0.93, truth, 1 - truth)
    return truth, champion, candidate


def sample(
    *, worse: bool = False, slice_name: str = "site=1", contributor: str = "east", n: int = 1_200
) -> Report:
    """A report on a comparison of two classifiers; `worse` swaps them."""
    truth, champion, candidate = _predictions(n)
    if worse:
        champion, candidate = candidate, champion
    policy = GatePolicy(min_improvement_bps=10, detectable_bps=1_500)
    rows = compare_all(truth, champion, candidate, metrics=["accuracy", "f1"], level=0.0025).rows
    comparison = rows[0].comparison
    of = metric("accuracy").bind(truth)
    guarded = compare_guarded(
        f"accuracy where {slice_name}",
        of,
        truth,
        champion,
        candidate,
        margin_bps=200,
        level=0.05,
        where=np.arange(n) % 2 == 0,
    )
    rng = np.random.default_rng(4)
    old = rng.normal(0.84, 0.02, (3, 5))
    crossval = corrected_t(old, old + rng.normal(0.08, 0.02, (3, 5)), test_size=100, train_size=400)
    decision = decide(Case.of(of, comparison, crossval, policy, guardrails=(guarded,)))
    sums = PairedSums.of(*paired_scores(of, truth, champion, candidate))
    document = build(
        model="board",
        champion={"version": 3, "digest": "c" * 64},
        candidate={"version": 4, "digest": "d" * 64},
        evaluation={"gate": {"part": "holdout-1", "digest": "e" * 64, "n": n}},
        metric="accuracy",
        metric_options={},
        policy=policy.to_dict(),
        look={"number": 2, "quota": 20, "level": 0.0025},
        comparison=comparison.to_dict(),
        crossval=crossval.to_dict(),
        decision=decision.to_dict(),
        gate_sums=sums,
        payment_sums=sums,
        payment={"policy": "fresh", "measured_bps": 812, "paid_bps": 700, "n": n, "reason": ""},
        contributions={
            "checks": [
                {
                    "name": contributor,
                    "given": 120,
                    "accepted": 100,
                    "counts": {"copy.holdout": 20},
                },
                {"name": "west", "given": 60, "accepted": 60, "counts": {}},
            ],
            "addresses": {contributor: ADDRESSES["east"], "west": ADDRESSES["west"]},
            "shares": {contributor: 10_000},
            "contributed": 8_600,
            "shapley": {
                "players": [contributor, "west", "owner: recipe"],
                "values": [0.0712, -0.0033, 0.0101],
                "std_errors": [0.0101, 0.0052, 0.004],
            },
            "recipe": "f" * 64,
            "training": "1" * 64,
        },
        versions={"python": "3.11"},
        seeds={"pipeline": 7},
    ).to_dict()
    both = {"champion": champion, "candidate": candidate}
    scores = {who: np.clip(said * 0.8 + 0.1, 0, 1) for who, said in both.items()}
    figures: dict[str, Any] = {
        "rows": [row.to_dict() for row in rows],
        "guardrails": [{"name": guarded.name, "inner": [1.0, 2.0], "outer": [0.5, 2.5]}],
        "confusion": diagnostics.confusion(truth, both),
        "roc": diagnostics.roc(truth, scores, (0, 1)),
        "calibration": diagnostics.calibration(truth, scores, (0, 1)),
        "without": {},
    }
    return Report.from_evidence(
        document, settlement(), figures=figures, facts={"run_id": "a" * 32, "attempt": "b" * 16}
    )


def settlement(state: str = "confirmed", **changes: Any) -> dict[str, Any]:
    """Seven DeltaOnes, split 70 to 30."""
    final = state == "confirmed"
    paid = {ADDRESSES["east"]: str(49 * WEI // 10), "0x" + "aa" * 20: str(21 * WEI // 10)}
    return {
        "state": state,
        "tx_hash": "0x" + "7" * 64,
        "block": 12 if final else None,
        "reward": str(7 * WEI if final else 0),
        "paid": paid if final else {},
        "owner": "0x" + "aa" * 20 if final else None,
        "error": None,
        **changes,
    }


def altered(report: Report, **sections: Any) -> Report:
    """The same report with other sections of its document."""
    document = copy.deepcopy(dict(report.document)) | sections
    return Report.from_evidence(
        json.loads(json.dumps(document)), figures=report.figures, facts=report.facts
    )
