"""What the contract refuses, each with its own error; nothing is minted then."""

from dataclasses import asdict, replace

import pytest
from chain_world import CONTRIBUTORS, GENESIS, MODEL, OWNER, hits
from pydantic import SecretStr

from hokusai_mlflow.chain.improvement import EIP712_TYPES, name_id, signing_domain
from hokusai_mlflow.chain.signer import LocalKey
from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.errors import ContractRefused
from hokusai_mlflow.verification.oracle import attest

ZERO = bytes(32)


def refused(world, message, signatures=None):
    """The refusal of a raw message, signed by the quorum unless told otherwise."""
    if signatures is None:
        oracles = sorted(world.keys.oracles[:2], key=lambda oracle: int(oracle.address, 16))
        signatures = [
            oracle.sign_typed(world.verifier.domain, EIP712_TYPES, message) for oracle in oracles
        ]
    with pytest.raises(ContractRefused) as caught:
        world.verifier.transact(world.keys.admin, "processImprovement", message, signatures)
    assert world.verifier.supply() == 0
    assert world.verifier.head(MODEL) == GENESIS
    return caught.value


CHANGED = [
    ("SumsContradictory", {"gate": {"n": 400, "b": 1, "c": 1, "bb": 0, "cc": 1, "bc": 0}}),
    ("SumsContradictory", {"gate": {"n": 400, "b": 0, "c": 0, "bb": 4, "cc": 4, "bc": 5}}),
    ("SumsOutOfRange", {"gate": {"n": 2**40, "b": 0, "c": 0, "bb": 0, "cc": 0, "bc": 0}}),
    ("SumsOutOfRange", {"gate": {"n": 400, "b": -(2**255), "c": 0, "bb": 0, "cc": 0, "bc": 0}}),
    ("TooFewSamples", {"gate": hits(29, 0, 29)}),
    ("TooFewSamples", {"payment": hits(29, 0, 29)}),
    ("NotSignificant", {"gate": hits(400, 300, 301)}),
    ("NotSignificant", {"gate": hits(400, 330, 300)}),
    ("NotSignificant", {"gate": hits(400, 300, 300)}),
    ("PaidAboveMeasured", {"paidBps": 501}),
    ("PaidAboveMeasured", {"payment": hits(300, 240, 225)}),
    ("BelowMinimum", {"paidBps": 9}),
    ("MetricIsAnother", {"metricId": name_id("f1")}),
    ("ModelUnknown", {"modelId": name_id("another")}),
    ("Expired", {"deadline": 1_000_000_000}),
    ("HeadIsAnother", {"champion": bytes([9]) * 32}),
    ("HeadIsAnother", {"champion": ZERO}),
    ("CandidateSeen", {"candidate": bytes.fromhex(GENESIS[2:])}),
    ("ZeroValue", {"candidate": ZERO}),
    ("ZeroValue", {"evidence": ZERO}),
    ("ZeroValue", {"evaluationSet": ZERO}),
    ("ZeroValue", {"look": 0}),
    ("ContributorCount", {"contributors": [], "weights": []}),
    ("ContributorCount", {"weights": [5000, 5000]}),
    ("ContributorCount", {"contributors": [*CONTRIBUTORS] * 67, "weights": [1] * 201}),
    ("ContributorsNotAscending", {"contributors": [CONTRIBUTORS[i] for i in (0, 0, 1)]}),
    ("ContributorsNotAscending", {"contributors": [CONTRIBUTORS[i] for i in (1, 0, 2)]}),
    ("ContributorsNotAscending", {"contributors": ["0x" + "00" * 20, *CONTRIBUTORS[1:]]}),
    ("ZeroWeight", {"weights": [0, 5000, 5000]}),
    ("WeightsNotWhole", {"weights": [5000, 3333, 1666]}),
    ("WeightsNotWhole", {"weights": [5000, 3333, 1668]}),
]


@pytest.mark.parametrize(("error", "change"), CHANGED)
def test_improvements_that_a_quorum_signed_and_the_contract_refuses(world, error, change):
    message = world.improvement().message()
    message |= {
        name: asdict(value) if isinstance(value, PairedSums) else value
        for name, value in change.items()
    }
    assert refused(world, message).reason == error


def test_refusals_carry_the_offending_values(world):
    error = refused(world, world.improvement(paid_bps=501).message())
    assert error.arguments == {"paidBps": 501, "measuredBps": 500}
    assert "PaidAboveMeasured(paidBps=501, measuredBps=500)" in str(error)


def test_losses_outside_zero_to_one(world):
    world.verifier.configure_model(
        world.keys.admin, "visits", replace(_config(), metric="mse"), GENESIS
    )
    for sums in (
        {"n": 100, "b": 50, "c": -1, "bb": 50, "cc": 50, "bc": -1},
        {"n": 100, "b": 101 * 10**9, "c": 5, "bb": 103 * 10**18, "cc": 50, "bc": 10**9},
        {"n": 100, "b": 10**9, "c": 10**9, "bb": 2 * 10**18, "cc": 2 * 10**18, "bc": 10**18},
    ):
        message = world.improvement(model="visits", metric="mse").message() | {"gate": sums}
        assert refused(world, message).reason == "LossesOutOfRange"


def test_the_minimum_may_lie_above_the_floor(world):
    world.configure(min_bps=600)
    message = world.improvement(gate=hits(400, 200, 330), payment=hits(300, 100, 240)).message()
    assert refused(world, message).reason == "BelowMinimum"
    world.configure(min_samples=301)
    assert refused(world, world.improvement().message()).reason == "TooFewSamples"


# ---------------------------------------------------------------------- signatures


def test_quorum_missing(world):
    improvement = world.improvement()
    error = refused(world, improvement.message(), world.attest(improvement, 1))
    assert error.reason == "QuorumMissing"
    assert error.arguments == {"signatures": 1, "quorum": 2}
    assert refused(world, improvement.message(), []).reason == "QuorumMissing"


def test_unsorted_and_duplicate_signers(world):
    improvement = world.improvement()
    signatures = world.attest(improvement)
    error = refused(world, improvement.message(), signatures[::-1])
    assert error.reason == "SignersNotAscending"
    twice = [signatures[0]] * 2
    assert refused(world, improvement.message(), twice).reason == "SignersNotAscending"


def test_a_signer_who_is_no_oracle(world):
    improvement = world.improvement()
    stranger = LocalKey.from_secret(SecretStr("0x" + "11" * 32))
    signatures = attest(improvement, world.verifier.domain, [world.keys.oracles[0], stranger])
    error = refused(world, improvement.message(), signatures)
    assert error.reason == "NotAnOracle"
    assert error.arguments == {"account": stranger.address}


def test_a_removed_oracle_no_longer_counts(world):
    improvement = world.improvement()
    signatures = world.attest(improvement)
    world.verifier.transact(world.keys.admin, "removeOracle", world.keys.oracles[0].address)
    assert refused(world, improvement.message(), signatures).reason == "NotAnOracle"


@pytest.mark.parametrize(
    "change",
    [
        {"chainId": 1},
        {"verifyingContract": "0x" + "11" * 20},
        {"name": "Another"},
        {"version": "2"},
    ],
)
def test_signatures_for_another_domain(world, change):
    improvement = world.improvement()
    domain = signing_domain(world.verifier.chain_id, world.verifier.address) | change
    signatures = attest(improvement, domain, world.keys.oracles[:2])
    reason = refused(world, improvement.message(), signatures).reason
    assert reason in {"NotAnOracle", "SignersNotAscending"}


FLIPPED = [
    ("evidence", bytes([0xE1] * 31 + [0xE0])),
    ("candidate", bytes([2] * 31 + [3])),
    ("evaluationSet", bytes([5] * 31 + [4])),
    ("paidBps", 501 ^ 1),
    ("look", 2),
    ("deadline", 2**40 ^ 1),
    ("weights", [5001, 3332, 1667]),
    ("contributors", [CONTRIBUTORS[0], CONTRIBUTORS[1], CONTRIBUTORS[2][:-1] + "7"]),
]


@pytest.mark.parametrize(("field", "value"), FLIPPED)
def test_a_flipped_bit_of_a_signed_field(world, field, value):
    improvement = world.improvement(paid_bps=499)
    signatures = world.attest(improvement)
    message = improvement.message() | {field: value}
    reason = refused(world, message, signatures).reason
    assert reason in {"NotAnOracle", "SignersNotAscending"}


@pytest.mark.parametrize("sums", ["gate", "payment"])
@pytest.mark.parametrize("part", ["n", "b", "c", "bb", "cc", "bc"])
def test_a_flipped_bit_of_a_signed_sum(world, sums, part):
    improvement = world.improvement(paid_bps=400)
    message = improvement.message()
    message[sums] = message[sums] | {part: message[sums][part] ^ 1}
    reason = refused(world, message, world.attest(improvement)).reason
    # Sums that no scores have are refused before anyone asks who signed them.
    assert reason in {"NotAnOracle", "SignersNotAscending", "SumsContradictory"}


def test_mangled_signatures(world):
    improvement = world.improvement()
    first, second = world.attest(improvement)
    short = refused(world, improvement.message(), [first[:64], second])
    assert short.reason == "ECDSAInvalidSignatureLength"
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    high = (order - int.from_bytes(first[32:64], "big")).to_bytes(32, "big")
    malleable = first[:32] + high + bytes([first[64] ^ 1 ^ 6])
    reason = refused(world, improvement.message(), [malleable, second]).reason
    assert reason in {"ECDSAInvalidSignatureS", "ECDSAInvalidSignature"}


# ---------------------------------------------------------------------- once only


def test_nothing_is_paid_twice(world):
    improvement = world.improvement()
    world.process(improvement)
    supply = world.verifier.supply()

    def reason(**changes):
        with pytest.raises(ContractRefused) as caught:
            world.process(world.improvement(**changes))
        return caught.value.reason

    fresh, head = "0x" + "e2" * 32, improvement.candidate
    assert reason() == "EvidenceUsed"
    assert reason(champion=head, candidate="0x" + "03" * 32) == "EvidenceUsed"
    assert reason(evidence=fresh) == "HeadIsAnother"
    assert reason(evidence=fresh, candidate="0x" + "03" * 32) == "HeadIsAnother"
    # Back to the genesis champion: a cycle.
    assert reason(evidence=fresh, champion=head, candidate=GENESIS) == "CandidateSeen"
    # The head against itself, which the client refuses to build.
    loop = world.improvement(evidence=fresh).message()
    loop["champion"] = loop["candidate"] = bytes.fromhex(head[2:])
    oracles = sorted(world.keys.oracles[:2], key=lambda oracle: int(oracle.address, 16))
    signatures = [
        oracle.sign_typed(world.verifier.domain, EIP712_TYPES, loop) for oracle in oracles
    ]
    with pytest.raises(ContractRefused, match="CandidateSeen"):
        world.verifier.transact(world.keys.admin, "processImprovement", loop, signatures)
    assert world.verifier.supply() == supply


def test_a_candidate_that_was_a_head_is_never_paid(world):
    other = "0x" + "02" * 32
    world.verifier.move_head(world.keys.admin, MODEL, GENESIS, other, reason="unpaid promotion")
    world.verifier.move_head(world.keys.admin, MODEL, other, GENESIS, reason="rollback")
    assert refused(world, world.improvement().message()).reason == "CandidateSeen"


# ---------------------------------------------------------------------- limits


def test_budget_boundary_and_top_up(world):
    world.configure(budget=5 * 10**18 - 1)
    error = refused(world, world.improvement().message())
    assert error.reason == "BudgetExceeded"
    assert error.arguments["left"] == 5 * 10**18 - 1
    world.configure(budget=5 * 10**18)
    world.process(world.improvement())
    assert world.verifier.supply() == 5 * 10**18


def test_daily_cap(world):
    world.configure(daily_cap=9 * 10**18)
    first = world.improvement()
    world.process(first)
    second = world.improvement(
        evidence="0x" + "e2" * 32, champion=first.candidate, candidate="0x" + "03" * 32
    )
    with pytest.raises(ContractRefused) as caught:
        world.process(second)
    assert caught.value.reason == "DailyCapExceeded"
    assert caught.value.arguments["leftToday"] == 4 * 10**18


def test_deadline_boundary(world):
    now = world.web3.eth.get_block("latest")["timestamp"]
    late = world.improvement(deadline=now)
    assert refused(world, late.message()).arguments["deadline"] == now
    world.process(world.improvement(deadline=now + 1000))


def test_nothing_moves_while_paused(world):
    admin = world.keys.admin
    world.verifier.transact(admin, "pause")
    assert world.verifier.is_paused()
    assert refused(world, world.improvement().message()).reason == "EnforcedPause"
    with pytest.raises(ContractRefused, match="EnforcedPause"):
        world.verifier.move_head(admin, MODEL, GENESIS, "0x" + "02" * 32, reason="no")
    world.verifier.transact(admin, "unpause")
    world.process(world.improvement())


# ---------------------------------------------------------------------- roles


def test_strangers_can_do_nothing(world):
    stranger = world.keys.oracles[0]
    address, one = stranger.address, bytes([1]) * 32
    for function, arguments in {
        "configureModel": (name_id(MODEL), _config().arguments(), one),
        "moveHead": (name_id(MODEL), one, bytes([2]) * 32, "theft"),
        "addOracle": (address,),
        "removeOracle": (address,),
        "setQuorum": (1,),
        "pause": (),
        "unpause": (),
        "grantRole": (bytes([7]) * 32, address),
    }.items():
        with pytest.raises(ContractRefused) as caught:
            world.verifier.transact(stranger, function, *arguments)
        assert caught.value.reason == "AccessControlUnauthorizedAccount", function


def test_only_the_verifier_mints(world):
    token = world.verifier._token()
    with pytest.raises(Exception, match="0x") as caught:
        token.functions.mint(OWNER, 1).call({"from": world.keys.admin.address})
    refusal = world.verifier.decode_error(caught.value.data)
    assert refusal.reason == "NotTheVerifier"
    assert refusal.arguments == {"caller": world.keys.admin.address}


def test_a_guardian_can_pause_and_nothing_else(world):
    guardian = world.keys.oracles[0]
    role = world.contract.functions.GUARDIAN_ROLE().call()
    world.verifier.transact(world.keys.admin, "grantRole", role, guardian.address)
    world.verifier.transact(guardian, "pause")
    with pytest.raises(ContractRefused, match="AccessControlUnauthorizedAccount"):
        world.verifier.transact(guardian, "unpause")


def test_the_administrator_changes_in_two_steps(world):
    successor = world.keys.oracles[1]
    admin = world.keys.admin
    world.verifier.transact(admin, "beginDefaultAdminTransfer", successor.address)
    assert world.contract.functions.defaultAdmin().call() == admin.address
    with pytest.raises(ContractRefused, match="AccessControlInvalidDefaultAdmin"):
        world.verifier.transact(admin, "acceptDefaultAdminTransfer")
    world.web3.provider.make_request("evm_mine", [])
    world.verifier.transact(successor, "acceptDefaultAdminTransfer")
    assert world.contract.functions.defaultAdmin().call() == successor.address


def test_thresholds_neither_strand_nor_open_the_system(world):
    admin = world.keys.admin
    first, second = (oracle.address for oracle in world.keys.oracles[:2])
    for quorum in (0, 4):
        with pytest.raises(ContractRefused, match="QuorumOutOfRange"):
            world.verifier.transact(admin, "setQuorum", quorum)
    world.verifier.transact(admin, "removeOracle", first)
    with pytest.raises(ContractRefused, match="QuorumOutOfRange"):
        world.verifier.transact(admin, "removeOracle", second)
    with pytest.raises(ContractRefused, match="NotAnOracle"):
        world.verifier.transact(admin, "removeOracle", first)
    with pytest.raises(ContractRefused, match="AlreadyAnOracle"):
        world.verifier.transact(admin, "addOracle", second)
    world.verifier.transact(admin, "addOracle", first)


@pytest.mark.parametrize(
    ("error", "position", "value"),
    [
        ("ZeroValue", 0, ZERO),
        ("ZeroValue", 3, "0x" + "00" * 20),
        ("ConfigOutOfRange", 4, 9),
        ("ConfigOutOfRange", 5, 1_642_373),
        ("ConfigOutOfRange", 6, 10_000),
        ("ConfigOutOfRange", 7, 29),
        ("ConfigOutOfRange", 8, 99),
    ],
)
def test_terms_that_would_open_the_system(world, error, position, value):
    terms = list(_config().arguments())
    terms[position] = value
    with pytest.raises(ContractRefused) as caught:
        world.verifier.transact(
            world.keys.admin, "configureModel", name_id("new"), tuple(terms), bytes([1]) * 32
        )
    assert caught.value.reason == error


def test_genesis_is_written_once(world):
    with pytest.raises(ContractRefused, match="GenesisAlreadyWritten"):
        world.verifier.configure_model(world.keys.admin, MODEL, _config(), "0x" + "09" * 32)
    with pytest.raises(ContractRefused, match="ModelUnknown"):
        world.verifier.move_head(
            world.keys.admin, "unheard of", GENESIS, "0x" + "02" * 32, reason="no"
        )
    with pytest.raises(ContractRefused, match="HeadIsAnother"):
        world.verifier.move_head(
            world.keys.admin, MODEL, "0x" + "08" * 32, "0x" + "02" * 32, reason="stale"
        )


def _config():
    from hokusai_mlflow.chain.model import ModelConfig

    return ModelConfig(metric="accuracy", owner=OWNER)
