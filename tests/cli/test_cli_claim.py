"""`hokusai chain claim`: a share of an improvement with too many contributors for one call."""

import json

from hokusai_mlflow.bench import open_chain
from hokusai_mlflow.chain.claims import ClaimTree, pool_of, weights_by_address
from hokusai_mlflow.chain.improvement import Improvement
from hokusai_mlflow.chain.model import ModelConfig
from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.evidence import digest
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import ChainSpec
from hokusai_mlflow.verification.oracle import attest

GENESIS = "0x" + "01" * 32


def test_a_share_is_claimed_once(folder, call):
    names = [f"person-{number}" for number in range(300)]
    contributions = {
        "shares": {name: 33 + (number < 100) for number, name in enumerate(names)},
        "addresses": {name: f"0x{0xC000 + number:040x}" for number, name in enumerate(names)},
    }
    document = {"contributions": contributions}
    path = folder / "evidence.json"
    path.write_text(json.dumps(document))
    tree = ClaimTree(weights_by_address(contributions))
    bench = open_chain(ChainSpec(), Settings().prepare())
    owner = "0x0000000000000000000000000000000000000001"
    bench.verifier.configure_model(
        bench.sender, "m", ModelConfig(metric="accuracy", owner=owner), GENESIS
    )
    sums = PairedSums.of([0.0] * 30 + [1.0] * 70, [1.0] * 100)
    improvement = Improvement(
        model="m",
        metric="accuracy",
        evidence=digest(document),
        champion=GENESIS,
        candidate="0x" + "02" * 32,
        evaluation_set="0x" + "03" * 32,
        gate=sums,
        payment=sums,
        paid_bps=3000,
        look=1,
        contributors=(),
        weights=(),
        deadline=2**40,
        claims_root=tree.root,
    )
    signatures = attest(improvement, bench.verifier.domain, bench.oracles)
    message = improvement.message()
    bench.verifier.transact(bench.sender, "processImprovement", message, signatures)

    account = contributions["addresses"]["person-7"]
    told = json.loads(call("chain", "claim", path, account, "--json").stdout)
    assert int(told["paid"]) == tree.share(account).of(pool_of(30 * 10**18))
    assert bench.verifier.balance(account) == int(told["paid"])
    assert "NothingToClaim" in call("chain", "claim", path, account).stderr
    assert "not among the 300" in call("chain", "claim", path, owner).stderr
