"""`hokusai doctor`: what is in order, what is not, and what to do about it."""

# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hokusai_mlflow.cli import command, output
from hokusai_mlflow.cli.options import AsJson, SpecFile, read_settings
from hokusai_mlflow.errors import HokusaiError

if TYPE_CHECKING:
    from hokusai_mlflow.cli.finding import Finding
    from hokusai_mlflow.settings import Settings


def doctor(spec: SpecFile = None, as_json: AsJson = False) -> None:
    """Check versions, store, ledger, chain, keys and a spec; changes nothing.

    Example: hokusai doctor pipeline.yaml
    """
    found = []
    for finding in examine(spec, read_settings()):
        found.append(finding)
        if not as_json:
            output.marked(finding.ok, finding.what, finding.detail, finding.remedy)
    failed = any(finding.ok is False for finding in found)
    if as_json:
        output.document({"ok": not failed, "findings": [one.to_dict() for one in found]})
    if failed:
        raise typer.Exit(command.UNAVAILABLE)


def examine(spec_path: Path | None, settings: Settings) -> Iterator[Finding]:
    """Everything that a run needs, one finding after the other.

    Parameters
    ----------
    spec_path : Path, optional
        A `pipeline.yaml`; its chain and its data are examined too.
    settings : Settings
        Where stores and keys are.
    """
    from hokusai_mlflow.cli import examine_chain, examine_spec, examine_stores
    from hokusai_mlflow.cli.finding import Finding, refused, trying
    from hokusai_mlflow.spec import ChainSpec, Spec, load_spec

    yield from examine_stores.versions()
    yield examine_stores.folder(settings)
    yield trying("MLflow store", lambda: examine_stores.store(settings))
    yield trying("ledger", lambda: examine_stores.ledger(settings))
    spec: Spec | None = None
    if spec_path is not None:
        try:
            spec = load_spec(spec_path)
            told = (
                f"{spec.model}: {spec.task}, {spec.metric}, {len(spec.contributors)} contributors"
            )
            yield Finding("spec", True, told)
        except HokusaiError as problem:
            yield refused("spec", problem)
    chain = spec.chain if spec else ChainSpec()
    yield trying("chain", lambda: examine_chain.chain(chain, settings))
    yield from examine_chain.keys(chain, settings)
    if spec is not None and spec_path is not None:
        yield from examine_spec.inputs(spec, spec_path)
