"""Whether dashboard, ledger, chain, registry and report say the same of a model.

Every number is read where each of them keeps it: entries of the ledger, events and balances of the
contract, the dashboard's JSON addresses, the registry's alias and tags, `PerformanceTracker`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TELLS: Mapping[str, tuple[str, ...]] = {
    "attempts": ("ledger", "dashboard", "report"),
    "rolled back": ("ledger", "dashboard", "registry"),
    "champion version": ("ledger", "dashboard", "registry", "report"),
    "champion digest": ("ledger", "chain", "registry"),
    "payments": ("ledger", "chain", "dashboard", "registry", "report"),
    "DeltaOne paid": ("ledger", "chain", "dashboard", "report"),
    "paid to the owner": ("ledger", "chain", "dashboard"),
    "paid to 0x": ("ledger", "chain", "dashboard", "report"),
    "looks at": ("ledger", "dashboard"),
}
"""Who has to tell a number whose name begins so; one of them that does not is a difference."""


@dataclass(frozen=True)
class Line:
    """One number, as each source that knows it tells it."""

    what: str
    said: Mapping[str, object]

    @property
    def agrees(self) -> bool:
        """Whether everybody who has to tell it does, and tells the same."""
        return None not in self.said.values() and len(set(self.said.values())) == 1


def read(spec: Path, home: Path) -> list[Line]:
    """Every number that more than one of the sources knows.

    Parameters
    ----------
    spec : Path
        The pipeline.yaml.
    home : Path
        The Hokusai home of the model's stores.
    """
    from hokusai_mlflow.settings import Settings  # noqa: PLC0415 - seconds of imports
    from hokusai_mlflow.spec import load_spec  # noqa: PLC0415

    named, settings = load_spec(spec), Settings(home=home)
    people = [one.address.lower() for one in named.contributors]
    told = {
        "ledger": of_ledger(settings, named.model, named.owner),
        "chain": of_chain(settings, named.model, named.owner, people),
        "dashboard": of_dashboard(settings, named.model),
        "registry": of_registry(settings, named.model),
        "report": of_report(settings, named.model),
    }
    return lines(told)


def lines(told: Mapping[str, Mapping[str, object]]) -> list[Line]:
    """The sources' numbers side by side, the ledger's first; None for one that is not told.

    Parameters
    ----------
    told : mapping
        Of each source, its numbers by name.
    """
    sources = dict.fromkeys(source for who in TELLS.values() for source in who)
    names = dict.fromkeys(name for source in sources for name in told.get(source, {}))
    found = []
    for name in names:
        who = next(who for begins, who in TELLS.items() if name.startswith(begins))
        found.append(Line(name, {source: told.get(source, {}).get(name) for source in who}))
    return found


def of_ledger(settings: Any, model: str, owner: str) -> dict[str, object]:
    """What the append-only entries say; they are checked against their hash chain first."""
    from hokusai_mlflow.ledger import Ledger  # noqa: PLC0415

    with Ledger(settings.ledger) as ledger:
        ledger.verify()
        entries = ledger.entries(model=model)
    by_kind: dict[str, list[Any]] = {}
    for entry in entries:
        by_kind.setdefault(entry.kind, []).append(entry)
    outcomes = Counter(entry.body["outcome"] for entry in by_kind["attempt.closed"])
    confirmed = by_kind.get("settlement.confirmed", [])
    receipts = [e.body["receipt"] for e in by_kind["attempt.closed"] if e.body.get("receipt")]
    paid: Counter[str] = Counter()
    for receipt in receipts:
        paid[owner.lower()] += int(receipt["owner_wei"])
        for one in receipt["contributors"]:
            paid[one["address"].lower()] += int(one["wei"])
    crowned = [e for e in entries if e.kind in ("attempt.promoted", "champion.rolled_back")]
    looks = Counter(str(e.body["holdout"]) for e in by_kind.get("look", []))
    return {
        **{f"attempts: {name}": outcomes[name] for name in sorted(outcomes)},
        "rolled back": len(by_kind.get("champion.rolled_back", [])),
        "champion version": crowned[-1].body["version"],
        "champion digest": crowned[-1].body["digest"],
        "payments": len(confirmed),
        "DeltaOne paid, wei": sum(paid.values()),
        "paid to the owner, wei": paid.pop(owner.lower(), 0),
        **{f"paid to {address}, wei": paid[address] for address in sorted(paid)},
        **{f"looks at {name}": looks[name] for name in sorted(looks)},
    }


def of_chain(settings: Any, model: str, owner: str, people: Sequence[str]) -> dict[str, object]:
    """What the contract's events, head and balances say, also of addresses that it never paid."""
    with _verifier(settings) as verifier:
        events = verifier.events()
        paid: Counter[str] = Counter()
        for event in events:
            if event.name == "RewardDistributed":
                paid[str(event.arguments["account"]).lower()] += int(event.arguments["amount"])
        balances = {one: verifier.balance(one) for one in {*paid, *people, owner.lower()}}
        wrong = {one: held for one, held in balances.items() if held != paid[one]}
        if wrong:
            raise ValueError(f"balances differ from the events that paid them: {wrong}")
        return {
            "champion digest": str(verifier.head(model)).removeprefix("0x"),
            "payments": sum(event.name == "ImprovementRecorded" for event in events),
            "DeltaOne paid, wei": verifier.supply(),
            "paid to the owner, wei": balances.pop(owner.lower()),
            **{f"paid to {address}, wei": balances[address] for address in sorted(balances)},
        }


@contextmanager
def _verifier(settings: Any) -> Iterator[Any]:
    from hokusai_mlflow.chain.connect import connect  # noqa: PLC0415
    from hokusai_mlflow.chain.deployment import find_deployment  # noqa: PLC0415
    from hokusai_mlflow.chain.verifier import Verifier  # noqa: PLC0415

    web3 = connect(rpc_url=None, chain_id=None, home=settings.home)
    try:
        deployed = find_deployment(settings.home, web3.eth.chain_id)
        if deployed is None:
            raise ValueError(f"no contract was deployed in {settings.home}")
        yield Verifier.of(web3, deployed, home=settings.home)
    finally:
        web3.provider.chain.close()


def of_dashboard(settings: Any, model: str) -> dict[str, object]:
    """What the dashboard's JSON addresses answer."""
    from starlette.testclient import TestClient  # noqa: PLC0415

    from hokusai_mlflow.dashboard.serving import pages  # noqa: PLC0415

    with TestClient(pages(settings, watch=False), base_url="http://127.0.0.1") as client:

        def get(path: str) -> Any:
            answer = client.get(path)
            answer.raise_for_status()
            return answer.json()

        one = get(f"/api/models/{model}.json")
        attempts = get(f"/api/models/{model}/attempts.json?size=500")["items"]
        totals = get(f"/api/rewards.json?model={model}")["totals"]
        people = get(f"/api/contributors.json?model={model}&size=500")["items"]
    outcomes = Counter(attempt["outcome"] for attempt in attempts)
    paid = {person["account"].lower(): int(person["paid"]) for person in people}
    changes = one["champions"]
    return {
        **{f"attempts: {name}": count for name, count in sorted(outcomes.items())},
        "rolled back": sum(change["kind"] == "rolled_back" for change in changes),
        "champion version": one["champion_version"],
        "payments": totals["final"],
        "DeltaOne paid, wei": int(totals["reward"]),
        "paid to the owner, wei": int(totals["owner_reward"]),
        **{f"paid to {address}, wei": wei for address, wei in sorted(paid.items())},
        **{f"looks at {kept['name']}": kept["spent"] for kept in one["holdouts"]},
    }


def of_registry(settings: Any, model: str) -> dict[str, object]:
    """What MLflow's alias and tags say."""
    from hokusai_mlflow.tracking.store import connect  # noqa: PLC0415

    client = connect(settings)
    champion = client.get_model_version_by_alias(model, "champion")
    versions = client.search_model_versions(f"name = '{model}'")
    return {
        "champion version": int(champion.version),
        "champion digest": champion.tags["hokusai.digest"],
        "payments": sum(one.tags.get("hokusai.settlement") == "rewarded" for one in versions),
        "rolled back": sum("hokusai.rolled_back" in one.tags for one in versions),
    }


def of_report(settings: Any, model: str) -> dict[str, object]:
    """What `PerformanceTracker` reports of the last 30 days."""
    from hokusai_mlflow import PerformanceTracker  # noqa: PLC0415

    report = PerformanceTracker(model, settings=settings).generate_report("last_30_days")
    outcomes = Counter(attempt.outcome for attempt in report.attempts)
    paid = {one.account.lower(): one.paid for one in report.contributions or ()}
    return {
        **{f"attempts: {name}": count for name, count in sorted(outcomes.items())},
        "champion version": report.champion,
        "payments": len(report.standing("final")),
        "DeltaOne paid, wei": report.paid_wei,
        **{f"paid to {address}, wei": wei for address, wei in sorted(paid.items())},
    }


def commands(spec: Path, environment: Mapping[str, str], runs: list[str]) -> list[Line]:
    """Exit codes of `hokusai chain audit` and `hokusai verify`, of every paid run, beside 0.

    Parameters
    ----------
    spec : Path
    environment : mapping
        Of the commands; names the Hokusai home.
    runs : list of str
        MLflow runs whose evidence was paid.
    """
    asked = [
        ("chain", "audit", spec.name),
        *(("verify", f"runs:/{run}", "--chain") for run in runs),
    ]
    found = []
    for arguments in asked:
        ran = subprocess.run(
            [sys.executable, "-m", "hokusai_mlflow.cli", *arguments, "--json"],
            cwd=spec.parent,
            env=dict(environment),
            capture_output=True,
            text=True,
            check=False,
        )
        said = {"expected": 0, "exit code": ran.returncode}
        found.append(Line(f"hokusai {' '.join(arguments)}", said))
        if ran.returncode:
            print(ran.stdout + ran.stderr, file=sys.stderr)
    return found


def paid_runs(settings: Any, model: str) -> list[str]:
    """MLflow runs of the attempts that were paid, oldest first."""
    from hokusai_mlflow.ledger import Ledger  # noqa: PLC0415

    with Ledger(settings.ledger) as ledger:
        closed = ledger.entries(model=model, kind="attempt.closed")
    receipts = [entry.body["receipt"] for entry in closed if entry.body["outcome"] == "promoted"]
    return [one["run_id"] for one in receipts if one["settlement"].get("state") == "confirmed"]


def shown(found: list[Line]) -> str:
    """A table of all lines, a mark before each."""
    return "\n".join(
        f"{'✓' if line.agrees else '✗'} {line.what}: "
        + (
            f"{next(iter(line.said.values()))} ({', '.join(line.said)})"
            if line.agrees
            else json.dumps(line.said, default=str)
        )
        for line in found
    )
