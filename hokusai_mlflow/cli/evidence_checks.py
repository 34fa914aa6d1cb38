"""Checks of evidence against what it was made from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hokusai_mlflow import evidence
from hokusai_mlflow.cli.predictions import Predictions, checked
from hokusai_mlflow.contributions.digests import evaluation_digest
from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.errors import HokusaiError
from hokusai_mlflow.evidence import Check
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.outputs import prediction_table
from hokusai_mlflow.stats.comparison import compare_outputs
from hokusai_mlflow.stats.paired import paired_scores
from hokusai_mlflow.verification.statement import Statement

STATED = ("baseline", "candidate", "improvement_bps", "ci_low_bps", "ci_high_bps", "p_value")


@dataclass
class Checks:
    """Lines in reading order.

    Attributes
    ----------
    lines : list of Check
        What was checked so far.
    sound : bool
        Whether the document has its sections, so that it can be checked against other things.
    """

    lines: list[Check] = field(default_factory=list)
    sound: bool = True

    def add(self, more: Iterable[Check]) -> None:
        """Append lines."""
        self.lines.extend(more)

    @property
    def failed(self) -> bool:
        """Whether anything is false."""
        return any(line.ok is False for line in self.lines)


def check_document(document: Mapping[str, Any], claimed: str | None) -> Checks:
    """Check what follows from the document alone.

    Parameters
    ----------
    document : mapping
        The evidence.
    claimed : str, optional
        The digest that it should have.
    """
    try:
        lines = evidence.verify(document, claimed_digest=claimed)
    except HokusaiError as problem:
        # Of a document without a canonical form, not even the digest can be checked.
        return Checks([Check("document", False, str(problem))], sound=False)
    return Checks(lines, sound=not {"format", "sections"} & {line.what for line in lines})


def guarded(look: Callable[[], list[Check]]) -> list[Check]:
    """Checks that read sections of the document, or one failed line when it lacks one."""
    try:
        return look()
    except HokusaiError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        told = f"missing, or of another form: {type(problem).__name__}: {problem}"
        return [Check("sections", False, told)]


def check_predictions(
    document: Mapping[str, Any], which: str, path: Path | None, *, instead: Path | None = None
) -> list[Check]:
    """Recompute commitment, paired sums and comparison from predictions.

    Parameters
    ----------
    document : mapping
        The evidence.
    which : {"gate", "payment"}
        Which of its two sets of examples.
    path : Path, optional
        File with the columns id, target, champion and candidate.
    instead : Path, optional
        File that serves when both sets are the same.
    """
    stated = document["evaluation"][which]
    if path is None and stated == document["evaluation"]["gate"]:
        path = instead
    if path is None:
        option = "--data" if which == "gate" else "--payment-data"
        return [Check(f"{which} predictions", None, f"none given; give them with {option}")]
    found = measure(document, path)
    sums, expected = found.sums, evidence.read_sums(document, which)
    checks = [_equal(f"{which} examples", f"{stated['n']:,}", f"{len(found.rows):,}")]
    if "verification" in document:
        told = "behind salted commitments, which only their owner can open"
        checks.append(Check(f"{which} commitment to targets", None, told))
    else:
        what = f"{which} commitment to ids and targets"
        checks.append(_equal(what, stated["digest"], found.digest))
    told = "recomputed from the predictions, equal to the last digit"
    if sums != expected:
        told = f"predictions give {sums!r}, the document has {expected!r}"
    checks.append(Check(f"{which} paired sums", sums == expected, told))
    if which == "gate":
        checks.append(_comparison(document, found))
    return checks


@dataclass(frozen=True)
class Measured:
    """Predictions of both models, and what follows from them by a document's metric.

    `columns` are targets and both outputs as they count: of a proven loss in whole steps.
    """

    rows: Predictions
    columns: tuple[Any, ...]
    of: Any
    groups: Any
    raters: Any
    digest: str
    sums: PairedSums


def measure(document: Mapping[str, Any], path: Path) -> Measured:
    """Score predictions as an evidence document scores its own.

    Parameters
    ----------
    document : mapping
        Names the metric and its options.
    path : Path
        File with the columns id, target, champion and candidate.
    """
    of = metric(document["metric"], **document["metric_options"])
    rows = checked(
        path,
        baseline="champion",
        candidate="candidate",
        name=str(path),
        text=of.output in ("text", "loglik"),
    )
    groups = None
    columns_ = document["evaluation"].get("columns", {})
    if columns_.get("group") is not None:
        groups = prediction_table(path, "id", "group")["group"].reindex(rows.ids).to_numpy()
    raters = None
    if columns_.get("rater") is not None:
        raters = prediction_table(path, "id", "rater")["rater"].reindex(rows.ids).to_numpy()
    columns = (rows.targets, rows.baseline, rows.candidate)
    if "verification" in document:
        statement = Statement.from_dict(document["verification"]["statement"])
        sums, columns = statement.paired_sums(*columns), statement.as_counted(*columns)
    else:
        sums = PairedSums.of(*paired_scores(of, *columns, groups=groups))
    digest = evaluation_digest(rows.ids, rows.targets)
    return Measured(rows, columns, of, groups, raters, digest, sums)


def _comparison(document: Mapping[str, Any], measured: Measured) -> Check:
    stated = document["comparison"]
    found = compare_outputs(
        measured.of,
        *measured.columns,
        groups=measured.groups if measured.raters is None else (measured.groups, measured.raters),
        level=stated["level"],
        min_effect_bps=stated["min_effect_bps"],
    ).to_dict()
    wrong = [
        f"{name} {found[name]:.6g}, not {stated[name]:.6g}"
        for name in STATED
        if not math.isclose(found[name], stated[name], rel_tol=1e-6, abs_tol=1e-9)
    ]
    told = "; ".join(wrong) or (
        f"{found['improvement_bps']:+.1f} bps, p = {found['p_value']:.3g}, recomputed"
    )
    return Check("comparison", not wrong, told)


def _equal(what: str, stated: str, found: str) -> Check:
    same = stated == found
    return Check(what, same, found if same else f"{found}, the document states {stated}")
