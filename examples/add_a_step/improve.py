"""Improve a model: train a candidate from contributed data, and reward what made it better.

Every line is a step; add your own as an ordinary ``@task`` (see examples/add_a_step).
"""

from __future__ import annotations

import pandas as pd
from mlflow import MlflowClient
from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner

from hokusai_mlflow import steps
from hokusai_mlflow.judgement import Judgement
from hokusai_mlflow.report.receipt import Receipt


@task
def report_by_class(judgement: Judgement) -> None:
    """Log what share of every class each model gets right on the sealed hold-out."""
    outputs = judgement.trial.predictions
    right = {who: outputs[who] == outputs["target"] for who in ("champion", "candidate")}
    recall = pd.DataFrame(right).groupby(outputs["target"]).mean().rename_axis("class")
    recall["change"] = recall["candidate"] - recall["champion"]

    client, run_id = MlflowClient(), judgement.attempt.run_id
    client.log_text(run_id, recall.to_csv(), "by_class/recall.csv")
    for name, change in recall["change"].items():
        client.log_metric(run_id, f"by_class/{name}/change", change)


@flow(name="improve", flow_run_name="{spec}", task_runner=ThreadPoolTaskRunner(max_workers=4))
def improve(spec: str = "pipeline.yaml") -> Receipt:
    """Run the whole gate for one spec; an unfinished run is finished first."""
    steps.preflight(spec)
    with steps.only_run_of(spec):
        attempt = steps.open_attempt(spec)
        if attempt.finished:
            return steps.say_nothing_new(attempt)
        steps.report_quality(attempt)

        candidate = steps.train(attempt)
        if attempt.champion is None:
            return steps.register_baseline(attempt, candidate)

        crossval = steps.cross_validate(attempt)
        if (waiting := steps.ask_raters(attempt, candidate)) is not None:
            return waiting
        trial = steps.test_on_holdout(attempt, candidate)
        runs = steps.validation_runs(attempt)
        judgement = steps.decide(attempt, candidate, trial, crossval, runs)
        judgement = steps.review(judgement)
        report_by_class(judgement)
        if not judgement.promoted:
            return steps.publish(judgement)

        steps.promote(attempt, candidate)
        payment = steps.measure_payment(judgement)
        valuation = steps.value_contributions(attempt)
        evidence = steps.write_evidence(judgement, payment, valuation)
        settlement = steps.attest_and_reward(judgement, payment, evidence)
        return steps.publish(judgement, payment, evidence, settlement)


if __name__ == "__main__":
    import sys

    improve(*sys.argv[1:])
