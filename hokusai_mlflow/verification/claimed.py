"""The struct that oracles sign, from an evidence document and nothing else but a deadline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from hokusai_mlflow.chain.improvement import Improvement
from hokusai_mlflow.evidence import digest, read_sums


def improvement_from(document: Mapping[str, Any], deadline: int) -> Improvement:
    """What an evidence document asks the contract to pay.

    Weights of contributors who share an address are added up.

    Parameters
    ----------
    document : mapping
        The evidence.
    deadline : int
        Unix time in seconds after which the contract refuses.
    """
    addresses = document["contributions"]["addresses"]
    weights: Counter[str] = Counter()
    for name, share in document["contributions"]["shares"].items():
        weights[addresses[name]] += share
    ordered = sorted(weights, key=lambda address: int(address, 16))
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
        contributors=tuple(ordered),
        weights=tuple(weights[address] for address in ordered),
        deadline=deadline,
    )
