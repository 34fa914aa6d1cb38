"""Checks of proofs that predictions are the models', read from the chain and verified anew."""

# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hokusai_mlflow.chain.inference import Draw, Inferred, header_of, seed_of
from hokusai_mlflow.chain.proven import key_hash
from hokusai_mlflow.errors import ChainError, InputError
from hokusai_mlflow.evidence import Check

if TYPE_CHECKING:
    from hokusai_mlflow.chain.inference_verifier import InferenceVerifier
    from hokusai_mlflow.chain.verifier import Verifier

WHAT = "predictions ⇐ models"


def check_inferred(document: Mapping[str, Any], verifier: Verifier) -> list[Check]:
    """Check commitments, draw and proofs of the models' predictions, one line each.

    Parameters
    ----------
    document : mapping
        The evidence.
    verifier : Verifier
    """
    from hokusai_mlflow.chain.inference_verifier import InferenceVerifier
    from hokusai_mlflow.chain.proof_verifier import ProofVerifier

    stated = document["verification"].get("inference")
    if stated is None:
        return []
    model, candidate = document["model"], document["candidate"]["digest"]
    contract = InferenceVerifier.find(ProofVerifier(verifier))
    draw = None if contract is None else contract.draw(model, candidate)
    if contract is None or draw is None:
        return [Check(WHAT, False, "the chain knows of no commitment to these predictions")]
    try:
        given = contract.handed_in(model, candidate)
    except ChainError as problem:
        return [Check(WHAT, None, str(problem))]
    if not given:
        return [Check(WHAT, False, "nothing was proven of them")]
    said = given[0][0]
    return [
        Check("inference commitments", said == _expected(document, stated), "as stated"),
        *_drawn(contract, document, draw, said),
        *_proofs(contract, stated, draw, said, given),
        Check(
            WHAT,
            draw.complete,
            f"{draw.rows:,} drawn rows are proven; of each part, {stated['bad_share']:.0%} wrong "
            f"ones would be missed with a chance of {stated['miss']:.1%} or less",
        ),
        *(
            Check(
                f"{name} in whole numbers",
                None if told["agreement"] < 1 else True,
                f"{told['shape']}; predicts as the fitted one on {told['agreement']:.2%} of "
                f"{told['compared']:,} rows; what is registered and paid for is the former",
            )
            for name, told in stated["models"].items()
        ),
    ]


def assumptions(document: Mapping[str, Any]) -> list[str]:
    """What has to be trusted about predictions, in whole sentences."""
    stated = document["verification"].get("inference")
    if stated is None:
        return ["That the committed predictions are those of the two models is not proven here."]
    return [
        "Committed predictions are those of committed weights on the rows that were drawn; of the "
        f"others, up to {stated['bad_share']:.0%} of a part may be wrong with a chance of "
        f"{stated['miss']:.1%} per draw, and {stated['max_draws']} draws were allowed.",
        "That these weights are those of the registered files, whoever has files and salt can "
        "check, and nobody else; that features are true, only their owner knows.",
        "A proposer of the block that drew could have left it out, once, for another draw.",
    ]


def _expected(document: Mapping[str, Any], stated: Mapping[str, Any]) -> Inferred:
    verification = document["verification"]
    chunks = [*verification["gate"], *verification["payment"]]
    return Inferred(
        document["champion"]["digest"],
        document["candidate"]["digest"],
        verification["evaluation_set"],
        *(int(stated["weights"][name], 16) for name in ("champion", "candidate")),
        tuple(
            (int(one["n"]), int(one["champion"], 16), int(one["candidate"], 16)) for one in chunks
        ),
        tuple(int(one, 16) for one in stated["features"]),
    )


def _drawn(
    contract: InferenceVerifier, document: Mapping[str, Any], draw: Draw, said: Inferred
) -> Iterator[Check]:
    model, stated = document["model"], document["verification"]["inference"]
    commitment = said.commitment(model, contract.address, contract.chain_id)
    yield Check("inference commitment", commitment == draw.commitment, f"0x{commitment.hex()}")
    since = contract.features_since(model, said.evaluation_set)
    committed = contract.committed_in(model, said.candidate)
    yield Check(
        "features fixed before",
        since is not None and committed is not None and since < committed < draw.drawn_by,
        f"block {since}, predictions in block {committed}, drawn by block {draw.drawn_by}",
    )
    try:
        _, randomness = header_of(contract.web3, draw.drawn_by)
    except ChainError as problem:
        yield Check("draw", None, str(problem))
    else:
        yield Check(
            "draw",
            draw.seed == seed_of(randomness, commitment),
            f"0x{draw.seed.hex()}, by the randomness of block {draw.drawn_by}",
        )
    terms = contract.terms(model)
    demanded = 0 if terms is None else terms.rows
    yield Check(
        "rows demanded", demanded >= stated["rows"], f"{demanded}, stated are {stated['rows']}"
    )


def _proofs(
    contract: InferenceVerifier,
    stated: Mapping[str, Any],
    draw: Draw,
    said: Inferred,
    given: Sequence[tuple[Inferred, list[int], list[Any]]],
) -> Iterator[Check]:
    """Every proof, with its rows drawn anew, by py_ecc."""
    try:
        from hokusai_mlflow.verification.zk import independent, verifying
        from hokusai_mlflow.verification.zk.inference import Inference
        from hokusai_mlflow.verification.zk.quantised import Shape
    except ImportError as problem:
        yield Check(WHAT, None, f"{problem.name} is missing: pip install 'hokusai-mlflow[zk]'")
        return
    shapes = [Shape.named(stated["models"][name]["shape"]) for name in ("champion", "candidate")]
    context, progress, number = int.from_bytes(draw.commitment, "big") >> 8, 0, 0
    for inferred, words, points in given:
        digest = key_hash(words)
        of = Inference(*contract.sizes(digest), *shapes)
        mode = contract.mode(digest)
        yield Check("inference key on chain", mode != "unknown", f"{digest}, {of.name}, {mode}")
        key = verifying.VerifyingKey.from_words(words)
        for one in points:
            number += 1
            part, rows, fresh = _piece(draw, said, stated["rows"], progress, of.slots)
            n, *predictions = said.predictions[part]
            weights = (said.champion_weights, said.candidate_weights)
            inputs = [context, n, *predictions, *weights, said.features[part]]
            inputs += of.row_words(rows)
            try:
                proof = verifying.Proof.from_words(one)
                holds = inferred == said and independent.verify_independently(key, proof, inputs)
            except InputError as problem:
                yield Check(f"inference proof {number}", False, str(problem))
                return
            progress += fresh
            told = f"{fresh} rows of part {part + 1}, drawn anew, by py_ecc"
            yield Check(f"inference proof {number}", holds, told if holds else "does not hold")


def _piece(
    draw: Draw, said: Inferred, most: int, progress: int, slots: int
) -> tuple[int, list[int], int]:
    """Part and rows of the proof after so many proven rows, and how many of them are new.

    The last proof of a part begins anew at its first row.
    """
    from hokusai_mlflow.verification.zk.sampling import draw_rows, pieces

    before = 0
    for part, (n, _, _) in enumerate(said.predictions):
        count = min(n, most)
        if progress < before + count:
            drawn = draw_rows(draw.seed, part, n, count)
            start = progress - before
            return part, pieces(drawn, slots, start)[0], min(slots, count - start)
        before += count
    raise InputError(f"{progress} rows are proven before it, and no more were drawn")
