"""`hokusai zk`: keys of zero-knowledge proofs, made, imported and listed; proofs checked."""

# ruff: noqa: PLC0415, PLR0917

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hokusai_mlflow.cli import output
from hokusai_mlflow.cli.command import EPILOG, MISMATCH, Command
from hokusai_mlflow.cli.options import AsJson, read_settings
from hokusai_mlflow.errors import InputError, MissingInput

if TYPE_CHECKING:
    from hokusai_mlflow.verification.zk.circuit import Circuit
    from hokusai_mlflow.verification.zk.inference import Inference
    from hokusai_mlflow.verification.zk.keys import KeyRecord, KeyStore
    from hokusai_mlflow.verification.zk.setup import Progress

app = typer.Typer(
    no_args_is_help=True,
    help="Zero-knowledge proofs: make or import keys, list them, check a proof.",
)

Kind = Annotated[
    str,
    typer.Option("--kind", help="accuracy, confusion, absolute_loss, squared_loss, or inference."),
]
Capacity = Annotated[
    int, typer.Option("--capacity", "-n", help="Examples a proof has room for: 128, 1024, 10240.")
]
Bits = Annotated[int, typer.Option("--bits", help="Bits of a label: 4 for up to 16 classes.")]
Parameter = Annotated[
    int | None,
    typer.Option("--classes-or-cap", help="Classes of confusion, or cap of a loss in steps."),
]

Shapes = Annotated[
    str | None,
    typer.Option(
        "--shapes",
        help="Of inference: champion's and candidate's sizes, such as 30x1 or 30x1,30x16x2.",
    ),
]
Slots = Annotated[
    int, typer.Option("--slots", help="Of inference: drawn rows that one proof opens.")
]

TRUST = {
    "development": "whoever made it can prove anything with it: for trying things out only",
    "auditor": "holds as far as the auditor forgot the numbers it was made from",
    "ceremony": "holds if one party of the ceremony was honest",
}
"""What a key of each mode rests on."""


@app.command(cls=Command, epilog=EPILOG)
def setup(
    kind: Kind = "accuracy",
    capacity: Capacity = 128,
    bits: Bits = 4,
    parameter: Parameter = None,
    shapes: Shapes = None,
    slots: Slots = 64,
    mode: Annotated[
        str, typer.Option("--mode", help="development, or auditor for a trusted party's key.")
    ] = "development",
    as_json: AsJson = False,
) -> None:
    """Make the key of a circuit; at 10,240 examples this takes a minute or more.

    Of inference, the flow names the circuit that it needs; bits are those of the model's metric.

    Example: hokusai zk setup --kind accuracy --capacity 1024 --mode development
    """
    if mode not in ("development", "auditor"):
        raise InputError(
            f"expected the mode development or auditor, found {mode!r}; a ceremony's key is "
            "imported with `hokusai zk import-key`"
        )
    keys_here, of = store(), named(kind, (capacity, bits, parameter), shapes, slots)
    with bars(quiet=as_json) as told:
        record = keys_here.make(of, mode, told)  # type: ignore[arg-type]
    _show([record], as_json)


@app.command("import-key", cls=Command, epilog=EPILOG)
def import_key(
    key: Annotated[Path, typer.Argument(metavar="CEREMONY.zkey", help="After its last part.")],
    powers: Annotated[
        Path, typer.Option("--ptau", help="The prepared powers of tau that it was made from.")
    ],
    kind: Kind = "accuracy",
    capacity: Capacity = 128,
    bits: Bits = 4,
    parameter: Parameter = None,
    shapes: Shapes = None,
    slots: Slots = 64,
    as_json: AsJson = False,
) -> None:
    """Check that a key is a sound one of a circuit built here anew, and keep it.

    Example: hokusai zk import-key final.zkey --ptau powers.ptau --kind accuracy --capacity 1024
    """
    from hokusai_mlflow.verification.zk.importing import import_key as check_and_keep

    of = named(kind, (capacity, bits, parameter), shapes, slots)
    _show([check_and_keep(of, key, powers, store())], as_json)


@app.command("export-circuit", cls=Command, epilog=EPILOG)
def export_circuit(
    to: Annotated[Path, typer.Argument(metavar="CIRCUIT.r1cs", help="Where to write it.")],
    kind: Kind = "accuracy",
    capacity: Capacity = 128,
    bits: Bits = 4,
    parameter: Parameter = None,
    shapes: Shapes = None,
    slots: Slots = 64,
) -> None:
    """Write a circuit as snarkjs reads it, for a ceremony (snarkjs groth16 setup).

    Example: hokusai zk export-circuit accuracy.r1cs --kind accuracy --capacity 1024
    """
    from hokusai_mlflow.verification.zk.files import digest, r1cs_bytes

    r1cs = named(kind, (capacity, bits, parameter), shapes, slots).constraints()
    to.write_bytes(r1cs_bytes(r1cs))
    output.say(f"{to}: {len(r1cs):,} constraints, digest {digest(r1cs)}")


@app.command(cls=Command, epilog=EPILOG)
def keys(as_json: AsJson = False) -> None:
    """List the keys that are here, and what each rests on.

    Example: hokusai zk keys
    """
    _show(list(store()), as_json)


@app.command(cls=Command, epilog=EPILOG)
def check(
    proof: Annotated[Path, typer.Argument(metavar="PROOF.json", help="A statement with proof.")],
    as_json: AsJson = False,
) -> None:
    """Verify a proof with code that shares nothing with the prover (py_ecc), and a key kept here.

    Example: hokusai zk check proof.json
    """
    from hokusai_mlflow.verification.zk.independent import verify_independently
    from hokusai_mlflow.verification.zk.keys import verifying_key
    from hokusai_mlflow.verification.zk.proving import Proven

    told = document(proof)
    if "improvement" in told:
        raise InputError(
            f"{proof} holds an improvement's proofs: check them with `hokusai verify EVIDENCE "
            "--proof …`, or take them out with `hokusai zk export-proofs`"
        )
    proven = Proven.from_dict(told)
    record = next((one for one in store() if one.hash == proven.key), None)
    if record is None:
        raise MissingInput(
            f"no key with the hash {proven.key} is kept here; import it, or ask who proved it"
        )
    holds = verify_independently(verifying_key(record), proven.proof, proven.inputs)
    if as_json:
        output.document({"ok": holds, "circuit": record.circuit, "mode": record.mode})
    else:
        output.marked(holds, "proof", f"{record.circuit}, n = {proven.inputs[1]:,}")
        output.marked(record.mode == "ceremony" or None, "key", f"{record.mode}: {_rests(record)}")
        output.say(
            "A proof does not show that labels are true, that a model made the predictions, that "
            "nobody knew the labels, or that examples were not picked.",
            "dim",
        )
    if not holds:
        raise typer.Exit(MISMATCH)


def _rests(record: KeyRecord) -> str:
    return TRUST[record.mode]


def read_json(path: Path) -> Any:
    """What a JSON file holds."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise MissingInput(f"nothing to read at {path} ({problem.strerror})") from None
    except ValueError as problem:
        raise InputError(f"{path} is not JSON: {problem}") from None


def document(path: Path) -> dict[str, Any]:
    """A JSON object from a file."""
    found = read_json(path)
    if not isinstance(found, dict):
        raise InputError(f"{path}: expected a JSON object, found a {type(found).__name__}")
    return found


def store() -> KeyStore:
    """The keys in the Hokusai home."""
    from hokusai_mlflow.verification.zk.keys import KeyStore

    return KeyStore(read_settings().home / "zk")


def named(
    kind: str,
    sizes: tuple[int, int, int | None],
    shapes: str | None = None,
    slots: int = 64,
) -> Circuit | Inference:
    """The circuit that options name, of the sums or of inference."""
    from hokusai_mlflow.verification.zk.inference import Inference
    from hokusai_mlflow.verification.zk.proving import circuit
    from hokusai_mlflow.verification.zk.quantised import Shape

    if kind != "inference":
        if shapes is not None:
            raise InputError(f"--shapes is of inference; {kind} has none")
        return circuit(kind, *sizes)
    if not shapes:
        raise InputError("inference needs --shapes: the models' sizes, such as 30x1")
    first, *more = (Shape.named(shape) for shape in shapes.split(","))
    if len(more) > 1:
        raise InputError(f"--shapes are one or two, found {1 + len(more)}")
    capacity, bits, _ = sizes
    return Inference(capacity, bits, min(slots, capacity), first, more[0] if more else first)


@contextmanager
def bars(*, quiet: bool) -> Iterator[Progress]:
    """A bar for each stage of what takes long."""
    from rich.progress import Progress as Bars

    with Bars(console=output.errors(), transient=True, disable=quiet) as bars:
        tasks: dict[str, object] = {}

        def told(stage: str, done: int, whole: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=whole)
            bars.update(tasks[stage], completed=done, total=whole)  # type: ignore[arg-type]

        yield told


def _show(records: list[KeyRecord], as_json: bool) -> None:
    from hokusai_mlflow.verification.zk.setup import memory_bound

    if as_json:
        found = [
            one.to_dict() | {"path": str(one.path), "memory": memory_bound(one.constraints)}
            for one in records
        ]
        output.document({"keys": found})
        return
    if not records:
        output.say("no key is here; make one with `hokusai zk setup`")
    for one in records:
        output.say(f"{one.circuit}  {one.mode}  {one.hash}", "bold")
        output.say(f"    {_rests(one)}")
        memory = memory_bound(one.constraints) / 2**20
        output.say(f"    proving takes at most {memory:,.0f} MiB of memory")
        output.say(f"    {one.constraints:,} constraints, circuit {one.digest[:16]}…; {one.path}")
