"""Options that several commands share, and the settings they all start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hokusai_mlflow.errors import InputError

if TYPE_CHECKING:
    from hokusai_mlflow.settings import Settings
    from hokusai_mlflow.spec import ChainSpec

AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON documents, and nothing else, on stdout.")
]
SpecFile = Annotated[Path | None, typer.Argument(metavar="[SPEC]", help="A pipeline.yaml.")]


def read_settings() -> Settings:
    """Settings from the environment.

    Raises
    ------
    InputError
        When a variable cannot be used; its value, which may be a secret, is not shown.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - loading it costs 0.1 s

    from hokusai_mlflow.settings import Settings  # noqa: PLC0415

    try:
        return Settings()
    except ValidationError as problem:
        lines = [
            f"HOKUSAI_{'.'.join(map(str, error['loc'])).upper()}: {error['msg']}"
            for error in problem.errors(include_input=False)
        ]
        raise InputError("; ".join(lines)) from None


def chain_of(spec: Path | None) -> ChainSpec:
    """The chain that a spec names, or the settings' chain without a spec."""
    from hokusai_mlflow.spec import ChainSpec, load_spec  # noqa: PLC0415

    return ChainSpec() if spec is None else load_spec(spec).chain


def database_file(url: str) -> Path | None:
    """File of a SQLite URL; None when the database is a server's."""
    scheme, _, path = url.partition(":///")
    return Path(path) if scheme.startswith("sqlite") and path else None
