"""10 000 people share one improvement: from the evidence to the last claim."""

import json

import pytest
from chain_world import FAR, GENESIS, MODEL, OWNER, hits
from outbox_world import open_paying

from hokusai_mlflow import evidence
from hokusai_mlflow.chain.audit import audit
from hokusai_mlflow.chain.claims import ClaimTree, pool_of, tree_of
from hokusai_mlflow.cli.chain_checks import check_chain
from hokusai_mlflow.contributions.shapley import Shapley
from hokusai_mlflow.contributions.shares import shares
from hokusai_mlflow.deltaone import FINE_TOTAL, WEIGHT_TOTAL
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.valuation import Valuation
from hokusai_mlflow.verification.claimed import improvement_from
from hokusai_mlflow.verification.oracle import attest

MANY = 10_000
FINDING = {"code": "significance", "outcome": "passed", "message": "", "remedy": "", "figures": {}}


def valuation(count: int) -> Valuation:
    """Of so many people, nobody worth what another is; the first a thousand times the last."""
    names = tuple(f"person-{number:05d}" for number in range(count))
    values = tuple(1e-6 / (1 + 999 * place / count) for place in range(count))
    found = Shapley(names, values, (None,) * count, sum(values), 1)
    return Valuation(found.to_dict(), shares(found, names), WEIGHT_TOTAL)


def evidence_about(found: Valuation) -> evidence.Evidence:
    """Of an improvement of 500 bps that is due to them."""
    addresses = {name: f"0x{0xC0000 + n:040x}" for n, name in enumerate(found.shares)}
    gate, payment = hits(400, 300, 330), hits(300, 225, 240)
    return evidence.build(
        model=MODEL,
        champion={"version": 1, "digest": GENESIS[2:]},
        candidate={"version": 2, "digest": "2" * 64},
        evaluation={which: {"digest": "5" * 64, "n": 400} for which in ("gate", "payment")},
        metric="accuracy",
        metric_options={},
        policy={"alpha": 0.05},
        look={"number": 1, "quota": 20, "level": 0.05},
        comparison={"improvement_bps": 750.0},
        crossval={},
        decision={"verdict": "promote", "findings": [FINDING], "signature": ""},
        gate_sums=gate,
        payment_sums=payment,
        payment={"paid_bps": 500},
        contributions=found.to_dict() | {"addresses": addresses},
        versions={},
        seeds={},
    )


@pytest.mark.parametrize(("count", "total"), [(200, WEIGHT_TOTAL), (201, FINE_TOTAL)])
def test_shares_are_finer_where_a_list_ends(count, total):
    found = valuation(count)
    assert found.share_total == sum(found.shares.values()) == total
    assert len(found.shares) == count
    assert ("share_total" in found.to_dict()) == (total == FINE_TOTAL)
    assert Valuation.from_dict(found.to_dict()) == found
    made = evidence_about(found).to_dict()
    assert all(check.ok is not False for check in evidence.verify(made))
    assert (tree_of(made["contributions"]) is None) == (total == WEIGHT_TOTAL)


def test_everybody_s_share_is_theirs_to_1e_12():
    found = valuation(MANY)
    values = found.shapley["values"]
    assert len(found.shares) == MANY
    for share, value in zip(found.shares.values(), values, strict=True):
        assert share == pytest.approx(FINE_TOTAL * value / sum(values), abs=1.001)


def test_other_units_than_two_are_refused():
    made = evidence_about(valuation(3)).to_dict()
    made["contributions"] |= {"shares": {"a": 1, "b": 2}, "share_total": 3}
    assert {check.what for check in evidence.verify(made) if check.ok is False} == {
        "shares sum to 3"
    }
    made["contributions"] |= {"shares": {"a": 10_001, "b": -1}, "share_total": 10_000}
    assert {check.what for check in evidence.verify(made) if check.ok is False} == {
        "shares sum to 10 000"
    }


class Scene:
    """One improvement due to 10 000 people, settled."""

    def __init__(self, world):
        self.paying = open_paying(world.home)
        self.verifier, self.sender = self.paying.verifier, world.keys.admin
        self.evidence = evidence_about(valuation(MANY))
        document = json.loads(self.evidence.to_json())
        improvement = improvement_from(document, FAR)
        signatures = attest(improvement, self.verifier.domain, world.keys.oracles[:2])
        outbox = self.paying.outbox()
        self.paying.enqueue(outbox, improvement, signatures)
        (self.settlement,) = outbox.settle()
        self.document, self.tree = document, tree_of(document["contributions"])
        self.pool = pool_of(5 * 10**18)

    def claim(self, share):
        proof = self.tree.proof(share)
        self.verifier.claim(self.sender, self.evidence.digest, share, proof)

    def close(self):
        self.paying.ledger.close()
        self.paying.provider.chain.close()


@pytest.fixture
def scene(world):
    made = Scene(world)
    yield made
    made.close()


def test_from_evidence_to_claims(scene):
    assert scene.settlement.state == "confirmed"
    assert isinstance(scene.tree, ClaimTree)
    for place in (0, 4_999, MANY - 1):
        share = scene.tree.shares[place]
        scene.claim(share)
        assert scene.verifier.balance(share.account) == share.of(scene.pool) > 0
    found = audit(scene.paying.ledger, scene.paying.verifier)
    assert found.is_clean, found.differences
    assert found.supply == 15 * 10**17 + sum(
        scene.tree.shares[place].of(scene.pool) for place in (0, 4_999, MANY - 1)
    )
    checks = check_chain(scene.document, (None, None, None), Settings(home=scene.paying.world.home))
    told = {check.what: check for check in checks}
    assert all(check.ok for check in checks), checks
    assert "10,000 addresses may claim" in told["recipients on chain"].detail


@pytest.mark.exhaustive
def test_every_two_hundredth_claims(scene):
    """About 10 s. Forge has all 10 000 claim: `test_tenThousandClaims`."""
    claimed = scene.tree.shares[::200]
    for share in claimed:
        scene.claim(share)
    paid = sum(share.of(scene.pool) for share in claimed)
    assert sum(share.of(scene.pool) for share in scene.tree.shares) == scene.pool
    assert scene.verifier.supply() == 15 * 10**17 + paid
    assert scene.verifier.model(MODEL).reserved == scene.pool - paid
    assert scene.verifier.balance(OWNER) == 15 * 10**17
    found = audit(scene.paying.ledger, scene.paying.verifier)
    assert found.is_clean
    assert (found.claims, found.unclaimed) == (50, scene.pool - paid)
