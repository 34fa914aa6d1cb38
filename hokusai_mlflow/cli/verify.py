"""`hokusai verify`: evidence checked line by line, alone, on its data and on its chain."""

# ruff: noqa: PLC0415

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hokusai_mlflow.cli import command, output
from hokusai_mlflow.cli.options import AsJson, read_settings
from hokusai_mlflow.errors import EvidenceMismatch, MissingInput, TrackingUnreachable

if TYPE_CHECKING:
    from hokusai_mlflow.cli.chain_checks import Place
    from hokusai_mlflow.evidence import Check

BEYOND = (
    "No evidence shows that labels are true, that rows were the contributors' to give, or that the "
    "evaluation examples stand for those the model will meet."
)


def verify(
    evidence: Annotated[
        str, typer.Argument(help="An evidence.json, or runs:/RUN_ID of the MLflow run that has it.")
    ],
    *,
    digest: Annotated[
        str | None, typer.Option(metavar="HEX", help="Digest that somebody claims it has.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Hold-out predictions: id, target, champion, candidate. By default "
            "gate-predictions.parquet beside the document, if it is there."
        ),
    ] = None,
    payment_data: Annotated[
        Path | None,
        typer.Option(help="Predictions on the payment set; payment-predictions.parquet likewise."),
    ] = None,
    proof: Annotated[
        Path | None,
        typer.Option(help="Proofs of its sums; by default proof.json beside the document."),
    ] = None,
    chain: Annotated[bool, typer.Option("--chain", help="Ask the chain as well.")] = False,
    rpc_url: Annotated[
        str | None, typer.Option(help="Its endpoint; by default HOKUSAI_RPC_URL, else embedded.")
    ] = None,
    chain_id: Annotated[int | None, typer.Option(help="The id it must have.")] = None,
    verifier: Annotated[
        str | None, typer.Option(help="Address of the contract; by default the recorded one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check evidence line by line, and say what could not be checked.

    Example: hokusai verify evidence.json --data gate-predictions.parquet --chain
    """
    from hokusai_mlflow.cli.evidence_checks import check_document, check_predictions, guarded
    from hokusai_mlflow.cli.proof_checks import assumptions, check_proofs

    remaining: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        path, claimed = _fetch(evidence, Path(scratch))
        document = read_document(path)
        checks = check_document(document, digest or claimed)
        if checks.sound:
            gate = data or _beside(path, "gate")
            payment = payment_data or _beside(path, "payment")
            proofs = proof or _found(path.parent / "proof.json")
            remaining = assumptions(document)
            asked = chain or rpc_url is not None or verifier is not None
            place = (rpc_url, chain_id, verifier) if asked else None
            for look in (
                lambda: check_predictions(document, "gate", gate),
                lambda: check_predictions(document, "payment", payment, instead=gate),
                lambda: check_proofs(document, proofs),
                lambda: _on_chain(document, place),
            ):
                checks.add(guarded(look))
    if as_json:
        lines = [check.to_dict() for check in checks.lines]
        told = {"ok": not checks.failed, "checks": lines}
        output.document(told | ({"assumptions": remaining} if remaining else {}))
    else:
        for check in checks.lines:
            output.marked(check.ok, check.what, check.detail)
        _conclude(checks.failed, remaining)
    if checks.failed:
        raise typer.Exit(command.MISMATCH)


def _on_chain(document: dict[str, Any], place: Place | None) -> list[Check]:
    if place is None:
        from hokusai_mlflow.evidence import Check

        return [Check("chain", None, "not asked; ask with --chain")]
    from hokusai_mlflow.cli.chain_checks import check_chain

    return check_chain(document, place, read_settings())


def _conclude(failed: bool, remaining: list[str]) -> None:
    if failed:
        output.say("This evidence does not check out.", "bold red")
    else:
        output.say("Everything that could be checked holds; – marks what could not.", "bold green")
    for told in (*remaining, BEYOND):
        output.say(told, "dim")


def _fetch(given: str, scratch: Path) -> tuple[Path, str | None]:
    """Path of the document, and the digest that its run is tagged with."""
    if not given.startswith("runs:/"):
        return Path(given), None
    import mlflow
    from mlflow.exceptions import MlflowException

    from hokusai_mlflow.tracking.store import connect

    client = connect(read_settings())
    run_id = given.removeprefix("runs:/").split("/")[0]
    try:
        tags = client.get_run(run_id).data.tags
        folder = mlflow.artifacts.download_artifacts(
            artifact_uri=f"runs:/{run_id}/gate", dst_path=str(scratch)
        )
    except MlflowException as problem:
        raise MissingInput(f"no evidence in run {run_id}: {problem.message}") from problem
    except OSError as problem:
        raise TrackingUnreachable(f"the artifacts of run {run_id}: {problem}") from problem
    return Path(folder) / "evidence.json", tags.get("hokusai.evidence")


def _beside(path: Path, which: str) -> Path | None:
    return _found(path.parent / f"{which}-predictions.parquet")


def _found(path: Path) -> Path | None:
    return path if path.is_file() else None


def read_document(path: Path) -> dict[str, Any]:
    """An evidence document from its file.

    Parameters
    ----------
    path : Path

    Raises
    ------
    MissingInput, EvidenceMismatch
        There is no such file, or it holds none.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise MissingInput(
            f"no evidence at {path} ({problem.strerror}); only a promotion writes evidence, as the "
            "artifact gate/evidence.json of its MLflow run"
        ) from None
    except ValueError as problem:
        raise EvidenceMismatch(f"{path} is not JSON: {problem}") from problem
    if not isinstance(document, dict):
        raise EvidenceMismatch(f"{path} is not an evidence document: expected an object")
    return document
