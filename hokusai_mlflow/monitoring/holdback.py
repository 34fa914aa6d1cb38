"""What was held back of rewards, decided by fresh labels as soon as it is due."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from hokusai_mlflow import terms
from hokusai_mlflow.bench import open_chain
from hokusai_mlflow.chain.maintenance import ADMITTED, RECORDED, place_of
from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.evidence import digest
from hokusai_mlflow.history.monitoring import MEASURED
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import Spec
from hokusai_mlflow.verification.maintaining import Decision, decide, report_of


def decide_due(spec: Spec, settings: Settings) -> tuple[Decision, ...]:
    """Have every part that is due paid or returned, by what was measured of its champion.

    The first report of an improvement is the only one: it is made of all fresh batches of the
    champion that was paid for, when what was held back is due, and taken up again after a crash.

    Parameters
    ----------
    spec : Spec
        Without `chain.holdback_percent`, or with outside oracles (`chain.attestations`, who use
        `hokusai chain maintain`), nothing is done.
    settings : Settings

    Raises
    ------
    ChainError, EvidenceMismatch
        As `verification.maintaining.decide`.
    """
    chain = spec.chain
    if not chain.holdback_percent or chain.attestations is not None:
        return ()
    if terms.method_of(spec) == "proof":
        return ()
    found = []
    with Ledger(settings.ledger) as ledger:
        bench = open_chain(chain, settings)
        now = bench.verifier.web3.eth.get_block("latest")["timestamp"]
        for entry in ledger.entries(model=spec.model, kind="attempt.evidence"):
            document = entry.body["document"]
            place = place_of(bench.verifier.chain_id, bench.verifier.address, digest(document))
            if ledger.get(RECORDED, place) is not None:
                continue
            admitted = ledger.get(ADMITTED, place)
            if admitted is None:
                amount, due = bench.verifier.holding(digest(document))
                if not amount or now < due:
                    continue
                report = _report(ledger, entry.attempt, document)
            else:
                # Signed before, and perhaps decided: that is gone on with.
                report = admitted.body["document"]
            if report is None:
                continue
            decision = decide(
                document,
                report,
                ledger=ledger,
                verifier=bench.verifier,
                sender=bench.sender,
                oracles=bench.oracles,
                deadline=int(time.time()) + chain.deadline_days * terms.DAY,
                finality=chain.settled_by,
            )
            found.append(decision)
    return tuple(found)


def _report(
    ledger: Ledger, attempt: str | None, document: Mapping[str, Any]
) -> dict[str, Any] | None:
    """All fresh batches of the version that an attempt made; None while there are too few."""
    bodies = [
        entry.body["batch"]
        for entry in ledger.entries(model=document["model"], kind=MEASURED)
        if entry.body.get("batch") and entry.body["batch"]["attempt"] == attempt
    ]
    if not bodies:
        return None
    total = PairedSums(0, 0, 0, 0, 0, 0)
    for body in bodies:
        total += PairedSums.from_dict(body["look"]["sums"])
    if total.n < terms.MIN_SAMPLES:
        return None
    content = digest({"batches": [body["digest"] for body in bodies]})
    return report_of(document, {"digest": content, "n": total.n}, total)
