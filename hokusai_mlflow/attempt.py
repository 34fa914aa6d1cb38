"""One attempt to improve a model: opened once, finished once, however often it is killed.

The ledger says which attempts are open. An unfinished one is taken up before anything new is
begun, from the inputs that it kept with its MLflow run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from mlflow import MlflowClient

from hokusai_mlflow import reigning
from hokusai_mlflow.contributions.checks import ContributionCheck
from hokusai_mlflow.errors import ChampionMissing, ModelBusy
from hokusai_mlflow.evidence import digest
from hokusai_mlflow.inputs import (
    Inputs,
    TrainingRows,
    read_inputs,
    read_snapshot,
    write_snapshot,
)
from hokusai_mlflow.ledger import Entry, Ledger
from hokusai_mlflow.ledger.looks import RETIRED, active_holdout
from hokusai_mlflow.novelty import (
    RECIPE_PLAYER,
    REFERENCE_PLAYER,
    Champion,
    assemble,
    champion_of,
    made_before,
    nothing_new,
)
from hokusai_mlflow.priority import SEEN, credit_turns, remember
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import load_spec
from hokusai_mlflow.tracking.registry import Registered
from hokusai_mlflow.tracking.runs import attempt_run, download, fail, upload
from hokusai_mlflow.tracking.store import connect

ABANDONED = "abandoned"


@dataclass(frozen=True, repr=False)
class Attempt:
    """What every step of the flow is about.

    Attributes
    ----------
    id : str
        16 hexadecimal digits from the inputs and the champion.
    run_id : str
        MLflow run of the attempt; empty when there is nothing new to attempt.
    inputs : Inputs
        Spec, recipe and data.
    champion : Champion or None
        The version to beat; None for the first version of a model.
    checks : tuple of ContributionCheck
        What was accepted of each contribution, and why the rest was not.
    training : TrainingRows
        What the candidate is trained on.
    players : tuple of str
        Whoever the change between champion and candidate is due to: contributors with new rows,
        and the owner for a changed recipe or changed reference rows.
    holdout : str
        Name of the sealed hold-out.
    finished : str
        Why nothing is left to do; empty when there is.
    resumed : bool
        Whether an earlier, unfinished run is being continued.
    retired : tuple of str
        Hold-outs that had retired when the attempt began; their examples are reference rows.
    flow_run : str
        Address of the Prefect flow run that works on it now, or its id where no page shows it.
    condemned : tuple of str
        MLflow runs of versions that were rolled back; their contributed rows are not new.
    """

    id: str
    run_id: str
    inputs: Inputs
    champion: Champion | None
    checks: tuple[ContributionCheck, ...]
    training: TrainingRows
    players: tuple[str, ...]
    holdout: str
    finished: str = ""
    resumed: bool = False
    retired: tuple[str, ...] = ()
    flow_run: str = ""
    condemned: tuple[str, ...] = ()

    @property
    def contributors(self) -> tuple[str, ...]:
        """The players who are contributors."""
        return tuple(p for p in self.players if p not in (RECIPE_PLAYER, REFERENCE_PLAYER))

    @property
    def model(self) -> str:
        """Registered model name."""
        return self.inputs.spec.model

    def __repr__(self) -> str:
        state = self.finished or ("resumed" if self.resumed else "open")
        return f"Attempt({self.model} {self.id[:8]}: {state})"


@contextmanager
def exclusive(model: str, settings: Settings) -> Iterator[None]:
    """Hold the only place for runs of one model on this home; a killed holder frees it.

    Raises
    ------
    ModelBusy
        When another process has it.
    """
    folder = settings.prepare().home / "locks"
    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / f"run-{model}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ModelBusy(
            f"another run of {model} is under way in {settings.home}; wait for it to end"
        ) from None
    try:
        yield
    finally:
        lock.release()


def open_attempt(spec_path: str | Path, settings: Settings) -> Attempt:
    """Take up the model's unfinished attempt, or begin a new one.

    A new one is in the ledger only after `enter`: until its candidate is fitted, there is nothing
    to be finished.

    Parameters
    ----------
    spec_path : str or Path
        The `pipeline.yaml`.
    settings : Settings
        Where stores are.

    Returns
    -------
    Attempt
        With `finished` set when neither data nor recipe are new.

    Raises
    ------
    InputError
        When an input is missing or malformed; nothing has been changed then.
    ChampionMissing
        When the registry has lost what the ledger remembers.
    HoldoutExhausted
        When no sealed hold-out has a look left.
    """
    model = load_spec(spec_path).model
    client = connect(settings)
    with Ledger(settings.ledger) as ledger:
        opened = unfinished(ledger, model)
        if opened is not None:
            return _resume(client, ledger, opened)
        inputs = read_inputs(spec_path, settings)
        return _begin(client, ledger, inputs, settings)


def unfinished(ledger: Ledger, model: str) -> Entry | None:
    """The entry that opened an attempt which was never closed; None without one."""
    closed = {entry.attempt for entry in ledger.entries(model=model, kind="attempt.closed")}
    opened = ledger.entries(model=model, kind="attempt.opened")
    return next((entry for entry in opened if entry.attempt not in closed), None)


def _resume(client: MlflowClient, ledger: Ledger, opened: Entry) -> Attempt:
    body = opened.body
    with tempfile.TemporaryDirectory() as scratch:
        inputs = read_snapshot(download(body["run_id"], "inputs", Path(scratch)))
    champion = champion_of(client, body["champion"]) if body["champion"] else None
    retired, condemned = tuple(body["retired"]), tuple(body.get("condemned", ()))
    # As it was when the attempt began: what it wrote down itself came after.
    seen = [
        one
        for one in ledger.entries(model=opened.model, kind=SEEN)
        if one.seq < opened.seq and one.attempt != opened.key
    ]
    turns = credit_turns(seen, opened.model, inputs.contributions)
    found = assemble(inputs, champion, retired, turns, condemned)
    return Attempt(
        opened.key,
        body["run_id"],
        inputs,
        champion,
        *found,
        body["holdout"],
        resumed=True,
        retired=retired,
        condemned=condemned,
    )


def _begin(client: MlflowClient, ledger: Ledger, inputs: Inputs, settings: Settings) -> Attempt:
    spec = inputs.spec
    registered = reigning.current_champion(client, ledger, spec.model)
    champion = champion_of(client, registered.remembered()) if registered else None
    retired = tuple(
        sorted(e.body["holdout"] for e in ledger.entries(model=spec.model, kind=RETIRED))
    )
    seen = ledger.entries(model=spec.model, kind=SEEN)
    turns = credit_turns(seen, spec.model, inputs.contributions)
    gone = reigning.rolled_back(ledger, spec.model)
    condemned = tuple(one.run_id for one in gone)
    found = assemble(inputs, champion, retired, turns, condemned)
    id_ = _new_id(ledger, inputs, registered)
    if champion is not None:
        finished = nothing_new(ledger, id_, found[2], champion)
        finished = finished or made_before(gone, inputs.recipe, found[1])
        if finished:
            return Attempt(id_, "", inputs, champion, *found, "", finished=finished)
        sizes = [int(c.accepted.sum()) for c in found[0] if c.name in found[2]]
        spec.valuation.require_affordable(sizes, len(found[2]) - len(sizes))
        holdout = active_holdout(
            ledger, spec.model, spec.data.split.holdouts, quota=spec.gate.quota
        )
    else:
        holdout = ""
    run_id = attempt_run(client, settings, model=spec.model, attempt=id_, metric=spec.metric)
    with tempfile.TemporaryDirectory() as scratch:
        for name, write in (("inputs", inputs), ("training", found[1])):
            folder = Path(scratch) / name
            folder.mkdir()
            write_snapshot(write, folder) if name == "inputs" else write.write(folder)
            upload(client, run_id, folder, to=name)
    begun = Attempt(id_, run_id, inputs, champion, *found, holdout, retired=retired)
    return replace(begun, condemned=condemned)


def _new_id(ledger: Ledger, inputs: Inputs, beaten: Registered | None) -> str:
    """Identity of an attempt on these inputs; those that were given up may be tried again."""
    given: dict[str, Any] = {"inputs": inputs.digest, "champion": beaten and beaten.digest}
    id_, tries = digest(given)[:16], 0
    while (closed := ledger.get("attempt.closed", id_)) and closed.body["outcome"] == ABANDONED:
        tries += 1
        id_ = digest({**given, "tries": tries})[:16]
    return id_


def enter(attempt: Attempt, settings: Settings) -> None:
    """Write an attempt into the ledger: from now on it is finished, from its own copy of inputs.

    Call it when the candidate is fitted, before anything else is changed; again changes nothing.
    """
    champion = attempt.champion
    body = {
        "run_id": attempt.run_id,
        "inputs": attempt.inputs.digest,
        "champion": champion.registered.remembered() if champion else None,
        "retired": list(attempt.retired),
        "holdout": attempt.holdout,
        "checks": [check.to_dict() for check in attempt.checks],
        **({"condemned": list(attempt.condemned)} if attempt.condemned else {}),
    }
    with Ledger(settings.ledger) as ledger, ledger.transaction() as writing:
        if writing.get("attempt.opened", attempt.id) is None:
            accepted = [check.accepted for check in attempt.checks]
            given = attempt.inputs.contributions
            remember(writing, attempt.model, attempt.id, given, accepted)
            writing.append(
                "attempt.opened", attempt.id, body, model=attempt.model, attempt=attempt.id
            )


def abandon(attempt: Attempt, problem: Exception, settings: Settings) -> bool:
    """Give an attempt up whose recipe or data failed before its verdict.

    Taken up again from its copy of the inputs, it would fail the same way for ever. A look that it
    spent stays spent. An attempt with a verdict is left as it is, to be finished.

    Returns
    -------
    bool
        Whether it is given up.
    """
    # An exception's text is the recipe author's, and may hold anything.
    reason = f"{type(problem).__name__}: {problem}".encode("utf-8", "replace").decode()[:2_000]
    with Ledger(settings.ledger) as ledger, ledger.transaction() as writing:
        verdicts = [writing.get(f"attempt.{e}", attempt.id) for e in ("decided", "promoted")]
        if any(verdicts):
            return False
        if writing.get("attempt.opened", attempt.id) is not None:
            writing.append(
                "attempt.closed",
                attempt.id,
                {"outcome": ABANDONED, "reason": reason},
                model=attempt.model,
                attempt=attempt.id,
            )
    fail(connect(settings), attempt.run_id, reason)
    return True


def beaten(attempt: Attempt) -> Registered:
    """The champion that a candidate is compared with.

    Raises
    ------
    ChampionMissing
        When the attempt is a model's first.
    """
    if attempt.champion is None:
        raise ChampionMissing(f"{attempt.model} has no champion yet to compare with")
    return attempt.champion.registered
