"""What `hokusai compare` shows and writes."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from hokusai_mlflow import __version__
from hokusai_mlflow.cli import output
from hokusai_mlflow.cli.compare_sources import Compared
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics import Metric
from hokusai_mlflow.stats.comparison import Comparison

PLOTS = (".png", ".svg", ".pdf")


def check_files(html: Path | None, plot: Path | None, *, markdown: bool, as_json: bool) -> None:
    """Refuse what could not be written, before anything is computed.

    Raises
    ------
    InputError
        When a folder is missing, a plot has another ending, or two forms are asked for at once.
    """
    if markdown and as_json:
        raise InputError("--markdown and --json are two forms of one output; choose one")
    if plot is not None and plot.suffix not in PLOTS:
        raise InputError(f"--plot {plot}: expected a file ending in .png, .svg or .pdf")
    for path in (html, plot):
        if path is not None and not path.parent.is_dir():
            raise InputError(f"there is no folder {path.parent} to write {path.name} to; make it")


def show(
    found: Compared, *, html: Path | None, plot: Path | None, markdown: bool, as_json: bool
) -> None:
    """Write the files that were asked for and print the comparisons."""
    comparisons = found.comparisons
    if html is not None:
        html.write_text(comparisons.to_html(page=True), encoding="utf-8")
    if plot is not None:
        comparisons.forest_plot().savefig(plot)
    alone = len(comparisons) == 1 and comparisons.decision is None
    if as_json:
        one = found.comparisons.primary
        told = comparisons.to_dict()
        if alone:
            told = one.to_dict() | {
                "significant": one.significant,
                "signature": signature(found.metrics[0], one),
            }
        if found.bootstraps:
            told["bootstrap"] = {name: b.to_dict() for name, b in found.bootstraps.items()}
        if found.agreement is not None:
            told["agreement"] = found.agreement.to_dict()
        output.document(told)
        return
    if markdown:
        print(comparisons.to_markdown(), end="")
    elif alone:
        _show(found.metrics[0], comparisons.primary)
    else:
        output.console().print(comparisons.to_text(), markup=False, soft_wrap=True)
    for line in _beside(found):
        output.say(line)
    for path in (html, plot):
        if path is not None:
            output.say(f"written: {path}")


def signature(metric: Metric, found: Comparison) -> str:
    """What a comparison rests on, in one line."""
    return (
        f"{metric.signature}|n:{found.n}|test:{found.test}|level:{found.level:g}"
        f"|min:{found.min_effect_bps:g}bps|version:{__version__}"
    )


def _beside(found: Compared) -> list[str]:
    told = [
        f"{name}, bootstrap 95 % interval: {one.ci_low_bps:+.1f} to {one.ci_high_bps:+.1f} bps "
        f"({one.replicates:,} resamples, {one.interval}, {one.method})"
        for name, one in found.bootstraps.items()
    ]
    if found.agreement is not None:
        agreement = found.agreement
        told.append(
            f"agreement of the raters: Krippendorff's α = {agreement.alpha:.3f} "
            "(1 is perfect, 0 is chance)"
        )
    return told


def _show(metric: Metric, found: Comparison) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    verdict = "significant" if found.significant else "not significant"
    values = (
        ()
        if found.baseline is None or found.candidate is None
        else (
            (f"{found.metric}, baseline", f"{found.baseline:.6g}"),
            (f"{found.metric}, candidate", f"{found.candidate:.6g}"),
        )
    )
    for name, value in (
        *values,
        ("improvement", f"{found.improvement_bps:+.1f} bps (positive is better)"),
        ("95 % interval", f"{found.ci_low_bps:+.1f} to {found.ci_high_bps:+.1f} bps"),
        (
            f"p of H0: Δ ≤ {found.min_effect_bps:g} bps",
            f"{found.p_value:.3g}: {verdict} at level {found.level:g} ({found.test})",
        ),
        ("could be found", f"{found.detectable_bps:.0f} bps with 80 % power on {found.n:,}"),
    ):
        table.add_row(name, value)
    output.console().print(table, soft_wrap=True)
    # Outside of the table, which would cut it.
    if found.caveat:
        output.say(found.caveat)
    output.say(signature(metric, found))
