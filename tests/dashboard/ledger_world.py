"""Attempts written through the ledger's own API, as the steps write them, in any number.

The bodies are those of one real attempt (`attempt.json`, from a store that `dashboard_store.py`
made); names, figures and digests are replaced. For what only a pipeline can show, use that store.
"""

import hashlib
import json
from functools import cache
from pathlib import Path

from hokusai_mlflow.deltaone import FINE_TOTAL, MOST_LISTED, WEIGHT_TOTAL
from hokusai_mlflow.ledger import Ledger

CHAIN = {"chain_id": 31337, "contract": "0xBC7BE20F120Fd9B4d27CEf71b0a97DD3c5615635"}
NASTY = {
    "html": '<img src=x onerror="alert(1)"><script>alert(2)</script>',
    "template": "{{ 7 * 7 }}{% raw %}${7*7}",
    "direction": "safe\u202egnp.exe\u2066",
    "long": "x" * 10_000,
    "path": "../../../etc/passwd",
    "formula": '=HYPERLINK("http://example.invalid")',
}
"""Names, labels and reasons that are meant to break a page."""
OWNER = "0x00000000000000000000000000000000000000AA"


@cache
def _real() -> str:
    return Path(__file__).with_name("attempt.json").read_text(encoding="utf-8")


def digest(*parts) -> str:
    """A digest of anything."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def address(number: int) -> str:
    """An account."""
    return f"0x{number + 1:040x}"


class Scribe:
    """Writes attempts of models to a ledger.

    Parameters
    ----------
    writing : Ledger or Transaction
        Many attempts in one transaction are quicker.
    """

    def __init__(self, writing) -> None:
        self._writing = writing
        self._numbers: dict[str, int] = {}
        self._champions: dict[str, int] = {}
        self._height = 1

    def attempt(
        self,
        model: str,
        outcome: str = "promoted",
        *,
        improvement_bps: float = 200.0,
        contributors: tuple[tuple[str, str], ...] = (("east", address(1)),),
        settlement: str = "confirmed",
        reason: str = "",
        paid_bps: int = 150,
    ) -> str:
        """One attempt with all its entries; returns its identity."""
        number = self._numbers[model] = self._numbers.get(model, 0) + 1
        attempt = digest(model, number)[:16]
        bodies = json.loads(_real())
        champion = self._champions.get(model)
        self._opened(bodies, model, attempt, contributors)
        if outcome == "baseline":
            return self._baseline(bodies, model, attempt, number)
        if outcome == "abandoned":
            closed = {"outcome": "abandoned", "reason": reason}
            self._append("attempt.closed", attempt, closed, model, attempt)
            return attempt
        look = bodies["look"] | {
            "holdout": f"holdout-{1 + number // 20}",
            "number": number % 20 + 1,
        }
        self._append("look", digest("look", attempt), look, model, attempt)
        self._decided(bodies, model, attempt, outcome, improvement_bps, reason)
        if outcome == "promoted":
            version = {"digest": digest("version", attempt), "version": number}
            self._append("attempt.promoted", attempt, version, model, attempt)
            self._champions[model] = number
            evidence = self._evidence(bodies, model, attempt, contributors, paid_bps)
            if settlement and paid_bps:
                self._settled(bodies, model, attempt, evidence, settlement, paid_bps, contributors)
        receipt = bodies["closed"]["receipt"]
        receipt |= {
            "outcome": outcome,
            "model": model,
            "attempt": attempt,
            "candidate_version": number,
            "champion_version": champion,
            "message": reason or receipt["message"],
        }
        receipt["contributors"] = [
            receipt["contributors"][0] | {"name": name, "address": account}
            for name, account in contributors
        ]
        closed = bodies["closed"] | {"outcome": outcome, "receipt": receipt}
        self._append("attempt.closed", attempt, closed, model, attempt)
        return attempt

    def _append(self, kind: str, key: str, body: dict, model: str, attempt: str) -> None:
        self._writing.append(kind, key, body, model=model, attempt=attempt)

    def _opened(self, bodies: dict, model: str, attempt: str, contributors) -> None:
        champion = self._champions.get(model)
        known = {"version": champion, "digest": digest(champion), "model": model}
        known |= {"attempt": "", "run_id": ""}
        check = bodies["opened"]["checks"][0]
        opened = bodies["opened"] | {
            "champion": known if champion else None,
            "run_id": digest("run", attempt)[:32],
            "checks": [check | {"name": name} for name, _ in contributors],
        }
        self._append("attempt.opened", attempt, opened, model, attempt)

    def _baseline(self, bodies: dict, model: str, attempt: str, number: int) -> str:
        version = {"digest": digest("version", attempt), "version": number}
        self._append("attempt.promoted", attempt, version, model, attempt)
        self._champions[model] = number
        receipt = {
            "outcome": "baseline",
            "model": model,
            "metric": "accuracy",
            "scores": {"accuracy, out of fold": [0.5, 0.5]},
            "candidate_version": number,
            "contributors": [],
            "message": "the first",
            "owner": OWNER,
        }
        closed = {"outcome": "baseline", "receipt": receipt}
        self._append("attempt.closed", attempt, closed, model, attempt)
        return attempt

    def _decided(  # noqa: PLR0917
        self, bodies, model, attempt, outcome, improvement_bps, reason
    ) -> None:
        decided = bodies["decided"]
        compared = decided["comparison"]
        step = improvement_bps / 10_000
        compared |= {
            "improvement": step,
            "improvement_bps": improvement_bps,
            "candidate": compared["baseline"] + step,
            "ci_low_bps": improvement_bps - 150,
            "ci_high_bps": improvement_bps + 150,
        }
        decision = decided["decision"]
        decided["verdict"] = decision["verdict"] = "promote" if outcome == "promoted" else outcome
        decided["candidate"] = {"version": self._numbers[model], "digest": digest(attempt)}
        if outcome != "promoted":
            wanting = "failed" if outcome == "reject" else "insufficient"
            finding = next(f for f in decision["findings"] if f["code"] == "significance")
            finding |= {"outcome": wanting, "remedy": "a larger improvement"}
            finding |= {"message": reason or finding["message"]}
        self._append("attempt.decided", attempt, decided, model, attempt)

    def _evidence(self, bodies, model, attempt, contributors, paid_bps) -> str:
        document = bodies["evidence"]["document"] | {"model": model}
        document["payment"] |= {"paid_bps": paid_bps, "measured_bps": paid_bps}
        document["payment"] |= {"reason": "" if paid_bps else "nobody brought new rows"}
        names = [name for name, _ in contributors]
        whole = WEIGHT_TOTAL if len(names) <= MOST_LISTED else FINE_TOTAL
        part = whole // max(1, len(names))
        shares = dict.fromkeys(names, part)
        if names:
            shares[names[0]] += whole - part * len(names)
        document["contributions"] |= {"share_total": whole} if whole != WEIGHT_TOTAL else {}
        check = bodies["opened"]["checks"][0]
        document["contributions"] |= {
            "addresses": dict(contributors),
            "shares": shares,
            "checks": [check | {"name": name} for name in names],
            "shapley": {
                "players": names,
                "values": [0.02 / max(1, len(names))] * len(names),
                "std_errors": [0.004] * len(names),
                "total": 0.02,
                "replicates": 4,
            },
        }
        evidence = digest("evidence", attempt)
        body = {"digest": evidence, "paid_bps": paid_bps, "document": document}
        self._append("attempt.evidence", attempt, body, model, attempt)
        return evidence

    def _settled(  # noqa: PLR0917
        self, bodies, model, attempt, evidence, how, paid_bps, contributors
    ) -> None:
        def step(kind: str, at: int, **body) -> None:
            body = {"evidence": evidence, **body}
            self._append(f"settlement.{kind}", f"{evidence}/{at}", body, model, attempt)

        improvement = bodies["intent"]["improvement"] | {"model": model, "paid_bps": paid_bps}
        improvement |= {"evidence": f"0x{evidence}"}
        body = bodies["intent"] | CHAIN | {"improvement": improvement}
        self._append("settlement.intent", evidence, body, model, attempt)
        if how == "intent":
            return
        if how == "failed":
            step(
                "failed",
                1,
                tx_hash=None,
                block=None,
                block_hash=None,
                reason="BelowMinimum",
                arguments={},
                error="BelowMinimum: the least is more",
            )
            return
        if how == "waiting":
            step(
                "waiting",
                1,
                reason="BudgetExceeded",
                error="BudgetExceeded: the model's budget is used up",
            )
            return
        transaction = f"0x{digest('transaction', attempt)}"
        signed = bodies["signed"] | {"tx_hash": transaction, "evidence": evidence}
        self._append("settlement.signed", f"{evidence}/1", signed, model, attempt)
        step("broadcast", 2, tx_hash=transaction)
        self._height += 1
        placed = {"tx_hash": transaction, "block": self._height, "block_hash": f"0x{digest('b')}"}
        if how == "mined":
            step("mined", 3, **placed)
            return
        reward = paid_bps * 10**16
        part = reward * 70 // 100 // max(1, len(contributors))
        paid = {account: str(part) for _, account in contributors}
        recorded = bodies["confirmed"]["recorded"] | {
            "reward": str(reward),
            "owner": str(reward - part * len(contributors)),
            "owner_address": OWNER,
            "contributors": paid,
            "paid_bps": paid_bps,
        }
        step("confirmed", 3, **placed, by="own", recorded=recorded)
        if how == "reorged":
            step("reorged", 4, **placed)


def fill(ledger: Ledger, attempts: int, models: int) -> None:
    """So many attempts, evenly over so many models: one in eight promoted, in one transaction."""
    outcomes = ("reject", "hold", "reject", "promoted", "reject", "hold", "reject", "reject")
    with ledger.transaction() as writing:
        scribe = Scribe(writing)
        for i in range(attempts):
            model, turn = f"model-{i % models:02d}", i // models
            outcome = "baseline" if turn == 0 else outcomes[turn % 8]
            brought = tuple(
                (f"contributor-{(3 * i + k) % 400:03d}", address((3 * i + k) % 400))
                for k in range(1 + i % 3)
            )
            scribe.attempt(
                model,
                outcome,
                improvement_bps=float((i * 37) % 900 - 400),
                contributors=() if outcome == "baseline" else brought,
            )
