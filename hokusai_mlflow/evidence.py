"""A document that lets anyone check an improvement, and its digest.

The document is canonical JSON (RFC 8785). No clock and no random nonce enters it: the same inputs
give the same digest, which is also the idempotency key of the payment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785

from hokusai_mlflow.deltaone import (
    FINE_TOTAL,
    WEIGHT_TOTAL,
    PairedSums,
    improvement_bps,
    paired_kind,
)
from hokusai_mlflow.errors import EvidenceMismatch

FORMAT = "hokusai-evidence/1"


def canonical(document: Any) -> bytes:
    """Canonical JSON (RFC 8785) of plain values.

    Raises
    ------
    EvidenceMismatch
        When a value has no canonical form: NaN, infinity, or an integer beyond 2⁵³.
    """
    try:
        return rfc8785.dumps(document)
    except (rfc8785.CanonicalizationError, TypeError) as problem:
        raise EvidenceMismatch(f"this has no canonical JSON form: {problem}") from problem


def digest(document: Any) -> str:
    """SHA-256 of the canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(document)).hexdigest()


@dataclass(frozen=True, repr=False)
class Evidence:
    """What was compared, what was found, who caused it; see `build` for the fields."""

    document: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical document: tag in MLflow, field of the attestation, on chain."""
        return digest(dict(self.document))

    def to_dict(self) -> dict[str, Any]:
        """The document itself."""
        return dict(self.document)

    def to_json(self) -> str:
        """The canonical text, whose SHA-256 is the digest."""
        return canonical(dict(self.document)).decode()

    def __repr__(self) -> str:
        return f"Evidence({self.document['model']}, {self.digest[:16]}…)"


def build(
    *,
    model: str,
    champion: Mapping[str, Any],
    candidate: Mapping[str, Any],
    evaluation: Mapping[str, Any],
    metric: str,
    metric_options: Mapping[str, Any],
    policy: Mapping[str, Any],
    look: Mapping[str, Any],
    comparison: Mapping[str, Any],
    crossval: Mapping[str, Any],
    decision: Mapping[str, Any],
    gate_sums: PairedSums,
    payment_sums: PairedSums,
    payment: Mapping[str, Any],
    contributions: Mapping[str, Any],
    versions: Mapping[str, str],
    seeds: Mapping[str, int],
    verification: Mapping[str, Any] | None = None,
    people: Mapping[str, Any] | None = None,
) -> Evidence:
    """Put the evidence of one improvement together.

    Every argument is a section of the document under its own name; there is none about
    `verification` where oracles alone verify, and none about `people` where nobody rated. Sums are
    written as decimal strings, since JSON numbers stop being exact at 2⁵³.

    Returns
    -------
    Evidence
        The document, whose digest depends on nothing else.
    """
    return Evidence(
        {
            "format": FORMAT,
            "model": model,
            "champion": dict(champion),
            "candidate": dict(candidate),
            "evaluation": dict(evaluation),
            "metric": metric,
            "metric_options": dict(metric_options),
            "policy": dict(policy),
            "policy_digest": digest(dict(policy)),
            "look": dict(look),
            "comparison": dict(comparison),
            "crossval": dict(crossval),
            "decision": dict(decision),
            "paired_sums": {
                "gate": _written(gate_sums),
                "payment": _written(payment_sums),
            },
            "payment": dict(payment),
            "contributions": dict(contributions),
            "versions": dict(versions),
            "seeds": dict(seeds),
            **({} if verification is None else {"verification": dict(verification)}),
            **({} if people is None else {"people": dict(people)}),
        }
    )


def _written(sums: PairedSums) -> dict[str, str]:
    return {name: str(value) for name, value in sums.to_dict().items()}


def read_sums(document: Mapping[str, Any], which: str) -> PairedSums:
    """Paired sums of the gate or of the payment, from a document.

    Parameters
    ----------
    document : mapping
        An evidence document.
    which : {"gate", "payment"}
        Which of the two.
    """
    stored = document["paired_sums"][which]
    return PairedSums(**{name: int(value) for name, value in stored.items()})


def share_total(contributions: Mapping[str, Any]) -> int:
    """What the shares of a document's ``contributions`` must sum to.

    10 000 unless the section says ``share_total``, as it does for more people than one payment
    lists.

    Parameters
    ----------
    contributions : mapping
    """
    return int(contributions.get("share_total", WEIGHT_TOTAL))


@dataclass(frozen=True)
class Check:
    """One line of a verification: `ok` is None where nothing was given to check against."""

    what: str
    ok: bool | None
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"what": self.what, "ok": self.ok, "detail": self.detail}


def verify(document: Mapping[str, Any], *, claimed_digest: str | None = None) -> list[Check]:
    """Re-derive what follows from the document alone.

    Parameters
    ----------
    document : mapping
        The evidence.
    claimed_digest : str, optional
        Digest that a tag, a file name or the chain claims.

    Returns
    -------
    list of Check
        One line per thing checked, in reading order.
    """
    if document.get("format") != FORMAT:
        return [Check("format", False, f"expected {FORMAT}, found {document.get('format')!r}")]
    found = digest(dict(document))
    if claimed_digest is None:
        checks = [Check("digest", None, f"{found}; no digest given to compare with")]
    else:
        same = found == claimed_digest.removeprefix("0x")
        checks = [Check("digest", same, found if same else f"{found}, not {claimed_digest}")]
    try:
        return checks + _derived(document)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as problem:
        told = f"{type(problem).__name__}: {problem}"
        return [
            *checks,
            Check("sections", False, f"missing, or not of the form of {FORMAT}: {told}"),
        ]


def _derived(document: Mapping[str, Any]) -> list[Check]:
    policy_digest = digest(document["policy"])
    kind = paired_kind(document["metric"])
    paid = document["payment"]["paid_bps"]
    measured = improvement_bps(kind, read_sums(document, "payment"))
    gate_bps = improvement_bps(kind, read_sums(document, "gate"))
    stated = document["comparison"]["improvement_bps"]
    shares = document["contributions"]["shares"].values()
    total, whole = sum(shares), share_total(document["contributions"])
    conserved = total == whole and min(shares) > 0 and whole in (WEIGHT_TOTAL, FINE_TOTAL)
    outcomes = {finding["outcome"] for finding in document["decision"]["findings"]}
    verdict = document["decision"]["verdict"]
    promotes = "passed" in outcomes and outcomes <= {"passed", "not_applicable"}
    return [
        Check("policy digest", policy_digest == document["policy_digest"], policy_digest),
        Check(
            "paid ≤ measured", paid <= measured, f"paid {paid} bps, payment sums give {measured}"
        ),
        Check(
            "gate sums ⇒ improvement",
            abs(gate_bps - stated) < 1.001,
            f"sums give {gate_bps} bps (rounded down), the comparison states {stated:.2f}",
        ),
        Check(f"shares sum to {_spaced(whole)}", conserved or not paid, _spaced(total)),
        Check("findings ⇒ verdict", (verdict == "promote") == promotes, verdict),
    ]


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")
