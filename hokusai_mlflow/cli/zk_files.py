"""`hokusai zk`, snarkjs' files: circuits, witnesses, keys and proofs, read and written."""

# ruff: noqa: PLC0415, PLR0917

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hokusai_mlflow.cli import output, zk
from hokusai_mlflow.cli.command import EPILOG, MISMATCH, Command
from hokusai_mlflow.cli.options import AsJson
from hokusai_mlflow.errors import InputError, MissingInput

if TYPE_CHECKING:
    from hokusai_mlflow.verification.zk.verifying import VerifyingKey

app = typer.Typer()

KeyFile = Annotated[Path, typer.Option("--key", help="A .zkey, or snarkjs' verification_key.json.")]
PublicFile = Annotated[Path, typer.Option("--public", help="The public inputs, public.json.")]


@app.command("check-circuit", cls=Command, epilog=EPILOG)
def check_circuit(
    file: Annotated[Path, typer.Argument(metavar="CIRCUIT.r1cs", help="What somebody has.")],
    kind: zk.Kind = "accuracy",
    capacity: zk.Capacity = 128,
    bits: zk.Bits = 4,
    parameter: zk.Parameter = None,
    shapes: zk.Shapes = None,
    slots: zk.Slots = 64,
) -> None:
    """Check that a .r1cs file is a circuit of ours, built here anew.

    Example: hokusai zk check-circuit accuracy.r1cs --kind accuracy --capacity 1024
    """
    from hokusai_mlflow.verification.zk.files import digest, read_r1cs

    found, own = read_r1cs(file), zk.named(kind, (capacity, bits, parameter), shapes, slots)
    ours = own.constraints()
    same = digest(found) == digest(ours)
    told = f"{own.name}, {len(ours):,} constraints, digest {digest(ours)}"
    output.marked(same, "circuit", told if same else f"{len(found):,} constraints; not {told}")
    if not same:
        raise typer.Exit(MISMATCH)


@app.command("export-key", cls=Command, epilog=EPILOG)
def export_key(
    to: Annotated[Path, typer.Argument(metavar="VERIFICATION_KEY.json", help="Where to write it.")],
    kind: zk.Kind = "accuracy",
    capacity: zk.Capacity = 128,
    bits: zk.Bits = 4,
    parameter: zk.Parameter = None,
    shapes: zk.Shapes = None,
    slots: zk.Slots = 64,
) -> None:
    """Write the verifying part of the strongest key kept here, as snarkjs reads it.

    The key itself is a .zkey file already; `hokusai zk keys` says where.

    Example: hokusai zk export-key verification_key.json --kind accuracy --capacity 1024
    """
    from hokusai_mlflow.verification.zk import files
    from hokusai_mlflow.verification.zk.keys import verifying_key

    record = zk.store().get(zk.named(kind, (capacity, bits, parameter), shapes, slots))
    files.write_json(to, files.key_json(verifying_key(record)))
    output.say(f"{to}: {record.circuit}, {record.mode}, {record.hash}")


@app.command(cls=Command, epilog=EPILOG)
def witness(
    rows: Annotated[
        Path,
        typer.Argument(
            help="Whole numbers in the columns target, champion and candidate, CSV or Parquet."
        ),
    ],
    to: Annotated[Path, typer.Argument(metavar="WITNESS.wtns", help="Where to write it.")],
    context: Annotated[
        str, typer.Option(help="What the proof is for: 0x and up to 62 digits.")
    ] = "0x0",
    kind: zk.Kind = "accuracy",
    capacity: zk.Capacity = 128,
    bits: zk.Bits = 4,
    parameter: zk.Parameter = None,
) -> None:
    """Write the witness of a statement about examples: private, with new salts in it.

    Example: hokusai zk witness rows.csv rows.wtns --kind accuracy --capacity 128
    """
    from hokusai_mlflow.tables import read_table
    from hokusai_mlflow.verification.zk.circuit import Rows
    from hokusai_mlflow.verification.zk.columns import new_salt
    from hokusai_mlflow.verification.zk.files import wtns_bytes

    if kind == "inference":
        raise InputError("inference is proven by `hokusai run` alone, of rows that a chain drew")
    of, frame = zk.named(kind, (capacity, bits, parameter)), read_table(rows, name=str(rows))
    names = ("target", "champion", "candidate")
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise InputError(f"{rows}: there is no column {missing[0]!r}; expected {', '.join(names)}")
    if not all(frame[name].dtype.kind in "iu" for name in names):
        raise InputError(f"{rows}: expected whole numbers in the columns {', '.join(names)}")
    columns = (frame[name].tolist() for name in names)
    given = Rows(*columns, (new_salt(), new_salt(), new_salt()))
    content = wtns_bytes(of.witness(given, _hexadecimal(context)))
    # Labels and salts are in it: nobody else's to read.
    to.touch(mode=0o600)
    to.write_bytes(content)
    output.say(f"{to}: {of.name}, {len(frame):,} rows; it holds labels and salts, so keep it")


@app.command(cls=Command, epilog=EPILOG)
def prove(
    key: Annotated[Path, typer.Argument(metavar="KEY.zkey", help="Of the witness' circuit.")],
    witness_file: Annotated[Path, typer.Argument(metavar="WITNESS.wtns", help="What is proven.")],
    to: Annotated[
        Path, typer.Option("--to", help="Folder for proof.json and public.json.")
    ] = Path(),
) -> None:
    """Prove what a witness says, as `snarkjs groth16 prove` does.

    Example: hokusai zk prove final.zkey rows.wtns --to proof
    """
    from hokusai_mlflow.verification.zk import files, prover, zkey

    proving_key, values = zkey.read(key), files.read_wtns(witness_file)
    with zk.bars(quiet=False) as told:
        proof = prover.prove(proving_key, values, told)
    _write_proof(to, proof, values[1 : proving_key.inputs + 1])
    output.say(f"{to / 'proof.json'}: {proving_key.inputs} public inputs in {to / 'public.json'}")


@app.command("export-proofs", cls=Command, epilog=EPILOG)
def export_proofs(
    proof: Annotated[
        Path, typer.Argument(metavar="PROOF.json", help="As it lies beside an evidence.json.")
    ],
    to: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write them.")],
) -> None:
    """Write an improvement's proofs, public inputs and verifying key as snarkjs reads them.

    Example: hokusai zk export-proofs gate/proof.json out, then in out/gate-1: snarkjs groth16
    verify ../verification_key.json public.json proof.json
    """
    from hokusai_mlflow.chain.proven import context_of
    from hokusai_mlflow.verification.requests import Request
    from hokusai_mlflow.verification.zk import files
    from hokusai_mlflow.verification.zk.verifying import Proof, VerifyingKey

    told = zk.document(proof)
    if not {"improvement", "proven"} <= set(told):
        raise InputError(
            f"{proof} has no proofs of an improvement; expected the proof.json beside its evidence"
        )
    asked = Request.from_dict(told)
    assert asked.proven is not None
    context = context_of(asked.improvement, asked.domain)
    to.mkdir(parents=True, exist_ok=True)
    key = VerifyingKey.from_words(asked.proven.key)
    files.write_json(to / "verification_key.json", files.key_json(key))
    for which in ("gate", "payment"):
        pairs = zip(
            getattr(asked.proven, f"{which}_labels"), getattr(asked.proven, which), strict=True
        )
        for number, (labels, one) in enumerate(pairs, start=1):
            folder = to / f"{which}-{number}"
            _write_proof(folder, Proof.from_words(one.points), one.inputs(context, labels))
            output.say(f"{folder}: {one.n:,} rows")


@app.command("check-files", cls=Command, epilog=EPILOG)
def check_files(
    proof: Annotated[Path, typer.Argument(metavar="PROOF.json", help="As snarkjs writes it.")],
    public: PublicFile,
    key: KeyFile,
    as_json: AsJson = False,
) -> None:
    """Verify a proof in snarkjs' files with code that shares nothing with the prover (py_ecc).

    Example: hokusai zk check-files proof.json --public public.json --key verification_key.json
    """
    from hokusai_mlflow.verification.zk import files
    from hokusai_mlflow.verification.zk.independent import verify_independently

    try:
        inputs = [int(value) for value in zk.read_json(public)]
        given = files.proof_from_json(zk.document(proof))
    except (KeyError, IndexError, TypeError, ValueError) as problem:
        if isinstance(problem, (InputError, MissingInput)):
            raise
        raise InputError(f"these are no proof and inputs as snarkjs writes: {problem!r}") from None
    holds = verify_independently(_verifying_key(key), given, inputs)
    if as_json:
        output.document({"ok": holds, "inputs": [str(value) for value in inputs]})
    else:
        output.marked(holds, "proof", f"of {len(inputs)} public inputs, with the key in {key}")
    if not holds:
        raise typer.Exit(MISMATCH)


# ---------------------------------------------------------------------- inside


def _verifying_key(path: Path) -> VerifyingKey:
    from hokusai_mlflow.verification.zk import files, zkey

    if path.suffix == ".zkey":
        return zkey.read(path).verifying_key()
    try:
        return files.key_from_json(zk.document(path))
    except (KeyError, IndexError, TypeError) as problem:
        raise InputError(f"{path} is no verification_key.json of snarkjs: {problem!r}") from None


def _write_proof(folder: Path, proof: object, inputs: list[int]) -> None:
    from hokusai_mlflow.verification.zk import files

    folder.mkdir(parents=True, exist_ok=True)
    files.write_json(folder / "proof.json", files.proof_json(proof))  # type: ignore[arg-type]
    files.write_json(folder / "public.json", files.public_json(inputs))


def _hexadecimal(context: str) -> int:
    try:
        return int(context, 16)
    except ValueError:
        raise InputError(f"expected a context as 0x and digits, found {context!r}") from None
