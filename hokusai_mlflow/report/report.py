"""The report on one attempt: everything that was decided and why, in every rendering the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from hokusai_mlflow import evidence
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.report.rendered import Rendered

if TYPE_CHECKING:
    from hokusai_mlflow.report.view import Section, Tile

FORMAT = "hokusai-report/1"
ADDENDUM = "hokusai-addendum/1"
Outcome = Literal["promoted", "hold", "reject", "refused", "awaiting", "baseline"]
Standing = Literal["none", "unpaid", "provisional", "final", "failed"]

VERDICTS: Mapping[str, Outcome] = {"promote": "promoted", "hold": "hold", "reject": "reject"}


@dataclass(frozen=True, repr=False)
class Report(Rendered):
    """What is known of one attempt, ready to be read.

    Attributes
    ----------
    document : mapping
        The evidence; of an attempt that was not promoted the same sections as far as they exist,
        and of a baseline its scores.
    figures : mapping
        What drawings are made of, without examples: ``rows`` (`comparisons.Row` each),
        ``guardrails`` (with intervals), ``confusion``, ``roc``, ``calibration``, ``residuals``
        (see `diagnostics`), and ``without``: why one of them is missing.
    settlement : mapping
        `Settlement.to_dict()`; empty where nothing was to be paid.
    facts : mapping
        What stands beside the evidence: ``attempt``, ``run_id``, ``flow_run`` (its address),
        ``development`` (whether the chain is a development chain), ``approval``, ``owner``,
        ``message``.
    """

    document: Mapping[str, Any]
    figures: Mapping[str, Any] = field(default_factory=dict)
    settlement: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_evidence(
        cls,
        document: Mapping[str, Any],
        settlement: Mapping[str, Any] | None = None,
        *,
        figures: Mapping[str, Any] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> Report:
        """A report on evidence, or on as much of such a document as an attempt came to.

        Parameters
        ----------
        document : mapping
            The evidence document.
        settlement : mapping, optional
            Where the payment stands, as `Settlement.to_dict()`.
        figures, facts : mapping, optional
            As the attributes.

        Raises
        ------
        InputError
            When the document names no model.
        """
        if "model" not in document or "candidate" not in document:
            raise InputError(
                "expected an evidence document with its model and candidate, found "
                f"{', '.join(sorted(map(str, document)))[:200] or 'an empty one'}"
            )
        return cls(document, figures or {}, settlement or {}, facts or {})

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Report:
        """Inverse of `to_dict`.

        Raises
        ------
        InputError
            When it is no stored report.
        """
        if stored.get("format") != FORMAT:
            raise InputError(f"expected a report ({FORMAT}), found {stored.get('format')!r}")
        return cls.from_evidence(
            stored["document"],
            stored["settlement"],
            figures=stored["figures"],
            facts=stored["facts"],
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `from_dict` gives the report back."""
        return {
            "format": FORMAT,
            "outcome": self.outcome,
            "standing": self.standing,
            "document": dict(self.document),
            "figures": dict(self.figures),
            "settlement": dict(self.settlement),
            "facts": dict(self.facts),
        }

    def beside(self) -> dict[str, Any]:
        """What a ledger that has the evidence must keep to make the report again.

        ``figures``, ``facts``, and of an attempt without evidence its ``document``.
        """
        kept: dict[str, Any] = {"figures": dict(self.figures), "facts": dict(self.facts)}
        return kept if self.digest else kept | {"document": dict(self.document)}

    def addendum(self) -> dict[str, Any]:
        """What a person said, beside evidence that has no clock in it."""
        approval = dict(self.facts.get("approval") or {})
        return {"format": ADDENDUM, "evidence": self.digest, "approval": approval}

    def settled(self, settlement: Mapping[str, Any]) -> Report:
        """The same report with where the payment stands now."""
        return Report(self.document, self.figures, settlement, self.facts)

    @property
    def model(self) -> str:
        """Registered model name."""
        return str(self.document["model"])

    @property
    def metric(self) -> str:
        """The metric that is tested and paid."""
        return str(self.document.get("metric", ""))

    @property
    def champion(self) -> int | None:
        """Version that was compared with; None for a model's first."""
        return (self.document.get("champion") or {}).get("version")

    @property
    def candidate(self) -> int:
        """Version that the report is about."""
        return int(self.document["candidate"]["version"])

    @property
    def outcome(self) -> Outcome:
        """What was decided: by the gate, and by a person where the spec asks for one."""
        decision = self.document.get("decision")
        if not decision:
            return "baseline"
        outcome = VERDICTS[decision["verdict"]]
        state = (self.facts.get("approval") or {}).get("state")
        if outcome == "promoted" and state in ("refused", "awaiting"):
            return state  # type: ignore[no-any-return]
        return outcome

    @property
    def standing(self) -> Standing:
        """Where the payment stands: nothing to pay, provisional, final, or failed."""
        if self.settlement:
            state = self.settlement.get("state")
            final: dict[Any, Standing] = {"confirmed": "final", "failed": "failed"}
            return final.get(state, "provisional")
        payment = self.document.get("payment")
        if not payment:
            return "none"
        return "provisional" if payment["paid_bps"] else "unpaid"

    @property
    def comparison(self) -> Mapping[str, Any]:
        """The paired comparison on the sealed hold-out; empty for a baseline."""
        return self.document.get("comparison") or {}

    @property
    def findings(self) -> tuple[Mapping[str, Any], ...]:
        """Every rule's finding."""
        return tuple((self.document.get("decision") or {}).get("findings", ()))

    @property
    def reasons(self) -> tuple[Mapping[str, Any], ...]:
        """The findings that stand in the way."""
        return tuple(f for f in self.findings if f["outcome"] not in ("passed", "not_applicable"))

    def finding(self, code: str) -> Mapping[str, Any]:
        """The figures of one rule's finding; empty where it was not judged."""
        found: Mapping[str, Any] = next(
            (f for f in self.findings if f["code"] == code), {"figures": {}}
        )
        return dict(found["figures"])

    @property
    def contributors(self) -> tuple[Mapping[str, Any], ...]:
        """Who brought what and got what.

        Each has ``name``, ``address``, ``given``, ``accepted``, ``excluded`` (rows by reason),
        ``value`` and ``std_error`` (Shapley, units of the improvement; None where it was not
        measured), ``share`` (1e-4), ``share_error`` (its standard error, as a fraction; None where
        it is not known) and ``wei`` (None until it is final).
        """
        return self._contributors

    @cached_property
    def _contributors(self) -> tuple[Mapping[str, Any], ...]:
        from hokusai_mlflow.report.contributors import contributors  # noqa: PLC0415

        return contributors(self)

    @property
    def total_wei(self) -> int:
        """Everything paid, in 1e-18 DeltaOne; 0 until it is final."""
        return int(self.settlement.get("reward", 0))

    @property
    def digest(self) -> str:
        """Evidence digest; empty where the document is no evidence."""
        if self.document.get("format") != evidence.FORMAT:
            return ""
        return evidence.digest(dict(self.document))

    @property
    def verify_command(self) -> str:
        """The command that checks the evidence; empty where there is none."""
        if not self.digest:
            return ""
        run = self.facts.get("run_id")
        return f"hokusai verify {f'runs:/{run}' if run else 'evidence.json'} --chain"

    @property
    def over(self) -> str:
        """What stands above the headline."""
        return f"{self.model}, version {self.candidate}" + (
            f" · {self.metric}" if self.metric else ""
        )

    @property
    def title(self) -> str:
        """Title of a page."""
        return f"{self.tiles[0].main}: {self.model} version {self.candidate}"

    @property
    def message(self) -> str:
        """What else there is to say at the top."""
        return str(self.facts.get("message", ""))

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """What to read first: the decision, how sure it is, why, and what is paid."""
        from hokusai_mlflow.report.tiles import tiles  # noqa: PLC0415

        return tiles(self)

    @cached_property
    def headline(self) -> str:
        """The outcome in one sentence."""
        from hokusai_mlflow.report.tiles import headline  # noqa: PLC0415

        return headline(self)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Everything else, in reading order."""
        from hokusai_mlflow.report.sections import sections  # noqa: PLC0415

        return sections(self)

    def __repr__(self) -> str:
        return f"Report({self.model} v{self.candidate}: {self.headline})"
