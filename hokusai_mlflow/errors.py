"""The errors that this package raises on purpose.

Every error subclasses `HokusaiError` and the builtin a caller would expect, and its message
says what was expected, what was found, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class HokusaiError(Exception):
    """Base of every error raised by this package."""

    exit_code = 2

    def __str__(self) -> str:
        # KeyError quotes its message; ours are sentences.
        return str(self.args[0]) if self.args else type(self).__name__


class InputError(HokusaiError, ValueError):
    """Something that was given is missing, malformed or contradictory."""


class MissingInput(InputError, FileNotFoundError):
    """A file that was named does not exist or cannot be read."""


class UnknownName(InputError, KeyError):
    """A name that is not among the ones that exist."""


class MetricUndefined(InputError):
    """The metric has no value on these examples (one class, no positives, constant target, ...)."""


class SpecError(InputError):
    """The pipeline spec is not valid."""


class ChampionMissing(HokusaiError, LookupError):
    """The ledger knows a champion that the model registry no longer has, or has changed."""


class RecipeError(HokusaiError, RuntimeError):
    """The user's recipe could not be imported, fitted or asked for predictions."""


class TrackingUnreachable(HokusaiError, ConnectionError):
    """The MLflow store did not answer."""

    exit_code = 3


class LedgerError(HokusaiError, RuntimeError):
    """The ledger cannot be opened or written."""

    exit_code = 3


class LedgerConflict(LedgerError):
    """An entry of the same kind and key exists with another body."""


class LedgerCorrupt(LedgerError):
    """The ledger's hash chain does not hold."""


class HoldoutExhausted(HokusaiError, RuntimeError):
    """The sealed hold-out has no look left; it must be refreshed."""


class ModelBusy(HokusaiError, RuntimeError):
    """Another run of the same model is under way."""

    exit_code = 3


class EvidenceMismatch(HokusaiError, ValueError):
    """Evidence does not follow from what it was checked against."""

    exit_code = 4


class ChainError(HokusaiError, RuntimeError):
    """The chain, or something on it, is not as required."""

    exit_code = 3


class ChainUnreachable(ChainError, ConnectionError):
    """The RPC endpoint did not answer."""


class WrongChain(ChainError):
    """The RPC endpoint serves another chain than the one configured."""


class ContractRefused(ChainError):
    """The contract reverted; `reason` is the decoded custom error, `arguments` its values."""

    def __init__(self, reason: str, arguments: dict[str, object] | None = None) -> None:
        self.reason = reason
        self.arguments = dict(arguments or {})
        told = ", ".join(f"{name}={value}" for name, value in self.arguments.items())
        super().__init__(f"the contract refused: {reason}({told})")


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """End of a sentence that names the closest options, or all of them when few are there.

    Parameters
    ----------
    name : str
        What was given.
    options : iterable of str
        What would have been accepted.

    Returns
    -------
    str
        For example ``"; did you mean 'accuracy'?"``.
    """
    known = sorted(set(options))
    close = get_close_matches(name, known, n=3, cutoff=0.6)
    if close:
        return "; did you mean " + " or ".join(repr(option) for option in close) + "?"
    if len(known) <= 20:
        return "; known are " + ", ".join(repr(option) for option in known)
    return ""
