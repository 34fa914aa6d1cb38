"""What becomes of a contribution in which a check finds something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hokusai_mlflow.errors import InputError, UnknownName, did_you_mean
from hokusai_mlflow.quality.check import Action, Check

Codes = tuple[Annotated[str, Field(min_length=1)], ...]
LABEL_NOISE = "label-noise"
ALWAYS = ("schema",)
"""Other columns than the pool's cannot be trained on together with it."""


class QualityPolicy(BaseModel):
    """What a failed check does, and from where on it fails.

    A check that is in none of the lists only warns. Copies and near copies of the pool, rows that
    somebody brought before, and rows that a contribution has twice are left out whatever a policy
    says: they would be tested on what they were trained on, or paid twice.

    Parameters
    ----------
    exclude : tuple of str
        Codes of checks whose rows are left out before training.
    refuse : tuple of str
        Codes of checks that refuse the whole contribution.
    skip : tuple of str
        Codes of checks that are not made.
    level : float
        Chance that an honest contribution fails any one of the checks that are tests, at most.
    missing_rise : float
        Rise of a column's share of missing values that counts, of 1.
    label_noise : float
        Share of wrong labels that a contribution is surely above when it fails, of 1.
    similarity : float
        Jaccard similarity of two texts' shingles from which they are near copies, of 1; raised
        where the pool's own texts are more alike.
    phone_regions : tuple of str
        Countries (ISO 3166, such as CH) whose national spelling of phone numbers is looked for; the
        international one always is.
    folds : int
        Of the fits that estimate label noise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    exclude: Codes = ()
    refuse: Codes = ()
    skip: Codes = ()
    level: float = Field(0.001, gt=0, le=0.05)
    missing_rise: float = Field(0.1, gt=0, le=1)
    label_noise: float = Field(0.1, ge=0, lt=1)
    similarity: float = Field(0.7, ge=0.5, le=1)
    phone_regions: tuple[str, ...] = ()
    folds: int = Field(5, ge=2, le=20)

    @field_validator("phone_regions")
    @classmethod
    def _known_regions(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if given:
            from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - 0.1 s, rarely needed

            for one in given:
                if one not in SUPPORTED_REGIONS:
                    raise ValueError(f"{one!r} is no country code; expected one such as CH or US")
        return given

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        named = [*self.exclude, *self.refuse, *self.skip]
        twice = sorted({code for code in named if named.count(code) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)}: expected in one of exclude, refuse and skip")
        return self

    def action(self, code: str) -> Action:
        """What a failed check of this code does."""
        if code in self.refuse or code in ALWAYS:
            return "refuse"
        return "exclude" if code in self.exclude else "warn"

    def require_known(self, checks: Sequence[Check]) -> None:
        """Refuse codes that no check has, and to exclude rows where a check names none.

        Raises
        ------
        InputError
            Names the code; `UnknownName` with the nearest that exists.
        """
        known = {check.code: check for check in checks}
        for code in (*self.exclude, *self.refuse, *self.skip):
            if code not in known:
                raise UnknownName(f"quality: no check {code!r}{did_you_mean(code, known)}")
        for code in self.exclude:
            if not known[code].by_row:
                raise InputError(
                    f"quality.exclude: {code} is about the whole contribution, so that there are "
                    "no rows to leave out; move it to quality.refuse"
                )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, part of the evidence where a spec has a policy."""
        return self.model_dump(mode="json")


QUICK = QualityPolicy(skip=(LABEL_NOISE,))
"""Of a spec that says nothing of quality: nothing is refitted, and everything only warns."""
