"""Reading a spec from YAML, with mistakes told as one line each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from hokusai_mlflow.errors import MissingInput, SpecError, did_you_mean
from hokusai_mlflow.spec.spec import Spec


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a key that is given twice is a mistake, not a way to overwrite the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As the base class, after a look at the keys."""
        seen = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:str" and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is given twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def load_spec(path: str | Path) -> Spec:
    """Read and check a `pipeline.yaml`.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Spec
        The checked spec; paths in it are relative to the file's folder.

    Raises
    ------
    MissingInput
        When there is no such file.
    SpecError
        When it is not YAML or not a valid spec.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MissingInput(
            f"no spec at {path}; expected a pipeline.yaml (`hokusai init` writes an example)"
        ) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise MissingInput(f"cannot read the spec {path}: {problem}") from problem
    try:
        given = yaml.load(text, Loader=_UniqueKeys)
    except yaml.YAMLError as problem:
        raise SpecError(f"{path} is not valid YAML: {problem}") from problem
    if not isinstance(given, dict):
        raise SpecError(f"{path}: expected keys and values, found {type(given).__name__}")
    try:
        return Spec.model_validate(given)
    except ValidationError as problem:
        lines = [f"{path} is not a valid spec:", *(_explain(error) for error in problem.errors())]
        raise SpecError("\n  ".join(lines)) from None


def _explain(error: Any) -> str:
    """One pydantic error as a line for people."""
    where = ".".join(str(step) for step in error["loc"])
    if error["type"] == "extra_forbidden":
        part: Any = Spec
        for step in error["loc"][:-1]:
            part = _part_at(part, step)
        known = part.model_fields if part is not None else ()
        return f"{where}: unknown key{did_you_mean(str(error['loc'][-1]), known)}"
    if error["type"] == "missing":
        return f"{where}: missing; this key is required"
    message = error["msg"].removeprefix("Value error, ")
    if error["loc"] == ("data", "split", "key"):
        return f"{where}: {message}; a secret, not shown (a number must be quoted)"
    shown = "" if isinstance(error["input"], dict) else f" (found {error['input']!r})"
    return f"{where}: {message}{shown}" if where else f"{message}"


def _part_at(part: Any, step: int | str) -> Any:
    """The model class below `part` at one step of an error's location."""
    if isinstance(step, int):
        return part
    field = getattr(part, "model_fields", {}).get(step)
    found = None if field is None else field.annotation
    candidates = [found, *getattr(found, "__args__", ())]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
