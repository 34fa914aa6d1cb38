"""What was proven of predictions, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def told_inference(verification: Mapping[str, Any] | None) -> str:
    """In a sentence, how far whole numbers follow the fitted models, and what is drawn.

    Parameters
    ----------
    verification : mapping or None
        That section of the evidence; an empty string where inference is not proven.
    """
    stated = (verification or {}).get("inference")
    if not stated:
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
