"""What was found in one contribution, in every rendering the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from hokusai_mlflow.contributions.checks import ContributionCheck
from hokusai_mlflow.gate.finding import Finding
from hokusai_mlflow.quality.check import Action, Found
from hokusai_mlflow.quality.policy import QualityPolicy
from hokusai_mlflow.quality.repeats import TITLES
from hokusai_mlflow.report.quality import checks_table
from hokusai_mlflow.report.rendered import Rendered
from hokusai_mlflow.report.view import Section, Tile, Tone
from hokusai_mlflow.report.words import plain

FORMAT = "hokusai-quality/1"
READABLE = "readable"


@dataclass(frozen=True)
class Checked:
    """One check's finding, and what it does."""

    title: str
    finding: Finding
    action: Action

    @property
    def failed(self) -> bool:
        """Whether it failed."""
        return self.finding.outcome == "failed"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {**self.finding.to_dict(), "title": self.title, "action": self.action}


@dataclass(frozen=True, repr=False)
class QualityReport(Rendered):
    """What the checks found in one contribution.

    It can be shown to the contributor: it says nothing of single rows of the pool, nor of the part
    of it that a copied row is from.

    Attributes
    ----------
    name : str
        The contribution.
    given, accepted : int
        Rows, and those of them that nothing speaks against.
    left_out : mapping of str to int
        Rows left out, by reason.
    lines : tuple of Checked
        Every check.
    """

    name: str
    given: int
    accepted: int
    left_out: Mapping[str, int]
    lines: tuple[Checked, ...]

    @classmethod
    def of(
        cls,
        name: str,
        check: ContributionCheck | int,
        found: Sequence[Found],
        policy: QualityPolicy,
        titles: Mapping[str, str],
    ) -> Self:
        """A report on findings.

        Parameters
        ----------
        name : str
            The contribution.
        check : ContributionCheck or int
            What became of its rows; their number where that is not known.
        found : sequence of Found
            In the order to show them.
        policy : QualityPolicy
            What findings do.
        titles : mapping of str to str
            Title of each check by code.
        """
        lines = tuple(
            Checked(
                {**titles, **TITLES}.get(one.finding.code, one.finding.code),
                one.finding,
                "exclude" if one.finding.code in TITLES else policy.action(one.finding.code),
            )
            for one in found
        )
        if isinstance(check, int):
            return cls(name, check, check, {}, lines)
        accepted = int(check.accepted.sum())
        return cls(name, check.given, accepted, check.public_counts, lines)

    @classmethod
    def unreadable(cls, name: str, problem: Exception) -> Self:
        """A report on data that could not be read."""
        finding = Finding(READABLE, "failed", str(problem), remedy="correct the file")
        return cls(name, 0, 0, {}, (Checked("The data can be read", finding, "refuse"),))

    @property
    def failed(self) -> tuple[Checked, ...]:
        """The checks that failed."""
        return tuple(line for line in self.lines if line.failed)

    @property
    def refused(self) -> bool:
        """Whether a failed check refuses the whole contribution."""
        return any(line.action == "refuse" for line in self.failed)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `from_dict` gives the report back."""
        return {
            "format": FORMAT,
            "name": self.name,
            "given": self.given,
            "accepted": self.accepted,
            "left_out": dict(self.left_out),
            "findings": [line.to_dict() for line in self.lines],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        lines = []
        for one in stored["findings"]:
            told = dict(one)
            title, action = told.pop("title"), told.pop("action")
            lines.append(Checked(title, Finding(**told), action))
        return cls(
            stored["name"], stored["given"], stored["accepted"], stored["left_out"], tuple(lines)
        )

    @property
    def headline(self) -> str:
        """The outcome in a sentence."""
        if not self.failed:
            return "no check speaks against it"
        codes = ", ".join(line.finding.code for line in self.failed)
        return f"{'refused' if self.refused else 'look at'}: {codes}"

    # What the templates of reports ask for.
    title = property(lambda self: f"Data quality: {self.name}")
    over = property(lambda self: f"contribution {self.name}")
    message = ""
    verify_command = ""

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """What to read first."""
        left = ", ".join(
            f"{n:,} {plain(why).replace('_', ' ')}" for why, n in self.left_out.items()
        )
        passed = sum(line.finding.outcome == "passed" for line in self.lines)
        tone: Tone = "bad" if self.refused else "open" if self.failed else "good"
        main = "Refused" if self.refused else "Look at it" if self.failed else "Fine"
        return (
            Tile("Verdict", main, ", ".join(line.finding.code for line in self.failed), tone),
            Tile(
                "Rows", f"{self.accepted:,} of {self.given:,}", f"left out: {left}" if left else ""
            ),
            Tile("Checks", f"{passed} passed", f"{len(self.failed)} failed"),
        )

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Every check."""
        return (
            Section(
                "findings", "Checks", "", checks_table([line.to_dict() for line in self.lines])
            ),
        )

    def __repr__(self) -> str:
        return (
            f"QualityReport({self.name}: {self.accepted:,} of {self.given:,} rows; {self.headline})"
        )
