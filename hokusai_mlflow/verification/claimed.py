"""The struct that oracles sign, from an evidence document and nothing else but a deadline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hokusai_mlflow.chain.claims import tree_of, weights_by_address
from hokusai_mlflow.chain.improvement import Improvement
from hokusai_mlflow.evidence import digest, read_sums


def improvement_from(document: Mapping[str, Any], deadline: int) -> Improvement:
    """What an evidence document asks the contract to pay.

    Weights of contributors who share an address are added up. More of them than one call can pay
    claim their shares below a root.

    Parameters
    ----------
    document : mapping
        The evidence.
    deadline : int
        Unix time in seconds after which the contract refuses.
    """
    weights = weights_by_address(document["contributions"])
    tree = tree_of(document["contributions"])
    listed = () if tree else tuple(weights)
    return Improvement(
        model=document["model"],
        metric=document["metric"],
        evidence=digest(dict(document)),
        champion=document["champion"]["digest"],
        candidate=document["candidate"]["digest"],
        evaluation_set=document["evaluation"]["gate"]["digest"],
        gate=read_sums(document, "gate"),
        payment=read_sums(document, "payment"),
        paid_bps=document["payment"]["paid_bps"],
        look=document["look"]["number"],
        contributors=listed,
        weights=tuple(weights[address] for address in listed),
        deadline=deadline,
        claims_root=tree.root if tree else None,
    )
