import math
from types import SimpleNamespace

import pytest
from gate_cases import case

from hokusai_mlflow.evidence import canonical
from hokusai_mlflow.gate import GatePolicy, ValidationRuns, decide
from hokusai_mlflow.gate.consistency import ConsistentBlocks, RepeatedValidation
from hokusai_mlflow.gate.raters import AgreeingRaters
from hokusai_mlflow.gate.rules import CrossValidatedVeto, FiniteFigures
from hokusai_mlflow.stats.blocks import Block, BlockConsistency


def _runs(*bps):
    return ValidationRuns(tuple(range(len(bps))), bps)


@pytest.mark.parametrize(
    ("runs", "outcome"),
    [
        (None, "not_applicable"),
        (_runs(), "not_applicable"),
        (_runs(1.0, 2.0, 3.0), "passed"),
        (_runs(0.001), "passed"),
        (_runs(1.0, 0.0, 3.0), "failed"),
        (_runs(1.0, -1.0, 3.0), "failed"),
        (_runs(1.0, math.nan), "failed"),
        (_runs(1.0, math.inf), "failed"),
    ],
)
def test_every_validation_run_must_improve(runs, outcome):
    judged = case(validation_runs=runs)
    finding = RepeatedValidation().evaluate(judged)
    assert finding.outcome == outcome
    assert canonical(finding.to_dict())
    assert decide(judged).promoted == (outcome in ("passed", "not_applicable"))


def test_a_lost_run_is_no_verdict_on_a_model_where_the_data_could_not_have_shown_it():
    assert decide(case(validation_runs=_runs(-1.0), detectable_bps=900.0)).verdict == "hold"


def _block(name="a", *, own=300.0, p_worse=0.99, rest_p=0.001, finds=150.0):
    return Block(name, 500, own, p_worse, 280.0, rest_p, finds)


def _blocks(*blocks, q_p=0.4, required_n=9_000):
    return BlockConsistency(blocks, 0.10, 3.0, q_p, len(blocks) - 1, required_n, 200.0)


OTHER = _block("b")


@pytest.mark.parametrize(
    ("found", "outcome", "said"),
    [
        (None, "not_applicable", "names no blocks"),
        (_blocks(_block(), OTHER), "passed", "2 blocks"),
        (_blocks(_block(rest_p=0.10), OTHER), "passed", "weakest without a"),
        (_blocks(_block(rest_p=0.1001), OTHER), "failed", "without a the improvement is gone"),
        # The rest could not have found the policy's 200 bps: nothing is known of it.
        (_blocks(_block(rest_p=0.5, finds=200.1), OTHER), "insufficient", "without a"),
        (_blocks(_block(rest_p=0.5, finds=200.0), OTHER), "failed", "is gone"),
        (_blocks(_block(rest_p=0.05, finds=999.0), OTHER), "passed", "2 blocks"),
        (_blocks(_block(rest_p=None, finds=None), OTHER), "insufficient", "without a"),
        (_blocks(_block(rest_p=None, finds=None)), "insufficient", "without a"),
        # Bonferroni over the two blocks that could be tested alone.
        (_blocks(_block(p_worse=0.025), OTHER), "failed", "a gets worse"),
        (_blocks(_block(p_worse=0.0251), OTHER), "passed", "2 blocks"),
        (
            _blocks(_block(p_worse=0.03), _block("small", own=None, p_worse=None)),
            "failed",
            "a gets worse",
        ),
        (_blocks(_block(), OTHER, q_p=0.001), "failed", "Cochran"),
        (_blocks(_block(), OTHER, q_p=0.00101), "passed", "Q's p"),
        (_blocks(_block(), OTHER, q_p=math.nan), "failed", "Cochran"),
        # A contradiction counts before a lack of evidence.
        (_blocks(_block(rest_p=None), _block("b", p_worse=0.001)), "failed", "b gets worse"),
    ],
)
def test_the_improvement_holds_in_every_block(found, outcome, said):
    finding = ConsistentBlocks().evaluate(case(blocks=found))
    assert finding.outcome == outcome
    assert said in finding.message
    if outcome == "insufficient":
        assert finding.figures["required_n"] == 9_000
        assert "9,000 examples" in finding.remedy
        assert "280" not in str(finding.to_dict())


def test_the_worst_block_is_named():
    judged = case(blocks=_blocks(_block(), _block("south", own=-12.0)))
    finding = ConsistentBlocks().evaluate(judged)
    assert "worst south (-12 bps)" in finding.message
    assert finding.figures["worst"] == "south"
    assert canonical(finding.to_dict())


@pytest.mark.parametrize(
    ("alpha", "outcome"),
    [
        (0.667, "passed"),
        (1.0, "passed"),
        (0.6669, "insufficient"),
        (-0.2, "insufficient"),
        (math.nan, "insufficient"),
    ],
)
def test_raters_must_agree(alpha, outcome):
    judged = case(agreement=SimpleNamespace(alpha=alpha))
    finding = AgreeingRaters().evaluate(judged)
    assert finding.outcome == outcome
    assert canonical(finding.to_dict())
    assert decide(judged).verdict == ("promote" if outcome == "passed" else "hold")
    assert AgreeingRaters().evaluate(case()).outcome == "not_applicable"


def test_thresholds_come_from_the_policy():
    strict = GatePolicy(block_p=0.05, homogeneity_p=0.01, worse_block_alpha=0.2, min_agreement=0.8)
    assert (
        ConsistentBlocks()
        .evaluate(case(policy=strict, blocks=_blocks(_block(), OTHER, q_p=0.005)))
        .outcome
        == "failed"
    )
    assert (
        ConsistentBlocks()
        .evaluate(case(policy=strict, blocks=_blocks(_block(p_worse=0.1), OTHER)))
        .outcome
        == "failed"
    )
    unlike = case(policy=GatePolicy(homogeneity_p=0), blocks=_blocks(_block(), OTHER, q_p=0.0))
    assert ConsistentBlocks().evaluate(unlike).outcome == "passed"
    assert (
        AgreeingRaters().evaluate(case(policy=strict, agreement=SimpleNamespace(alpha=0.7))).outcome
        == "insufficient"
    )


def test_without_refits_nothing_is_vetoed():
    judged = case(no_crossval=True)
    assert CrossValidatedVeto().evaluate(judged).outcome == "not_applicable"
    assert FiniteFigures().evaluate(judged).outcome == "passed"
    assert decide(judged).promoted
