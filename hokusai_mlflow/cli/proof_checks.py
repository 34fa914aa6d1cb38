"""Checks of evidence against the proofs of its sums, by a verifier that is not the prover's."""

# ruff: noqa: PLC0415

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hokusai_mlflow import evidence
from hokusai_mlflow.chain.improvement import Improvement, signing_domain
from hokusai_mlflow.chain.proven import Proof, Proven, context_of
from hokusai_mlflow.cli.inference_checks import assumptions as inference_assumptions
from hokusai_mlflow.cli.inference_checks import check_inferred
from hokusai_mlflow.cli.predictions import checked
from hokusai_mlflow.contributions.digests import shown_digest
from hokusai_mlflow.errors import InputError, MissingInput
from hokusai_mlflow.evidence import Check
from hokusai_mlflow.proven_sums import added, brief, unpack
from hokusai_mlflow.verification.claimed import improvement_from
from hokusai_mlflow.verification.statement import Statement

if TYPE_CHECKING:
    from hokusai_mlflow.chain.verifier import Verifier

SETUP = {
    "development": "made on one machine: whoever ran it can prove anything; for trying out only",
    "auditor": "made by one auditor, who must have forgotten its randomness",
    "ceremony": "made by several parties, of whom one must have forgotten its randomness",
}


def check_proofs(document: Mapping[str, Any], proof: Path | None) -> list[Check]:
    """Check that the sums of evidence are proven for the labels that were committed to.

    Parameters
    ----------
    document : mapping
        The evidence.
    proof : Path, optional
        The proofs, as ``proof.json`` beside the evidence holds them.
    """
    if "verification" not in document:
        return []
    if proof is None:
        return [Check("proofs", None, "none given; give them with --proof")]
    try:
        told = json.loads(proof.read_text(encoding="utf-8"))
    except OSError as problem:
        raise MissingInput(f"no proofs at {proof} ({problem.strerror})") from None
    except ValueError as problem:
        raise InputError(f"{proof} is not JSON: {problem}") from None
    try:
        domain = signing_domain(int(told["chain_id"]), told["contract"])
        improvement = Improvement.from_dict(told["improvement"])
        proven = Proven.from_dict(told["proven"])
    except (KeyError, TypeError, ValueError) as problem:
        raise InputError(
            f"{proof} does not hold an improvement and its proofs, as the proof.json beside an "
            f"evidence.json does: {problem!r}"
        ) from None
    checks = check_proven(document, improvement, proven, domain)
    if "inference" in document["verification"]:
        where = "commitments, draw and proofs are on the chain; check them with --chain"
        checks.append(Check("predictions ⇐ models", None, where))
    return checks


def check_proven(
    document: Mapping[str, Any],
    improvement: Improvement,
    proven: Proven,
    domain: Mapping[str, Any],
) -> list[Check]:
    """Check an improvement and its proofs against the evidence, one line each.

    Parameters
    ----------
    document : mapping
        The evidence.
    improvement : Improvement
        What was proven.
    proven : Proven
    domain : mapping
        Of the contract that it was proven for.
    """
    stated, model = document["verification"], document["model"]
    statement = Statement.from_dict(stated["statement"])
    for which in ("gate", "payment"):
        proofs, labels = getattr(proven, which), getattr(proven, f"{which}_labels")
        if len(proofs) != len(labels):
            told = f"{len(proofs)} for {len(labels)} commitments to labels"
            return [Check(f"{which} proofs", False, told)]
    own = improvement_from(document, improvement.deadline)
    found_set = proven.evaluation_set(model).removeprefix("0x")
    said = [_stated(stated[which]) for which in ("gate", "payment")]
    given = [
        _given(labels, proofs)
        for labels, proofs in (
            (proven.gate_labels, proven.gate),
            (proven.payment_labels, proven.payment),
        )
    ]
    checks = [
        _same("proven improvement", own, improvement),
        _same("verifying key", stated["key"], proven.key_hash),
        _same("evaluation set", stated["evaluation_set"], found_set),
        _same("commitments", said, given, f"of {len(given[0] + given[1])} chunks"),
    ]
    context = context_of(improvement, domain)
    for which in ("gate", "payment"):
        labels = getattr(proven, f"{which}_labels")
        proofs: tuple[Proof, ...] = getattr(proven, which)
        checks += [
            _proof(
                f"{which} proof {k} of {len(proofs)}", proven, proof.inputs(context, label), proof
            )
            for k, (label, proof) in enumerate(zip(labels, proofs, strict=True), start=1)
        ]
        checks.append(_sums(document, which, statement, proven))
    return checks


def check_seen(
    document: Mapping[str, Any], proven: Proven, gate: Path, payment: Path
) -> list[Check]:
    """Check what oracles see of proven sums against an oracle's own copy of these examples.

    Parameters
    ----------
    document : mapping
        The evidence.
    proven : Proven
    gate, payment : Path
        Files with the columns id, target, champion and candidate: of a hybrid the public examples,
        else all of them. The same file when pay is measured on the gate's examples.
    """
    stated = document["verification"]
    statement = Statement.from_dict(stated["statement"])
    files = {"gate": gate} | ({"payment": payment} if proven.payment_labels else {})
    rows = {
        which: checked(path, baseline="champion", candidate="candidate", name=str(path))
        for which, path in files.items()
    }
    found = shown_digest((one.ids, one.targets) for one in rows.values())
    same = (proven.shown or "").removeprefix("0x") == stated["shown"] == found
    told = f"committed to as {found}"
    if not same:
        told = f"own ids and targets give {found}, committed to is {stated['shown']}"
    checks = [Check("examples that oracles see", same, told)]
    if stated["method"] != "hybrid":
        return checks
    for which, one in rows.items():
        labels = statement.labels(one.targets)
        said = (statement.predictions(output) for output in (one.baseline, one.candidate))
        own, given = statement.tally(labels, *said), list(getattr(proven, f"{which}_shown"))
        told = f"recomputed from {len(one):,} examples"
        if own != given:
            told = f"own data give {brief(own)}; asked for is {brief(given)}"
        checks.append(Check(f"{which} counts of the public part", own == given, told))
    return checks


def check_recorded(document: Mapping[str, Any], verifier: Verifier) -> list[Check]:
    """Check the proofs that were paid for, read from the transaction, and when labels were fixed.

    Parameters
    ----------
    document : mapping
        The evidence.
    verifier : Verifier
    """
    from hokusai_mlflow.chain.proof_verifier import ProofVerifier

    if "verification" not in document or not document["payment"]["paid_bps"]:
        return []
    recorded = verifier.recorded(evidence.digest(dict(document)))
    if recorded is None:
        return []
    stated, model = document["verification"], document["model"]
    paid = verifier.proven_in(recorded.transaction)
    if paid is None:
        told = f"{recorded.transaction} paid without one, or through another contract"
        return [Check("proofs on chain", None, told)]
    message, proven = paid
    improvement = improvement_from(document, int(message["deadline"]))
    same = improvement.message() == message
    contract = ProofVerifier(verifier)
    mode = contract.mode(proven.key_hash)
    registered = contract.circuit(proven.key_hash)
    statement = Statement.from_dict(stated["statement"])
    since = contract.committed(model, "0x" + stated["evaluation_set"])
    before = since is not None and since < recorded.block
    when = f"block {since}, paid in block {recorded.block}"
    return [
        Check("improvement on chain", same, f"{improvement!r}"),
        Check("labels fixed before", before, when),
        Check("key on chain", registered == statement.circuit, f"{registered!r}, {mode}"),
        *(
            Check(f"{line.what} (chain)", line.ok, line.detail)
            for line in check_proven(document, improvement, proven, verifier.domain)
        ),
        *check_inferred(document, verifier),
    ]


def assumptions(document: Mapping[str, Any]) -> list[str]:
    """What has to be trusted although everything checks out, in whole sentences."""
    stated = document.get("verification")
    if stated is None:
        return []
    mode = stated["mode"]
    told = [
        f"The proof's key is of the mode {mode}: {SETUP.get(mode, 'unknown')}.",
        "Labels were fixed before pay; that they are true, only their owner knows. Whoever knows "
        f"them can {_leaves(stated)}, and chooses which, and who is paid.",
        *inference_assumptions(document),
        "Circuits, prover and contracts have not been audited.",
    ]
    if stated["shown"] is not None:
        told.insert(1, "Oracles vouch for the examples that they saw, by a quorum of signatures.")
    return told


def _same(what: str, stated: object, found: object, told: str = "") -> Check:
    told = told or str(found)
    same = stated == found
    detail = "as the evidence states" if same else "which is not what the evidence states"
    return Check(what, same, f"{told}, {detail}")


def _leaves(stated: Mapping[str, Any]) -> str:
    """What is left to whoever knows the labels."""
    return "fit weights to them" if "inference" in stated else "prove any predictions"


def _stated(chunks: list[Mapping[str, Any]]) -> list[tuple[int, ...]]:
    names = ("labels", "champion", "candidate")
    return [(int(one["n"]), *(int(one[name], 16) for name in names)) for one in chunks]


def _given(labels: tuple[int, ...], proofs: tuple[Proof, ...]) -> list[tuple[int, ...]]:
    return [
        (proof.n, label, proof.champion, proof.candidate)
        for label, proof in zip(labels, proofs, strict=True)
    ]


def _proof(what: str, proven: Proven, inputs: list[int], proof: Proof) -> Check:
    from hokusai_mlflow.verification.zk import independent, verifying

    try:
        key = verifying.VerifyingKey.from_words(proven.key)
        points = verifying.Proof.from_words(proof.points)
        holds = independent.verify_independently(key, points, inputs)
    except InputError as problem:
        return Check(what, False, str(problem))
    told = f"holds for {proof.n:,} rows, by py_ecc" if holds else "does not hold"
    return Check(what, holds, told)


def _sums(document: Mapping[str, Any], which: str, statement: Statement, proven: Proven) -> Check:
    proofs: tuple[Proof, ...] = getattr(proven, which)
    shown: tuple[int, ...] = getattr(proven, f"{which}_shown")
    if which == "payment" and not proofs:
        proofs, shown = proven.gate, proven.gate_shown
    tallies = [[proof.n, *unpack(statement.circuit, proof.counts)] for proof in proofs]
    found = statement.sums(added([*tallies, *([list(shown)] if shown else [])]))
    expected = evidence.read_sums(document, which)
    told = f"proven for {sum(tally[0] for tally in tallies):,} of {found.n:,} rows"
    if found != expected:
        told = f"proven are {found!r}, the document has {expected!r}"
    return Check(f"{which} sums ⇐ proofs", found == expected, told)
