"""Inference in the flow: models in whole numbers, commitments, a draw, and proofs before pay.

As in `proving`, everything follows from the inputs and the split key, salts included, so that a run
that was killed commits to the same and proves the same again. What the chain has is never done
twice; above all there is one commitment, and so one draw, for a candidate.
"""

from __future__ import annotations

from typing import Any

from hokusai_mlflow.attempt import Attempt, beaten
from hokusai_mlflow.chain.connect import is_development
from hokusai_mlflow.chain.inference import REMEMBERED, Draw, InferenceTerms, Inferred
from hokusai_mlflow.chain.inference_verifier import (
    PROOFS_PER_TRANSACTION,
    InferenceVerifier,
)
from hokusai_mlflow.chain.proof_verifier import ProofVerifier
from hokusai_mlflow.chain.signer import Signer
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.errors import ChainError
from hokusai_mlflow.inference_plan import (
    Subject,
    features_of,
    plan_of,
    rows_demanded,
    side_of,
)
from hokusai_mlflow.inputs import Inputs
from hokusai_mlflow.label_sets import label_set, required_statement
from hokusai_mlflow.proving import key_store
from hokusai_mlflow.quantising import required_model
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import Spec
from hokusai_mlflow.verification.zk.setup import Progress, silent

ETHEREUM_DELAY = 130


# ---------------------------------------------------------------------- before predictions exist


def agree(verifier: Verifier, administrator: Signer, inputs: Inputs, settings: Settings) -> None:
    """Have a model's inference asked for on chain, and register keys that are kept; once."""
    spec, proofs = inputs.spec, ProofVerifier(verifier)
    contract = InferenceVerifier.deploy(proofs, administrator)
    _register_keys(contract, administrator, inputs, settings)
    development = is_development(verifier.web3)
    contract.demand(
        administrator,
        spec.model,
        InferenceTerms(
            rows=rows_demanded(spec),
            delay=spec.proof.draw_delay or (1 if development else ETHEREUM_DELAY),
            max_draws=spec.proof.max_draws,
            model_owner=spec.proof.model_owner or administrator.address,
        ),
    )


def commit_features(
    attempt: Attempt, champion: Any, verifier: Verifier, signer: Signer, settings: Settings
) -> None:
    """Commit to the features that models will be proven on, and to the champion's weights; once.

    Raises
    ------
    ChainError
        When the chain does not ask for inference of this model.
    """
    spec = attempt.inputs.spec
    contract = _required_contract(verifier, spec)
    labels = label_set(attempt, settings)
    model = required_model(champion, spec)
    features = [
        rows.commitment(required_statement(attempt.inputs).circuit.capacity)
        for rows in features_of(attempt, model, settings)
    ]
    contract.commit_features(signer, spec.model, labels.id(spec.model), features)
    digest = beaten(attempt).digest
    weights = side_of(model, digest, attempt.inputs, settings).weights
    contract.commit_weights(signer, spec.model, digest, weights)


# ---------------------------------------------------------------------- before pay


def described(subject: Subject, settings: Settings) -> dict[str, Any]:
    """The evidence's section about inference: what is promised, committed to, and how exact."""
    spec = subject.attempt.inputs.spec
    plan = plan_of(subject, settings)
    said = plan.inferred
    return {
        "bad_share": spec.proof.bad_share,
        "miss": spec.proof.miss,
        "rows": rows_demanded(spec),
        "max_draws": spec.proof.max_draws,
        "models": {
            "champion": required_model(subject.both.champion, spec).to_dict(),
            "candidate": required_model(subject.both.candidate, spec).to_dict(),
        },
        "weights": {
            "champion": hex(said.champion_weights),
            "candidate": hex(said.candidate_weights),
        },
        "features": [hex(one) for one in said.features],
    }


def infer(
    subject: Subject,
    verifier: Verifier,
    signer: Signer,
    settings: Settings,
    *,
    progress: Progress = silent,
) -> Draw:
    """Commit to predictions, have rows drawn, and prove them; what is done already stays done.

    Parameters
    ----------
    subject : Subject
    verifier : Verifier
    signer : Signer
        The model owner's key.
    settings : Settings
    progress : callable, optional

    Raises
    ------
    InputError
        When a committed prediction is not its model's.
    ChainError
        When no key of these models' shapes is registered, or the contract was committed to others.
    """
    from hokusai_mlflow.verification.zk import linked  # noqa: PLC0415
    from hokusai_mlflow.verification.zk.keys import verifying_key  # noqa: PLC0415

    inputs, spec = subject.attempt.inputs, subject.attempt.inputs.spec
    contract = _required_contract(verifier, spec)
    plan = plan_of(subject, settings)
    store = key_store(settings)
    record = _key(contract, signer, plan.circuit, inputs, settings, progress=progress)
    draw = _drawn(contract, signer, spec.model, plan.inferred)
    terms = contract.terms(spec.model)
    assert terms is not None
    words = verifying_key(record).words()
    while not draw.complete:
        openings = list(plan.openings(draw, terms.rows))[:PROOFS_PER_TRANSACTION]
        context = int.from_bytes(draw.commitment, "big") >> 8
        made = linked.prove(
            plan.circuit, openings, context, store, record=record, progress=progress
        )
        points = [proof.words() for _, proof in made]
        contract.prove(signer, spec.model, plan.inferred, words, points)
        draw = _required_draw(contract, spec.model, plan.inferred)
    return draw


# ---------------------------------------------------------------------- inside


def _drawn(contract: InferenceVerifier, signer: Signer, model: str, said: Inferred) -> Draw:
    """The candidate's draw, committed to and fixed."""
    draw = contract.draw(model, said.candidate)
    lapsed = (
        draw is not None
        and not draw.seed
        and (contract.web3.eth.block_number > draw.drawn_by + REMEMBERED)
    )
    if draw is None or lapsed:
        contract.commit_predictions(signer, model, said)
        draw = _required_draw(contract, model, said)
    if draw.commitment != said.commitment(model, contract.address, contract.chain_id):
        raise ChainError(
            f"the chain has another commitment to the predictions of candidate {said.candidate}; "
            "its salts, its models or its examples have changed since. It is drawn for once, so "
            "this candidate cannot be paid for; train another"
        )
    if not draw.seed:
        contract.await_block(draw.drawn_by)
        contract.fix_draw(signer, model, said.candidate, draw.drawn_by)
        draw = _required_draw(contract, model, said)
    return draw


def _required_draw(contract: InferenceVerifier, model: str, said: Inferred) -> Draw:
    draw = contract.draw(model, said.candidate)
    if draw is None:
        raise ChainError(f"the chain has lost the commitment of candidate {said.candidate}")
    return draw


def _required_contract(verifier: Verifier, spec: Spec) -> InferenceVerifier:
    found = InferenceVerifier.find(ProofVerifier(verifier))
    terms = None if found is None else found.terms(spec.model)
    if found is None or terms is None or terms.rows < rows_demanded(spec):
        asks = f"{terms.rows} rows" if terms else "none"
        raise ChainError(
            f"the spec promises inference proofs of {rows_demanded(spec)} rows of {spec.model}, "
            f"the chain asks for {asks}; an administrator runs `hokusai chain configure-model SPEC`"
        )
    return found


def _key(
    contract: InferenceVerifier,
    signer: Signer,
    circuit: Any,
    inputs: Inputs,
    settings: Settings,
    *,
    progress: Progress,
) -> Any:
    """The strongest key of a circuit, registered; made and registered on a development chain."""
    store = key_store(settings)
    record = store.find(circuit)
    if is_development(contract.web3):
        record = record or store.make(
            circuit, progress=lambda stage, *far: progress(f"key of inference, {stage}", *far)
        )
        _register_keys(contract, signer, inputs, settings)
    elif record is None or contract.mode(record.hash) == "unknown":
        raise ChainError(
            f"no key of the circuit {circuit.name} is registered; make or import one with "
            "`hokusai zk --kind inference`, then an administrator runs `hokusai chain "
            "configure-model SPEC`"
        )
    return record


def _register_keys(
    contract: InferenceVerifier, administrator: Signer, inputs: Inputs, settings: Settings
) -> None:
    """Register every key of inference that is kept here and fits the model's commitments."""
    from hokusai_mlflow.verification.zk.inference import named  # noqa: PLC0415
    from hokusai_mlflow.verification.zk.keys import verifying_key  # noqa: PLC0415

    sizes = required_statement(inputs).circuit
    development = is_development(contract.web3)
    for record in key_store(settings):
        circuit = named(record.circuit)
        if circuit is None or (circuit.capacity, circuit.bits) != (sizes.capacity, sizes.bits):
            continue
        if record.mode == "development" and not development:
            continue
        words = verifying_key(record).words()
        said = (circuit.capacity, circuit.bits, circuit.slots)
        contract.register_key(administrator, words, said, record.mode)
