"""Checking a contribution before it is submitted, with as much as one has of the owner's.

The owner, or whoever has the spec with its pool, checks everything that a run would. A contributor
has a *contributor pack*, which the owner publishes: it holds what data are wanted and how the
reference rows look, and nothing by which one could find out whether a row is in the pool. With a
spec alone, only what needs no other data is checked. What could not be checked is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import realpath
from pathlib import Path
from typing import Literal

from hokusai_mlflow.contributions.dataset import Dataset, read_dataset
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.inputs import REFERENCE, cut, read_contribution, read_pool
from hokusai_mlflow.quality import (
    Case,
    Owned,
    Pack,
    Profile,
    QualityPolicy,
    QualityReport,
    checks,
    examine,
    screen,
)
from hokusai_mlflow.quality.check import Fit
from hokusai_mlflow.quality.repeats import repeats_alone
from hokusai_mlflow.recipe import load_recipe
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import Spec, load_spec
from hokusai_mlflow.tasks import task as task_named

TOLD: Mapping[str, str] = {
    "pool": "against the owner's pool",
    "pack": "against the contributor pack",
    "spec": "against the spec alone: the pool is not here, and no contributor pack was given",
}


@dataclass(frozen=True, eq=False)
class Against:
    """What a contribution is checked against.

    Attributes
    ----------
    kind : {"pool", "pack", "spec"}
        How much of the owner's is known.
    pack : Pack
        What data are wanted, and what findings do.
    owned : Owned or None
        The owner's rows.
    earlier : sequence of Dataset
        Contributions that come before this one.
    fit : callable or None
        The owner's recipe.
    seed : int
        Of fits and folds.
    name : str
        What the contribution is called; its file's name where that is empty.
    """

    kind: Literal["pool", "pack", "spec"]
    pack: Pack
    owned: Owned | None = None
    earlier: Sequence[Dataset] = ()
    fit: Fit | None = None
    seed: int = 0
    name: str = ""


def against_pack(path: Path) -> Against:
    """Check against a contributor pack."""
    return Against("pack", Pack.read(path))


def against_spec(path: Path, settings: Settings, data: Path) -> Against:
    """Check against a spec, and against its pool where that is there.

    Parameters
    ----------
    path : Path
        The `pipeline.yaml`.
    settings : Settings
        Where a split key may be kept; none is made.
    data : Path
        The contribution. Where it is one of the spec's, those that come before it count as brought
        before; where it is not, all of them.

    Raises
    ------
    InputError
        The spec, the pool or another contribution cannot be used.
    """
    spec, base = load_spec(path), path.resolve().parent
    if not (base / spec.data.pool).exists():
        return Against("spec", _pack(spec, Profile(spec.task)))
    owned = _owned(spec, base, settings)
    pack = _pack(spec, owned.profile)
    earlier, name = [], ""
    for contributor in spec.contributors:
        file = base / contributor.data
        if realpath(file) == realpath(data):
            name = contributor.name
            break
        if file.exists():
            earlier.append(read_contribution(spec, base, file, name=contributor.name))
    recipe = base / spec.recipe
    fit = load_recipe(recipe).fit if recipe.exists() else None
    return Against("pool", pack, owned, earlier, fit, spec.seed, name)


def check(data: Path, against: Against) -> QualityReport:
    """Read a contribution and make every check that can be made.

    Returns
    -------
    QualityReport
        With the codes that a run uses; data that cannot be read fail the check `readable`.
    """
    pack, name = against.pack, against.name or data.name
    try:
        given = read_dataset(
            data,
            name=name,
            target=pack.target,
            id=pack.id,
            unique=False,
            features=pack.features,
            leave_out=pack.beside,
            text=task_named(pack.profile.task).targets == "text",
        )
    except InputError as problem:
        return QualityReport.unreadable(name, problem)
    made = checks()
    titles = {one.code: one.title for one in made}
    found = examine(Case(given, pack.profile, pack.policy), made)
    fits = all(one.finding.outcome != "failed" for one in found if one.finding.code == "schema")
    if against.owned is None or not fits:
        told = (*found, *repeats_alone(given))
        return QualityReport.of(name, len(given), told, pack.policy, titles)
    screened = screen(
        [*against.earlier, given], against.owned, pack.policy, fit=against.fit, seed=against.seed
    )
    return screened[-1].report


def contributor_pack(path: Path, settings: Settings) -> Pack:
    """What the owner of a spec may publish for contributors.

    Raises
    ------
    InputError
        The spec or its pool cannot be used.
    """
    spec, base = load_spec(path), path.resolve().parent
    # What is reference and what is held out must be settled before anything is published.
    settings.split_key(spec.model, spec.data.split.key)
    return _pack(spec, _owned(spec, base, settings).profile)


def _owned(spec: Spec, base: Path, settings: Settings) -> Owned:
    pool = read_pool(spec, base)
    key = settings.kept_split_key(spec.model, spec.data.split.key)
    if key is None:
        # Nothing is held out yet.
        return Owned({"pool": pool}, pool, (), spec.task)
    parts = cut(spec, pool, key)
    named = {str(name): pool.take(parts == name) for name in sorted(set(parts.tolist()))}
    if REFERENCE not in named:
        raise InputError(
            f"no example of the pool ({len(pool):,}) falls into the reference part; bring more "
            "examples, or change data.split"
        )
    return Owned(named, named[REFERENCE], (), spec.task)


def _pack(spec: Spec, profile: Profile) -> Pack:
    data = spec.data
    return Pack(
        spec.model,
        data.target,
        data.id,
        spec.features,
        data.metadata,
        profile,
        spec.quality or QualityPolicy(),
    )
