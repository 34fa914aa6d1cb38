"""What a new project starts from: the flows, their deployments, and an example."""

from __future__ import annotations

import shutil
from pathlib import Path

from hokusai_mlflow.errors import InputError, MissingInput, UnknownName, did_you_mean

COPIED = ("flows", "prefect.yaml", "examples/add_a_step")
SCHEDULED = "digits"
"""The example that `prefect.yaml` schedules."""

LEFT_OUT = frozenset({"data", "__pycache__", ".hokusai"})
IGNORED = """\
# The embedded stores, with development keys and the sealed hold-outs' key.
.hokusai/
# Written by make_data.py.
examples/*/data/
__pycache__/
"""


def source() -> Path:
    """Folder with flows, prefect.yaml and examples: the checkout's, or the installed copy.

    Raises
    ------
    MissingInput
        When the installation lacks them.
    """
    package = Path(__file__).resolve().parent
    checkout = package.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "flows").is_dir():
        return checkout
    installed = package / "_scaffold"
    if not (installed / "flows").is_dir():
        raise MissingInput(f"this installation has no {installed}; install hokusai-mlflow again")
    return installed


def examples() -> tuple[str, ...]:
    """Names of the examples that a project can start from, sorted."""
    found = {path.parent.name for path in source().glob("examples/*/pipeline.yaml")}
    return tuple(sorted(name for name in found if _has_data(name)))


def create(folder: Path, *, example: str) -> tuple[Path, ...]:
    """Copy flows, prefect.yaml and one example; all of them, or nothing.

    Parameters
    ----------
    folder : Path
        Where to; made when missing.
    example : str
        One of `examples()`. Its generated data are left out.

    Returns
    -------
    tuple of Path
        The files written, relative to the folder; a .gitignore that is there is left as it is.

    Raises
    ------
    UnknownName
        When there is no such example.
    InputError
        When a file would be overwritten, or the folder cannot be written.
    """
    if example not in examples():
        raise UnknownName(f"no example {example!r}{did_you_mean(example, examples())}")
    root = source()
    files = _files(root, (*COPIED, f"examples/{example}"))
    taken = [path for path in files if (folder / path).exists()]
    if taken:
        raise InputError(
            f"{folder} already has {', '.join(map(str, taken[:3]))}"
            f"{' and more' if len(taken) > 3 else ''}; nothing was written: choose another folder"
        )
    try:
        for path in files:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / path, folder / path)
        deployments = folder / "prefect.yaml"
        schedules = _schedules(root, example)
        deployments.write_text(schedules, encoding="utf-8")
        ignores = folder / ".gitignore"
        if not ignores.exists():
            ignores.write_text(IGNORED, encoding="utf-8")
            files = (*files, Path(".gitignore"))
    except OSError as problem:
        raise InputError(f"cannot write to {folder}: {problem}") from problem
    return files


def _schedules(root: Path, example: str) -> str:
    """`prefect.yaml` for an example; the monitor runs by itself where it has data to look at."""
    text = (root / "prefect.yaml").read_text(encoding="utf-8").replace(SCHEDULED, example)
    spec = (root / "examples" / example / "pipeline.yaml").read_text(encoding="utf-8")
    if "\nmonitor:" in spec:
        return text
    before, monitor, after = text.partition(f"- name: monitor-{example}")
    paused = "active: false  # true when `monitor: data:` in the spec says where fresh labels are"
    return before + monitor + after.replace("active: true", paused, 1)


def _has_data(example: str) -> bool:
    return (source() / "examples" / example / "make_data.py").is_file()


def _files(root: Path, names: tuple[str, ...]) -> tuple[Path, ...]:
    found = []
    for name in names:
        start = root / name
        if not start.exists():
            raise MissingInput(f"this installation has no {start}; install hokusai-mlflow again")
        every = [start] if start.is_file() else sorted(start.rglob("*"))
        found += [path.relative_to(root) for path in every if path.is_file()]
    return tuple(path for path in found if not LEFT_OUT & set(path.parts))
