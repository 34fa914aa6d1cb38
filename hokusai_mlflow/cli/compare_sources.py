"""What `hokusai compare` compares: files, columns, models, ratings, or a stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hokusai_mlflow.cli.options import read_settings
from hokusai_mlflow.cli.predictions import BASELINE, CANDIDATE, Columns, joined
from hokusai_mlflow.comparisons import Comparisons, Row, compare_all
from hokusai_mlflow.comparisons.arrays import LEVEL, MIN_EFFECT_BPS, adjusted, policy_of
from hokusai_mlflow.errors import InputError, MissingInput, UnknownName, did_you_mean
from hokusai_mlflow.gate import GatePolicy
from hokusai_mlflow.metrics import Metric
from hokusai_mlflow.metrics import metric as metric_named
from hokusai_mlflow.outputs import FILES, SCHEMES, Resolved, resolve
from hokusai_mlflow.stats.agreement import Agreement
from hokusai_mlflow.stats.resampling import Bootstrap, bootstrap

STREAM_BYTES = 512 * 2**20
"""A Parquet file of this size is streamed without being asked to."""


@dataclass(frozen=True)
class Asked:
    """The command's arguments and options."""

    baseline: str
    candidate: str
    columns: Columns
    metrics: Sequence[Metric]
    data: Path | None = None
    ratings: Path | None = None
    slices: Sequence[str] = ()
    groups: Sequence[str] = ()
    weights: str | None = None
    level: float | None = None
    min_effect_bps: float | None = None
    policy: Path | None = None
    bootstrap: int | None = None
    seed: int = 0
    stream: bool = False


@dataclass(frozen=True)
class Compared:
    """What was found, and by which metrics."""

    comparisons: Comparisons
    metrics: Sequence[Metric]
    bootstraps: Mapping[str, Bootstrap] = field(default_factory=dict)
    agreement: Agreement | None = None


def chosen(names: Sequence[str], options: Sequence[str], ratings: Path | None) -> list[Metric]:
    """The metrics with their options.

    Raises
    ------
    InputError
        When there is no metric, or an option belongs to none of them.
    """
    if not names:
        if ratings is None:
            raise InputError("name a metric with --metric, such as --metric accuracy")
        names = ["preference" if _header(ratings, "preferred") else "human_score"]
    given: dict[str, dict[str, Any]] = {name: {} for name in names}
    if len(given) < len(names):
        raise InputError("--metric: expected each metric once")
    for pair in options:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise InputError(f"--option {pair}: expected KEY=VALUE, such as average=macro")
        name, dot, option = key.rpartition(".")
        if not dot and len(names) > 1:
            raise InputError(
                f"--option {pair}: there are several metrics; say whose it is, such as "
                f"--option {names[0]}.{pair}"
            )
        if dot and name not in given:
            raise UnknownName(f"--option {pair}: no metric {name!r}{did_you_mean(name, given)}")
        try:
            # As in pipeline.yaml: 1 is a number, "1" is text, [a, b] a list.
            given[name or names[0]][option] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise InputError(f"--option {pair}: {value!r} is not a YAML value") from None
    return [metric_named(name, **its) for name, its in given.items()]


def compared(asked: Asked) -> Compared:
    """Compare what was asked for.

    Raises
    ------
    InputError
        When it cannot be compared.
    """
    policy = None if asked.policy is None else _policy(asked.policy)
    if len(asked.groups) > 2:
        raise InputError("--group: expected one column, or two for two-way clustering")
    if asked.bootstrap is not None and asked.weights is not None:
        raise InputError("--bootstrap knows no weights; leave --weight or --bootstrap out")
    if asked.ratings is not None:
        return _rated(asked, policy)
    if _streams(asked):
        return _streamed(asked)
    found = _resolved(asked)
    comparisons = _all(asked, found, policy)
    return Compared(comparisons, asked.metrics, _bootstraps(asked, found))


def _resolved(asked: Asked) -> Resolved:
    baseline, candidate, columns = asked.baseline, asked.candidate, asked.columns
    data: Any = asked.data
    said: tuple[Any, Any] = (baseline, candidate)
    models = [given.startswith(SCHEMES) for given in said]
    if data is None:
        if any(models) and not all(models):
            raise InputError(
                "compare two files or two models, not one of each; or give the examples with "
                "--data FILE"
            )
        if all(models):
            raise InputError(
                "two models are compared on examples: give them with --data FILE --target COL "
                "--id COL"
            )
        need = any(metric.needs_targets for metric in asked.metrics)
        text = all(metric.output == "text" for metric in asked.metrics)
        data = joined(Path(baseline), Path(candidate), columns, truth=need, text=text)
        said = (data[BASELINE], data[CANDIDATE])
    if any(models):
        from hokusai_mlflow.tracking.store import connect  # noqa: PLC0415 - MLflow takes seconds

        connect(read_settings())
    needs_truth = any(metric.needs_targets for metric in asked.metrics)
    groups = tuple(asked.groups) if len(asked.groups) == 2 else next(iter(asked.groups), None)
    return resolve(
        columns.target if needs_truth else None,
        *said,
        data=data,
        metrics=asked.metrics,
        id=columns.id,
        prediction=columns.prediction,
        groups=groups,
        weights=asked.weights,
        slices=list(asked.slices),
    )


def _all(
    asked: Asked,
    found: Resolved,
    policy: GatePolicy | None,
    agreement: Agreement | None = None,
) -> Comparisons:
    return compare_all(
        found.targets,
        found.baseline,
        found.candidate,
        metrics=asked.metrics,
        slices=found.slices,
        groups=found.groups,
        weights=found.weights,
        level=asked.level,
        min_effect_bps=asked.min_effect_bps,
        policy=policy,
        agreement=agreement,
    )


def _bootstraps(asked: Asked, found: Resolved) -> dict[str, Bootstrap]:
    if asked.bootstrap is None:
        return {}

    def said(given: Any, metric: Metric) -> Any:
        return given[metric.output] if isinstance(given, Mapping) else given

    return {
        metric.signature: bootstrap(
            metric,
            found.targets,
            said(found.baseline, metric),
            said(found.candidate, metric),
            groups=found.groups,
            replicates=asked.bootstrap,
            seed=asked.seed,
        )
        for metric in asked.metrics
    }


def _rated(asked: Asked, policy: GatePolicy | None) -> Compared:
    from hokusai_mlflow.ratings import Preferences, Ratings  # noqa: PLC0415

    assert asked.ratings is not None
    _refuse(
        "--ratings",
        {
            "--data": asked.data,
            "--slice": asked.slices,
            "--group": asked.groups,
            "--weight": asked.weights,
            "--stream": asked.stream,
        },
    )
    kind = Preferences if _header(asked.ratings, "preferred") else Ratings
    table = kind.read(asked.ratings)
    pairs = table.pair(baseline=asked.baseline, candidate=asked.candidate)
    agreement = table.agreement()
    found = Resolved(None, pairs.baseline, pairs.candidate, groups=pairs.groups)
    comparisons = _all(asked, found, policy, agreement)
    return Compared(comparisons, asked.metrics, _bootstraps(asked, found), agreement)


def _streams(asked: Asked) -> bool:
    unable = {
        "--slice": asked.slices,
        "--group": asked.groups,
        "--weight": asked.weights,
        "--policy": asked.policy,
        "--bootstrap": asked.bootstrap,
    }
    if asked.stream:
        if asked.data is None:
            raise InputError("--stream reads one Parquet file or folder: give it with --data")
        _refuse("--stream", unable)
        return True
    path = asked.data
    if path is None or path.suffix != ".parquet" or any(unable.values()):
        return False
    given = (asked.baseline, asked.candidate)
    named = any(one.startswith(SCHEMES) or Path(one).suffix in FILES for one in given)
    return not named and path.is_file() and path.stat().st_size >= STREAM_BYTES


def _streamed(asked: Asked) -> Compared:
    from hokusai_mlflow.streaming import compare_parquet  # noqa: PLC0415 - Arrow takes a second

    assert asked.data is not None
    need = any(metric.needs_targets for metric in asked.metrics)
    told = compare_parquet(
        asked.data,
        target=asked.columns.target if need else None,
        baseline=asked.baseline,
        candidate=asked.candidate,
        metrics=asked.metrics,
        level=LEVEL if asked.level is None else asked.level,
        min_effect_bps=MIN_EFFECT_BPS if asked.min_effect_bps is None else asked.min_effect_bps,
    )
    rows = [
        Row(name, metric.signature, None, one)
        for (name, one), metric in zip(told.items(), asked.metrics, strict=True)
    ]
    return Compared(Comparisons(adjusted(rows)), asked.metrics)


def _policy(path: Path) -> GatePolicy:
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as problem:
        raise MissingInput(f"no policy can be read at {path}: {problem}") from problem
    except yaml.YAMLError as problem:
        raise InputError(f"{path} is not valid YAML: {problem}") from problem
    # A spec holds its policy under this name.
    if isinstance(given, dict) and isinstance(given.get("policy"), dict):
        given = given["policy"]
    return policy_of({} if given is None else given)


def _header(path: Path, column: str) -> bool:
    """Whether a table has this column; a file that cannot be read has none, and is told later."""
    from hokusai_mlflow.ratings.columns import read_table  # noqa: PLC0415

    return column in read_table(path, numbers=None).columns


def _refuse(option: str, unable: Mapping[str, Any]) -> None:
    given = [name for name, value in unable.items() if value]
    if given:
        raise InputError(f"{option} does not go with {', '.join(given)}; leave one out")
