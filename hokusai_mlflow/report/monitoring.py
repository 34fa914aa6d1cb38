"""What was seen of a champion on fresh labels: verdict, confidence sequences, drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hokusai_mlflow.report.charts.sequence import Step, sequence
from hokusai_mlflow.report.rendered import Rendered
from hokusai_mlflow.report.view import Column, Line, Section, Table, Tile, Tone
from hokusai_mlflow.report.words import bps, count, interval, plain, score

FORMAT = "hokusai-monitoring/1"
TONES: Mapping[str, Tone] = {"ok": "good", "note": "open", "warn": "bad", "roll_back": "bad"}
SAID = {
    "ok": "holds",
    "note": "noted",
    "warn": "warning",
    "roll_back": "rolled back",
}
TITLES = {
    "worse": "Improvement over the beaten model",
    "declined": "Own score against the one at promotion",
}
AGAINST = {"worse": "", "declined": " over the lower end of the score at promotion"}
MOST_INPUTS = 25
MOST_BATCHES = 60


@dataclass(frozen=True, repr=False)
class MonitoringReport(Rendered):
    """How a champion does since its promotion.

    Attributes
    ----------
    model, metric : str
    champion : int
        The version that was watched.
    beaten : int or None
        The version that it beat.
    status : {"ok", "note", "warn", "roll_back"}
    reasons : tuple of str
    batches : tuple of mapping
        Ledger bodies of the reign's measurements, oldest first.
    unlabelled : tuple of mapping
        Drift of rows that wait for labels.
    waiting : int
        Labelled rows that wait for more.
    dropped : mapping of str to int
        Rows of the last look that did not count.
    rollback : mapping
        `Rollback.to_dict`; empty without one.
    held : tuple of mapping
        Decisions about what was held back of rewards.
    """

    model: str
    metric: str
    champion: int
    beaten: int | None
    status: str
    reasons: tuple[str, ...] = ()
    batches: tuple[Mapping[str, Any], ...] = ()
    unlabelled: tuple[Mapping[str, Any], ...] = ()
    waiting: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    rollback: Mapping[str, Any] = field(default_factory=dict)
    held: tuple[Mapping[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "format": FORMAT,
            "model": self.model,
            "metric": self.metric,
            "champion": self.champion,
            "beaten": self.beaten,
            "status": self.status,
            "reasons": list(self.reasons),
            "batches": [dict(one) for one in self.batches],
            "unlabelled": [dict(one) for one in self.unlabelled],
            "waiting": self.waiting,
            "dropped": dict(self.dropped),
            "rollback": dict(self.rollback),
            "held": [dict(one) for one in self.held],
        }

    @property
    def examples(self) -> int:
        """Fresh examples of this champion."""
        return sum(one["n"] for one in self.batches)

    @property
    def over(self) -> str:
        """What stands above the headline."""
        return f"Monitoring of {self.model}, version {self.champion} · {self.metric}"

    @property
    def title(self) -> str:
        """Title of a page."""
        return f"{self.model}: monitoring"

    @property
    def headline(self) -> str:
        """The outcome in one sentence."""
        name = f"version {self.champion} of {plain(self.model)}"
        if self.rollback:
            if self.rollback["waits_for"]:
                return (
                    f"{name} is to be rolled back to version {self.rollback['restored']} once "
                    f"attempt {self.rollback['waits_for']} is finished (hokusai run)"
                )
            return f"{name} was rolled back to version {self.rollback['restored']}"
        if not self.batches:
            return f"{name} has not been measured on fresh labels yet"
        seen = f"{count(self.examples)} fresh examples in {len(self.batches):,} batches"
        told = {"ok": "holds", "note": "holds, with a note", "warn": "has a warning"}
        return f"{name} {told.get(self.status, 'is to be rolled back')}: {seen}"

    @property
    def message(self) -> str:
        """Why."""
        return "; ".join(self.reasons)

    @property
    def verify_command(self) -> str:
        """Nothing is signed here."""
        return ""

    def _watched(self, name: str) -> list[Mapping[str, Any]]:
        found = [one["batch"]["watched"].get(name) for one in self.batches]
        return [one for one in found if one is not None]

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """What to read first."""
        first = self.reasons[0] if self.reasons else "no alarm at a level that covers a year"
        found = [Tile("Verdict", SAID[self.status], first, TONES[self.status])]
        if self.batches:
            last = self.batches[-1]
            found.append(
                Tile(
                    f"{plain(self.metric)}, last batch",
                    score(last["value"]),
                    f"{score(last['low'])} to {score(last['high'])}; promoted with "
                    f"{score(last['reference'])}",
                )
            )
        worse = self._watched("worse")
        if worse:
            one = worse[-1]
            found.append(
                Tile(
                    f"over version {self.beaten}",
                    f"{bps(one['estimate_bps'])} bps",
                    f"{interval(one['low_bps'], one['high_bps'])} at every look; since batch "
                    f"{one['since']}: {bps(one['since_bps'])}",
                    "bad" if one["alarm"] else "plain",
                )
            )
        most = self._drift[:1]
        if most:
            found.append(
                Tile(
                    "Largest drift of inputs",
                    f"{most[0]['effect']:.2f}",
                    f"{plain(most[0]['name'])}: {most[0]['low']:.2f} to {most[0]['high']:.2f} of 1",
                )
            )
        return tuple(found)

    @property
    def _drift(self) -> Sequence[Mapping[str, Any]]:
        if self.unlabelled:
            return self.unlabelled
        return self.batches[-1]["inputs"] if self.batches else ()

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Everything else, in reading order."""
        found = [*(self._sequence(name) for name in TITLES), self._inputs(), self._batches()]
        if any(self.dropped.values()) or self.waiting:
            told = [f"{count(n)} {why}" for why, n in self.dropped.items() if n]
            left_out = f"did not count: {', '.join(told)}. " if told else ""
            waits = f"{count(self.waiting)} labelled rows wait for more." if self.waiting else ""
            found.append(Section("rows", "Rows of the last look", f"{left_out}{waits}"))
        if self.held:
            told = [
                f"{int(one['amount']) / 10**18:g} DeltaOne "
                f"{'paid' if one['maintained'] else 'returned'} at {one['measured_bps']} bps"
                for one in self.held
            ]
            found.append(Section("held", "Held back of rewards", "; ".join(told)))
        return tuple(section for section in found if section is not None)

    def _sequence(self, name: str) -> Section | None:
        watched = self._watched(name)
        if not watched:
            return None
        steps = [
            Step(one["estimate_bps"], one["low_bps"], one["high_bps"], one["alarm"])
            for one in watched
        ]
        last = watched[-1]
        promised = self._watched("shrunk")
        more = f" At its promotion {bps(promised[-1]['floor_bps'])} or more." if promised else ""
        return Section(
            name,
            TITLES[name],
            f"Basis points since the first batch{AGAINST[name]}, with an interval that holds at "
            f"every look. The dashed line, {bps(last['floor_bps'])}, is the least."
            f"{more if name == 'worse' else ''} Most evidence of a loss is since batch "
            f"{last['since']}: {bps(last['since_bps'])}.",
            drawing=sequence(steps, last["floor_bps"], TITLES[name], f"batch {len(watched)}"),
        )

    def _inputs(self) -> Section | None:
        drift = self._drift
        if not drift:
            return None
        lines = tuple(
            Line(
                (
                    plain(one["name"]),
                    f"{one['effect']:.3f}",
                    f"{one['low']:.3f} to {one['high']:.3f}",
                    "" if one["psi"] is None else f"{one['psi']:.3f}",
                    "" if one["psi"] is None else f"{one['psi_low']:.3f} to {one['psi_high']:.3f}",
                    "" if one["distance"] is None else f"{one['distance']:.3f}",
                ),
                "bad" if one["low"] > 0 else "plain",
            )
            for one in drift[:MOST_INPUTS]
        )
        heads = ("effect", "interval", "PSI", "interval of PSI", "distance")
        columns = (Column("input", names=True), *(Column(head, numeric=True) for head in heads))
        more = f" The {MOST_INPUTS} largest of {len(drift)}." if len(drift) > MOST_INPUTS else ""
        return Section(
            "inputs",
            "Drift of inputs",
            "Largest difference of probability between the owner's pool and the fresh rows, from "
            "0 to 1, with an interval that covers all features and a year of batches. Distance "
            "is Wasserstein's in standard deviations, Cramér's V, or the area under the ROC "
            f"curve of a classifier that tells the two apart.{more}",
            table=Table(columns, lines),
        )

    def _batches(self) -> Section | None:
        if not self.batches:
            return None
        lines = []
        for one in reversed(self.batches[-MOST_BATCHES:]):
            worse = one["batch"]["watched"].get("worse")
            lines.append(
                Line(
                    (
                        str(one["batch"]["number"]),
                        count(one["n"]),
                        score(one["value"]),
                        f"{score(one['low'])} to {score(one['high'])}",
                        "" if worse is None else bps(worse["estimate_bps"]),
                        SAID[one["status"]],
                        "; ".join(one["reasons"]),
                    ),
                    TONES[one["status"]] if one["status"] != "ok" else "plain",
                )
            )
        columns = (
            Column("batch", names=True),
            Column("examples", numeric=True),
            Column(plain(self.metric), numeric=True),
            Column("95 % interval", numeric=True),
            Column("bps over beaten, so far", numeric=True),
            Column("verdict"),
            Column("why"),
        )
        return Section("batches", "Batches", "Newest first.", table=Table(columns, tuple(lines)))

    def __repr__(self) -> str:
        return f"MonitoringReport({self.model}: {self.headline})"
