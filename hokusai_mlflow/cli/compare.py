"""`hokusai compare`: two models on the same examples, without a registry or a chain."""

# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hokusai_mlflow.cli.options import AsJson

INPUT, TESTING, LABELS, SHOWN = "What is compared", "The test", "Labelling", "What is shown"


def compare(
    baseline: Annotated[
        str,
        typer.Argument(
            help="Predictions (.csv, .parquet), a model (models:/… or runs:/…), a column of "
            "--data, or a system in --ratings."
        ),
    ],
    candidate: Annotated[str, typer.Argument(help="The other one.")],
    *,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="What is measured, such as accuracy or rmse; several times for several, the first "
            "is primary.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Option of the metric, such as average=macro; f1.average=macro when there are "
            "several metrics.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="File with ids and targets; for models also the features.", rich_help_panel=INPUT
        ),
    ] = None,
    target: Annotated[
        str, typer.Option(help="Column with the truth.", rich_help_panel=INPUT)
    ] = "target",
    id_: Annotated[
        str, typer.Option("--id", help="Column with the example ids.", rich_help_panel=INPUT)
    ] = "id",
    prediction: Annotated[
        str, typer.Option(help="Column with the predictions.", rich_help_panel=INPUT)
    ] = "prediction",
    ratings: Annotated[
        Path | None,
        typer.Option(
            help="Ratings by people (columns item, rater, system, rating) or preferences (item, "
            "rater, preferred); BASELINE and CANDIDATE are systems.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    slice_: Annotated[
        list[str] | None,
        typer.Option(
            "--slice",
            metavar="COLUMN",
            help="Compare on every value of this column too, by the first metric.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Examples with the same value belong together (user, document); twice for "
            "two-way clustering.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    weight: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="How often an example counts.", rich_help_panel=INPUT),
    ] = None,
    stream: Annotated[
        bool,
        typer.Option(
            "--stream",
            help="Read --data, a Parquet file or folder with both models' predictions as columns, "
            "in bounded memory; by itself from 512 MiB on.",
            rich_help_panel=INPUT,
        ),
    ] = False,
    level: Annotated[
        float | None,
        typer.Option(
            help="One-sided level of the test; 0.05, or the policy's.", rich_help_panel=TESTING
        ),
    ] = None,
    min_effect: Annotated[
        float | None,
        typer.Option(
            help="δ₀ of H0: Δ ≤ δ₀, in basis points; 10, or the policy's.", rich_help_panel=TESTING
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            help="YAML file with thresholds of the gate ({} for the defaults): adds its verdict, "
            "which spends no look of a hold-out and promotes nothing.",
            rich_help_panel=TESTING,
        ),
    ] = None,
    bootstrap: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Add bootstrap intervals from N resamples (BCa).",
            rich_help_panel=TESTING,
        ),
    ] = None,
    label_plan: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Write which examples need a label to compare accuracies; no truth is needed.",
            rich_help_panel=LABELS,
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Compare accuracies from a label plan that was filled in.",
            rich_help_panel=LABELS,
        ),
    ] = None,
    budget: Annotated[
        int | None, typer.Option(help="Most examples to label.", rich_help_panel=LABELS)
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Of the plan's choice and of the bootstrap.", rich_help_panel=LABELS)
    ] = 0,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a self-contained page.", rich_help_panel=SHOWN),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png|svg", help="Write a forest plot.", rich_help_panel=SHOWN),
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown.", rich_help_panel=SHOWN)
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare two models on the same examples: values, improvement, interval, p.

    Example: hokusai compare old.csv new.csv --metric accuracy --target label
    """
    from hokusai_mlflow.cli import compare_labels, compare_report, compare_sources
    from hokusai_mlflow.cli.predictions import Columns

    columns = Columns(id_, target, prediction)
    compare_report.check_files(html, plot, markdown=markdown, as_json=as_json)
    if label_plan is not None or labels is not None:
        compare_labels.run(
            compare_labels.Asked(baseline, candidate, data, columns, label_plan, labels),
            budget=budget,
            seed=seed,
            level=level,
            min_effect_bps=min_effect,
            unused={
                "--metric": [name for name in metric or () if name != "accuracy"],
                "--option": option,
                "--ratings": ratings,
                "--slice": slice_,
                "--group": group,
                "--weight": weight,
                "--policy": policy,
                "--bootstrap": bootstrap,
                "--stream": stream,
                "--html": html,
                "--plot": plot,
                "--markdown": markdown,
            },
            as_json=as_json,
        )
        return
    asked = compare_sources.Asked(
        baseline,
        candidate,
        columns,
        metrics=compare_sources.chosen(metric or [], option or [], ratings),
        data=data,
        ratings=ratings,
        slices=slice_ or [],
        groups=group or [],
        weights=weight,
        level=level,
        min_effect_bps=min_effect,
        policy=policy,
        bootstrap=bootstrap,
        seed=seed,
        stream=stream,
    )
    found = compare_sources.compared(asked)
    compare_report.show(found, html=html, plot=plot, markdown=markdown, as_json=as_json)
