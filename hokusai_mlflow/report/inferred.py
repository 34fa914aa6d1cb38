"""What was proven of predictions, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def told_inference(document: Mapping[str, Any]) -> str:
    """In a sentence, how far whole numbers follow the fitted models, and what is drawn.

    Parameters
    ----------
    document : mapping
        The evidence; an empty string where inference is not proven, or nothing is paid for it.
    """
    stated = document.get("verification", {}).get("inference")
    if not stated or not document["payment"]["paid_bps"]:
        return ""
    agreements = " and ".join(
        f"{told['agreement']:.2%} of {told['compared']:,} rows ({name})"
        for name, told in stated["models"].items()
    )
    return (
        "predictions are proven to be the registered models' on rows drawn by a block, "
        f"{stated['rows']:,} of each part or all; in whole numbers these predict what the fitted "
        f"models do on {agreements}"
    )
