"""What every contributor brought and got, from the evidence and the settlement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hokusai_mlflow.deltaone import CONTRIBUTORS_PERCENT, WEIGHT_TOTAL

if TYPE_CHECKING:
    from hokusai_mlflow.report.report import Report


def contributors(report: Report) -> tuple[Mapping[str, Any], ...]:
    """One entry per contributor, in the order of the spec; see `Report.contributors`."""
    told = report.document.get("contributions") or {}
    shapley = told.get("shapley") or {"players": (), "values": (), "std_errors": ()}
    values = {
        name: (value, error)
        for name, value, error in zip(
            shapley["players"], shapley["values"], shapley["std_errors"], strict=True
        )
    }
    addresses = dict(told.get("addresses", {}))
    paid = _paid(report, addresses)
    shares = {name: int(share) for name, share in told.get("shares", {}).items()}
    errors = told.get("valuation", {}).get("share_std_errors", {})
    found = []
    for check in told.get("checks", ()):
        name = check["name"]
        value, error = values.get(name, (None, None))
        share, whole = shares.get(name, 0), sum(shares.values()) or WEIGHT_TOTAL
        found.append(
            {
                "name": name,
                "address": addresses.get(name, ""),
                "given": check["given"],
                "accepted": check["accepted"],
                "excluded": reasons(check["counts"]),
                "value": value,
                "std_error": error,
                "share": share * WEIGHT_TOTAL // whole,
                "share_error": errors.get(name),
                "wei": paid.get(name, part(report.total_wei, share, whole))
                if report.total_wei
                else None,
            }
        )
    return tuple(found)


def _paid(report: Report, addresses: Mapping[str, str]) -> dict[str, int]:
    """What the chain says it paid to whoever has an address for themselves."""
    paid = report.settlement.get("paid") or {}
    held = Counter([*addresses.values(), report.settlement.get("owner")])
    return {
        name: int(paid[address])
        for name, address in addresses.items()
        if held[address] == 1 and address in paid
    }


def reasons(counts: Mapping[str, int]) -> dict[str, int]:
    """Rows left out by kind of reason, whatever part of the pool they copy."""
    found: Counter[str] = Counter()
    for code, rows in counts.items():
        found[code.split(".")[0].replace("_", " ")] += rows
    return dict(found)


def part(reward: int, share: int, whole: int = WEIGHT_TOTAL) -> int:
    """A contributor's wei, as the contract computes it where every address is another."""
    return reward * CONTRIBUTORS_PERCENT * share // (100 * whole)
