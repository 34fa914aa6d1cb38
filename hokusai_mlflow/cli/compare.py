"""`hokusai compare`: two models on the same examples, without a registry or a chain."""

# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hokusai_mlflow import __version__
from hokusai_mlflow.cli import output
from hokusai_mlflow.cli.options import AsJson, read_settings
from hokusai_mlflow.errors import InputError

if TYPE_CHECKING:
    from hokusai_mlflow.cli.predictions import Columns, Predictions
    from hokusai_mlflow.metrics import Metric
    from hokusai_mlflow.stats.comparison import Comparison

URI_SCHEMES = ("models:/", "runs:/")


def compare(
    baseline: Annotated[
        str, typer.Argument(help="Predictions (.csv, .parquet), or a model: models:/… or runs:/…")
    ],
    candidate: Annotated[str, typer.Argument(help="The other one, of the same sort.")],
    *,
    metric: Annotated[str, typer.Option(help="What is measured, such as accuracy or rmse.")],
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Option of the metric, such as average=macro."),
    ] = None,
    level: Annotated[float, typer.Option(help="One-sided level of the test.")] = 0.05,
    min_effect: Annotated[float, typer.Option(help="δ₀ of H0: Δ ≤ δ₀, in basis points.")] = 10.0,
    data: Annotated[
        Path | None, typer.Option(help="File with ids and targets; for models also the features.")
    ] = None,
    target: Annotated[str, typer.Option(help="Column with the truth.")] = "target",
    id_: Annotated[str, typer.Option("--id", help="Column with the example ids.")] = "id",
    prediction: Annotated[str, typer.Option(help="Column with the predictions.")] = "prediction",
    as_json: AsJson = False,
) -> None:
    """Compare two models' predictions on the same examples: values, improvement, interval, p.

    Example: hokusai compare old.csv new.csv --metric accuracy --target label
    """
    from hokusai_mlflow.cli.predictions import Columns
    from hokusai_mlflow.metrics import metric as metric_named
    from hokusai_mlflow.stats.comparison import compare_outputs

    chosen = metric_named(metric, **_options(option or []))
    both = _outputs(baseline, candidate, data, Columns(id_, target, prediction), chosen)
    found = compare_outputs(
        chosen, both.targets, both.baseline, both.candidate, level=level, min_effect_bps=min_effect
    )
    if as_json:
        told = {"significant": found.significant, "signature": signature(chosen, found)}
        output.document(found.to_dict() | told)
    else:
        _show(chosen, found)


def _options(given: list[str]) -> dict[str, Any]:
    import yaml

    options = {}
    for pair in given:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise InputError(f"--option {pair}: expected KEY=VALUE, such as average=macro")
        try:
            # As in pipeline.yaml: 1 is a number, "1" is text, [a, b] a list.
            options[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise InputError(f"--option {pair}: {value!r} is not a YAML value") from None
    return options


def _outputs(
    baseline: str, candidate: str, data: Path | None, columns: Columns, metric: Metric
) -> Predictions:
    from hokusai_mlflow.cli.predictions import joined

    models = [given.startswith(URI_SCHEMES) for given in (baseline, candidate)]
    if not any(models):
        return joined(Path(baseline), Path(candidate), data, columns)
    if not all(models):
        raise InputError("compare two files or two models, not one of each")
    if data is None:
        raise InputError(
            "two models are compared on examples: give them with --data FILE --target COL --id COL"
        )
    return _predicted(baseline, candidate, data, columns, metric)


def _predicted(
    baseline: str, candidate: str, data: Path, columns: Columns, metric: Metric
) -> Predictions:
    from hokusai_mlflow.cli.predictions import Predictions
    from hokusai_mlflow.contributions.dataset import read_dataset
    from hokusai_mlflow.recipe import predict
    from hokusai_mlflow.tracking.store import connect

    rows = read_dataset(data, name=str(data), target=columns.target, id=columns.id, unique=True)
    connect(read_settings())
    bound = metric.bind(rows.targets)
    outputs = [
        predict(_model(uri, metric), rows.features, bound, name=who)
        for who, uri in (("baseline", baseline), ("candidate", candidate))
    ]
    return Predictions(rows.ids, rows.targets, *outputs)


def _model(uri: str, metric: Metric) -> Any:
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        flavours = mlflow.models.get_model_info(uri).flavors
        if "sklearn" in flavours:
            return mlflow.sklearn.load_model(uri)
        if metric.output == "score":
            raise InputError(
                f"{uri} is no scikit-learn model, and {metric.name} needs scores: write its scores "
                "to a file and compare files"
            )
        return mlflow.pyfunc.load_model(uri)
    except (MlflowException, OSError) as problem:
        raise InputError(f"no model can be loaded from {uri}: {problem}") from problem


def signature(metric: Metric, found: Comparison) -> str:
    """What a comparison rests on, in one line."""
    return (
        f"{metric.signature}|n:{found.n}|test:{found.test}|level:{found.level:g}"
        f"|min:{found.min_effect_bps:g}bps|version:{__version__}"
    )


def _show(metric: Metric, found: Comparison) -> None:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    verdict = "significant" if found.significant else "not significant"
    for name, value in (
        (f"{found.metric}, baseline", f"{found.baseline:.6g}"),
        (f"{found.metric}, candidate", f"{found.candidate:.6g}"),
        ("improvement", f"{found.improvement_bps:+.1f} bps (positive is better)"),
        ("95 % interval", f"{found.ci_low_bps:+.1f} to {found.ci_high_bps:+.1f} bps"),
        (
            f"p of H0: Δ ≤ {found.min_effect_bps:g} bps",
            f"{found.p_value:.3g}: {verdict} at level {found.level:g} ({found.test})",
        ),
        ("could be found", f"{found.detectable_bps:.0f} bps with 80 % power on {found.n:,}"),
        ("signature", signature(metric, found)),
    ):
        table.add_row(name, value)
    output.console().print(table, soft_wrap=True)
