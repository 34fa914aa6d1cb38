"""The receipt of one run: what was decided, how sure we are, why, and what was paid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

Outcome = Literal[
    "baseline", "promoted", "hold", "reject", "refused", "awaiting", "rating", "nothing_new"
]

HEADLINES: Mapping[str, str] = {
    "baseline": "Registered as the baseline",
    "promoted": "Promoted",
    "hold": "Held: not enough evidence",
    "reject": "Rejected",
    "refused": "Refused by the reviewer",
    "awaiting": "Awaits a reviewer",
    "rating": "Awaits ratings",
    "nothing_new": "Nothing new",
}


@dataclass(frozen=True)
class ContributorLine:
    """What one contributor brought and got.

    Attributes
    ----------
    name, address : str
        Who, and the account that is paid.
    given, accepted : int
        Rows brought and rows accepted.
    excluded : mapping of str to int
        Rows left out, by code.
    value, std_error : float or None
        Shapley value in units of the metric's improvement.
    share : int
        Share of the contributors' 70 %, in 1e-4.
    share_error : float or None
        Standard error of the share, as a fraction.
    wei : str
        DeltaOne paid in 1e-18, as a decimal string.
    """

    name: str
    address: str
    given: int
    accepted: int
    excluded: Mapping[str, int]
    value: float | None = None
    std_error: float | None = None
    share: int = 0
    wei: str = "0"
    share_error: float | None = None

    @property
    def value_bps(self) -> str:
        """Shapley value and its standard error in basis points, or nothing."""
        if self.value is None:
            return ""
        error = "" if self.std_error is None else f" ± {self.std_error * 1e4:.0f}"
        return f"{self.value * 1e4:+.0f}{error}"

    @property
    def share_told(self) -> str:
        """Share and its standard error in percent."""
        error = "" if self.share_error is None else f" ± {100 * self.share_error:.1f}"
        return f"{self.share / 100:.2f}{error} %"

    @property
    def reasons(self) -> Mapping[str, int]:
        """Rows left out by kind of reason, whatever part of the pool they copy."""
        found: Counter[str] = Counter()
        for code, rows in self.excluded.items():
            found[code.split(".")[0].replace("_", " ")] += rows
        return found


@dataclass(frozen=True, repr=False)
class Receipt:
    """One run of the improvement flow, for people and for scripts.

    Attributes
    ----------
    outcome : {"baseline", "promoted", "hold", "reject", "refused", "awaiting", "rating",
        "nothing_new"}
        What happened.
    model, metric : str
        Which model, and the metric that is gated and paid.
    message : str
        The outcome in a sentence, with what to do next.
    attempt, run_id : str
        Identity of the attempt and its MLflow run.
    champion_version, candidate_version : int or None
        Versions in the registry.
    scores : mapping of str to (float, float)
        Metric values of champion and candidate on the sealed hold-out.
    comparison, decision, payment, settlement : mapping
        Sections as they are in the evidence; empty where the run did not get so far.
    contributors : tuple of ContributorLine
        What everybody brought and got.
    valued : str
        How the contributors' values were found, and how precisely.
    inferred : str
        What was proven of the predictions, and how far whole numbers follow the models.
    owner, owner_wei : str
        The owner's account and DeltaOne in 1e-18.
    evidence : str
        Evidence digest.
    development : bool
        Whether the chain is a local development chain.
    """

    outcome: Outcome
    model: str
    metric: str
    message: str
    attempt: str = ""
    run_id: str = ""
    champion_version: int | None = None
    candidate_version: int | None = None
    scores: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    comparison: Mapping[str, Any] = field(default_factory=dict)
    decision: Mapping[str, Any] = field(default_factory=dict)
    payment: Mapping[str, Any] = field(default_factory=dict)
    settlement: Mapping[str, Any] = field(default_factory=dict)
    contributors: tuple[ContributorLine, ...] = ()
    owner: str = ""
    owner_wei: str = "0"
    evidence: str = ""
    development: bool = True
    resumed: bool = False
    valued: str = ""
    inferred: str = ""

    @property
    def ordered_scores(self) -> list[tuple[str, tuple[float, float]]]:
        """The scores with the paid metric first; stored documents do not keep an order."""
        return sorted(self.scores.items(), key=lambda item: (item[0] != self.metric, item[0]))

    def figures(self, rule: str) -> Mapping[str, Any]:
        """The figures of one rule's finding; empty where it was not judged."""
        for finding in self.decision.get("findings", ()):
            if finding["code"] == rule:
                return dict(finding["figures"])
        return {}

    @property
    def guardrails(self) -> list[Mapping[str, Any]]:
        """One row per guardrail and slice: name, n, improvement, margin, Holm's p, outcome."""
        return list(self.figures("guardrails").get("rows", ()))

    @property
    def headline(self) -> str:
        """The outcome in two or three words."""
        return HEADLINES[self.outcome]

    @property
    def paid(self) -> bool:
        """Whether a confirmed transaction paid this improvement."""
        return self.settlement.get("state") == "confirmed"

    @property
    def priced(self) -> str:
        """What was measured and what of it is paid, in basis points."""
        paid, measured = self.payment["paid_bps"], self.payment["measured_bps"]
        on = f"measured on {self.payment['n']:,} examples ({self.payment['policy']})"
        if paid == measured:
            return f"{paid} bps {on}"
        return f"{paid} bps of {measured} {on}, the rest due to the owner's own changes"

    @property
    def total_wei(self) -> int:
        """Everything paid, in 1e-18 DeltaOne."""
        return int(self.owner_wei) + sum(int(line.wei) for line in self.contributors)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Receipt:
        """Inverse of `to_dict`."""
        lines = tuple(ContributorLine(**line) for line in stored["contributors"])
        scores = {name: tuple(pair) for name, pair in stored["scores"].items()}
        return cls(**{**stored, "contributors": lines, "scores": scores})

    def to_markdown(self) -> str:
        """The receipt for MLflow's model version page and for Prefect."""
        return _templates().get_template("receipt.md.j2").render(r=self)

    def __repr__(self) -> str:
        return f"Receipt({self.model}: {self.outcome}; {self.message})"


def delta_one(wei: int | str) -> str:
    """DeltaOne with six digits, rounded down, from 1e-18."""
    whole, part = divmod(int(wei) // 10**12, 10**6)
    return f"{whole:,}.{part:06d}"


def guarded(row: Mapping[str, Any]) -> str:
    """One guardrail or slice in a line; what was measured only where there was enough evidence."""
    told = f"{row['name']}, n = {row['n']:,}"
    if row["improvement_bps"] is None:
        return f"{told}: too little to tell a loss of {row['margin_bps']:g} bps"
    return (
        f"{told}: {row['improvement_bps']:+.0f} bps of at worst −{row['margin_bps']:g}, "
        f"p = {row['p_adjusted']:.2g}"
    )


def cell(text: object) -> str:
    """Text that stays text in Markdown: no table cell, line, link, image or HTML begins in it."""
    flat = " ".join(str(text).split())
    # A backslash first, or it would undo the escapes that follow.
    for letter in "\\|[]":
        flat = flat.replace(letter, "\\" + letter)
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")
    return "\\" + flat if flat[:1] in {"#", "-", "+", "*", "=", "~"} else flat


def code(text: object) -> str:
    """Text as a Markdown code span on one line."""
    return "`" + " ".join(str(text).split()).replace("`", "'") + "`"


@cache
def _templates() -> Environment:
    # Autoescaping is for HTML; the Markdown template escapes cells itself.
    environment = Environment(
        loader=PackageLoader("hokusai_mlflow.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    environment.filters |= {"delta_one": delta_one, "cell": cell, "code": code}
    return environment
