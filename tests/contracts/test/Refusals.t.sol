// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {DeltaOneVerifier} from "contracts/DeltaOneVerifier.sol";
import {Method, ModelConfig, Models} from "contracts/Models.sol";
import {Kind, PairedImprovement, PairedSums} from "contracts/PairedImprovement.sol";
import {Rewards} from "contracts/Rewards.sol";
import {Improvement, Maintenance} from "contracts/Signed.sol";
import {Base} from "../support/Base.sol";

/// @dev Every refusal of an improvement, with the values that offend.
contract RefusalsTest is Base {
    function test_lineage() public {
        Improvement memory said = improvement();
        said.modelId = keccak256("unknown");
        refused(said, abi.encodeWithSelector(Models.ModelUnknown.selector, said.modelId));
        said = improvement();
        said.candidate = 0;
        refused(said, abi.encodeWithSelector(Models.ZeroValue.selector, "candidate"));
        said = improvement();
        said.evaluationSet = 0;
        refused(said, abi.encodeWithSelector(Models.ZeroValue.selector, "evaluationSet"));
        said = improvement();
        said.look = 0;
        refused(said, abi.encodeWithSelector(Models.ZeroValue.selector, "look"));
        said = improvement();
        said.evidence = 0;
        refused(said, abi.encodeWithSelector(Models.ZeroValue.selector, "evidence"));
        said = improvement();
        said.champion = bytes32(uint256(9));
        refused(said, abi.encodeWithSelector(Models.HeadIsAnother.selector, MODEL, GENESIS, said.champion));
        said = improvement();
        said.candidate = GENESIS; // a self-loop
        refused(said, abi.encodeWithSelector(Models.CandidateSeen.selector, MODEL, GENESIS));
    }

    function test_nothingIsPaidTwice() public {
        Improvement memory first = improvement();
        process(first);
        refused(first, abi.encodeWithSelector(Models.EvidenceUsed.selector, first.evidence));
        Improvement memory again = successor(first);
        again.evidence = first.evidence;
        refused(again, abi.encodeWithSelector(Models.EvidenceUsed.selector, first.evidence));
        again = successor(first);
        again.candidate = first.candidate; // the head against itself
        refused(again, abi.encodeWithSelector(Models.CandidateSeen.selector, MODEL, first.candidate));
        again.candidate = GENESIS; // a cycle
        refused(again, abi.encodeWithSelector(Models.CandidateSeen.selector, MODEL, GENESIS));
        again = successor(first);
        again.champion = GENESIS; // beside the lineage
        refused(again, abi.encodeWithSelector(Models.HeadIsAnother.selector, MODEL, first.candidate, GENESIS));
        // Evidence is used up for every model.
        verifier.configureModel(keccak256("other"), terms(), GENESIS);
        first.modelId = keccak256("other");
        refused(first, abi.encodeWithSelector(Models.EvidenceUsed.selector, first.evidence));
    }

    function test_metricAndDeadline() public {
        Improvement memory said = improvement();
        said.metricId = keccak256("f1");
        refused(said, abi.encodeWithSelector(DeltaOneVerifier.MetricIsAnother.selector, METRIC, said.metricId));
        said = improvement();
        said.deadline = uint64(block.timestamp) - 1;
        refused(said, abi.encodeWithSelector(DeltaOneVerifier.Expired.selector, block.timestamp - 1, block.timestamp));
        said.deadline = uint64(block.timestamp); // the last second
        process(said);
    }

    function test_shares() public {
        Improvement memory said = improvement();
        said.weights = new uint16[](4);
        refused(said, abi.encodeWithSelector(Rewards.ContributorCount.selector, 5, 4, 200));
        (said.contributors, said.weights) = people(201);
        refused(said, abi.encodeWithSelector(Rewards.ContributorCount.selector, 201, 201, 200));
        (said.contributors, said.weights) = (new address[](0), new uint16[](0));
        refused(said, abi.encodeWithSelector(Rewards.ContributorCount.selector, 0, 0, 200));
        (said.contributors, said.weights) = people(3);
        said.claimsRoot = bytes32(uint256(1));
        refused(said, abi.encodeWithSelector(Rewards.ListAndTree.selector, said.claimsRoot, 3, 3));
        said.contributors = new address[](0);
        refused(said, abi.encodeWithSelector(Rewards.ListAndTree.selector, said.claimsRoot, 0, 3));
        said.claimsRoot = 0;
        (said.contributors, said.weights) = people(3);
        (address first, address second) = (said.contributors[0], said.contributors[1]);
        (said.contributors[0], said.contributors[1]) = (second, first);
        refused(said, abi.encodeWithSelector(Rewards.ContributorsNotAscending.selector, second, first));
        said.contributors[0] = first;
        refused(said, abi.encodeWithSelector(Rewards.ContributorsNotAscending.selector, first, first));
        said.contributors[0] = address(0);
        refused(said, abi.encodeWithSelector(Rewards.ContributorsNotAscending.selector, address(0), address(0)));
        (said.contributors, said.weights) = people(3);
        said.weights[1] = 0;
        refused(said, abi.encodeWithSelector(Rewards.ZeroWeight.selector, said.contributors[1]));
        said.weights[1] = 3_334;
        refused(said, abi.encodeWithSelector(Rewards.WeightsNotWhole.selector, 10_001, 10_000));
        said.weights[1] = 3_332;
        refused(said, abi.encodeWithSelector(Rewards.WeightsNotWhole.selector, 9_999, 10_000));
    }

    function test_statistics() public {
        Improvement memory said = improvement();
        said.gate = hits(29, 0, 29);
        refused(said, abi.encodeWithSelector(DeltaOneVerifier.TooFewSamples.selector, 29, 30));
        said = improvement();
        said.payment = hits(29, 0, 29);
        refused(said, abi.encodeWithSelector(DeltaOneVerifier.TooFewSamples.selector, 29, 30));
        said = improvement();
        said.gate = hits(400, 300, 301);
        refused(
            said, abi.encodeWithSelector(DeltaOneVerifier.NotSignificant.selector, int256(25e14), uint32(10), 2_705_543)
        );
        said = improvement();
        said.paidBps = 9;
        refused(said, abi.encodeWithSelector(DeltaOneVerifier.BelowMinimum.selector, 9, 10));
        said.paidBps = 501;
        refused(said, abi.encodeWithSelector(DeltaOneVerifier.PaidAboveMeasured.selector, 501, int256(500)));
        said = improvement();
        said.payment = hits(300, 240, 225);
        refused(said, abi.encodeWithSelector(DeltaOneVerifier.PaidAboveMeasured.selector, 500, int256(-500)));
        said = improvement();
        (said.gate, said.payment) = (hits(30, 0, 30), hits(30, 0, 30));
        said.paidBps = 10; // the least of everything
        process(said);
    }

    /// @dev (excess)^2 n / scatter, by hand: 400 * 900 / 11 100 without a minimum, 400 * 676 / 11 100 with 1 %.
    function test_significanceToTheLastUnit() public view {
        PairedSums memory sums = hits(400, 300, 330);
        assertTrue(verifier.isSignificant(Kind.Linear, sums, 0, 32_432_432), "too strict");
        assertTrue(!verifier.isSignificant(Kind.Linear, sums, 0, 32_432_433), "too loose");
        assertTrue(verifier.isSignificant(Kind.Linear, sums, 100, 24_360_360), "too strict");
        assertTrue(!verifier.isSignificant(Kind.Linear, sums, 100, 24_360_361), "too loose");
    }

    function test_minimumsOfTheModel() public {
        ModelConfig memory config = terms();
        (config.minBps, config.minSamples) = (500, 301);
        configure(config);
        Improvement memory said = improvement();
        refused(said, abi.encodeWithSelector(DeltaOneVerifier.TooFewSamples.selector, 300, 301));
        config.minSamples = 300;
        configure(config);
        said.paidBps = 499;
        said.gate = hits(400, 200, 330);
        refused(said, abi.encodeWithSelector(DeltaOneVerifier.BelowMinimum.selector, 499, 500));
        said.paidBps = 500;
        process(said);
    }

    function test_sums() public {
        Improvement memory said = improvement();
        PairedSums memory sums = PairedSums(400, 1, 1, 0, 1, 0);
        said.gate = sums;
        refused(said, abi.encodeWithSelector(PairedImprovement.SumsContradictory.selector, sums));
        sums = PairedSums(400, 0, 0, 4, 4, 5);
        said.gate = sums;
        refused(said, abi.encodeWithSelector(PairedImprovement.SumsContradictory.selector, sums));
        sums = PairedSums(2 ** 40, 0, 0, 0, 0, 0);
        said.gate = sums;
        refused(said, abi.encodeWithSelector(PairedImprovement.SumsOutOfRange.selector, sums));
        said = improvement();
        sums = PairedSums(400, type(int256).min, 0, 0, 0, 0);
        said.payment = sums;
        refused(said, abi.encodeWithSelector(PairedImprovement.SumsOutOfRange.selector, sums));
        sums = hits(400, 300, 330);
        sums.c = -1;
        vm.expectRevert();
        verifier.improvementBps(Kind.LogRatio, sums);
        sums = PairedSums(100, 50, 0, 50, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(PairedImprovement.LossesOutOfRange.selector, sums));
        verifier.improvementBps(Kind.LogRatio, sums);
        sums.n = 0;
        vm.expectRevert(abi.encodeWithSelector(PairedImprovement.NoExamples.selector));
        verifier.improvementBps(Kind.Linear, sums);
    }

    function testFuzz_pastTheDeadline(uint64 deadline, uint64 now_) public {
        now_ = uint64(within(now_, 1, 2 ** 63));
        vm.warp(now_);
        Improvement memory said = improvement();
        said.deadline = deadline;
        if (now_ > deadline) {
            refused(said, abi.encodeWithSelector(DeltaOneVerifier.Expired.selector, deadline, now_));
        } else {
            assertEq(process(said), REWARD);
        }
    }

    function testFuzz_budgetAndTopUp(uint128 budget, uint32 bps, uint128 rate) public {
        ModelConfig memory config = terms();
        config.tokensPerDeltaOne = uint128(within(rate, 100, 1e30));
        (config.budget, config.dailyCap) = (budget, type(uint128).max);
        configure(config);
        Improvement memory said = improvement();
        said.paidBps = uint32(within(bps, 10, 500));
        uint256 reward = (uint256(said.paidBps) * config.tokensPerDeltaOne) / 100;
        if (reward > budget) {
            refused(said, abi.encodeWithSelector(Models.BudgetExceeded.selector, MODEL, reward, budget));
            // The same signatures after a top-up, just enough.
            bytes[] memory signatures = attest(said);
            config.budget = uint128(reward);
            configure(config);
            assertEq(verifier.processImprovement(said, signatures), reward);
        } else {
            assertEq(process(said), reward);
        }
        assertEq(token.totalSupply(), reward);
    }

    function test_dailyCapAndTheNextDay() public {
        ModelConfig memory config = terms();
        config.dailyCap = 9e18;
        configure(config);
        Improvement memory first = improvement();
        Improvement memory second = successor(first);
        process(first);
        refused(second, abi.encodeWithSelector(Models.DailyCapExceeded.selector, MODEL, REWARD, 4e18));
        vm.warp(20_001 days - 1);
        refused(second, abi.encodeWithSelector(Models.DailyCapExceeded.selector, MODEL, REWARD, 4e18));
        vm.warp(20_001 days);
        process(second);
        config.dailyCap = 10e18; // to the last wei
        configure(config);
        Improvement memory third = successor(second);
        process(third);
        config.dailyCap = 1; // lowered below what was granted today
        configure(config);
        refused(successor(third), abi.encodeWithSelector(Models.DailyCapExceeded.selector, MODEL, REWARD, 0));
    }

    function test_nothingMovesWhilePaused() public {
        ModelConfig memory config = terms();
        config.holdback = 5_000;
        configure(config);
        Improvement memory first = improvement();
        process(first);
        verifier.pause();
        bytes memory paused = abi.encodeWithSelector(Pausable.EnforcedPause.selector);
        refused(successor(first), paused);
        Maintenance memory later = maintenance();
        bytes[] memory signatures = attest(later);
        vm.expectRevert(paused);
        verifier.recordMaintenance(first, later, signatures);
        vm.expectRevert(paused);
        verifier.moveHead(MODEL, first.candidate, GENESIS, "rollback");
        verifier.unpause();
        process(successor(first));
    }

    function test_moveHead() public {
        bytes32 to = bytes32(uint256(2));
        vm.expectRevert(abi.encodeWithSelector(Models.ModelUnknown.selector, bytes32(uint256(1))));
        verifier.moveHead(bytes32(uint256(1)), GENESIS, to, "");
        vm.expectRevert(abi.encodeWithSelector(Models.ZeroValue.selector, "to"));
        verifier.moveHead(MODEL, GENESIS, 0, "");
        vm.expectRevert(abi.encodeWithSelector(Models.HeadIsAnother.selector, MODEL, GENESIS, to));
        verifier.moveHead(MODEL, to, GENESIS, "");
        vm.expectRevert(abi.encodeWithSelector(Models.HeadUnchanged.selector, MODEL, GENESIS));
        verifier.moveHead(MODEL, GENESIS, GENESIS, "");
        vm.expectEmit(address(verifier));
        emit Models.HeadMoved(MODEL, GENESIS, to, "why", address(this));
        verifier.moveHead(MODEL, GENESIS, to, "why");
        assertEq(verifier.head(MODEL), to);
        // What was the head without pay can never be a paid candidate.
        verifier.moveHead(MODEL, to, GENESIS, "rollback");
        refused(improvement(), abi.encodeWithSelector(Models.CandidateSeen.selector, MODEL, to));
    }

    function test_terms() public {
        bytes32 id = keccak256("new");
        ModelConfig memory config = terms();
        vm.expectRevert(abi.encodeWithSelector(Models.ZeroValue.selector, "modelId"));
        verifier.configureModel(0, config, GENESIS);
        vm.expectRevert(abi.encodeWithSelector(Models.ZeroValue.selector, "genesisChampion"));
        verifier.configureModel(id, config, 0);
        config.metricId = 0;
        refusedTerms(config, abi.encodeWithSelector(Models.ZeroValue.selector, "metricId"));
        config = terms();
        config.owner = address(0);
        refusedTerms(config, abi.encodeWithSelector(Models.ZeroValue.selector, "owner"));
        config = terms();
        (config.method, config.holdback) = (Method.Proof, 1);
        refusedTerms(config, outOfRange("holdback", 1, 0));
        config.method = Method.Hybrid;
        refusedTerms(config, outOfRange("holdback", 1, 0));
        config = terms();
        config = terms();
        config.minBps = 9;
        refusedTerms(config, abi.encodeWithSelector(Models.ConfigOutOfRange.selector, "minBps", 9, 10));
        config = terms();
        config.z2FloorE6 = 1_642_373;
        refusedTerms(config, outOfRange("z2FloorE6", 1_642_373, 1_642_374));
        config = terms();
        config.minSamples = 29;
        refusedTerms(config, outOfRange("minSamples", 29, 30));
        config = terms();
        config.tokensPerDeltaOne = 99;
        refusedTerms(config, outOfRange("tokensPerDeltaOne", 99, 100));
        config = terms();
        config.holdback = 10_000;
        refusedTerms(config, outOfRange("holdback", 10_000, 9_999));
        config = terms();
        vm.expectRevert(
            abi.encodeWithSelector(Models.GenesisAlreadyWritten.selector, MODEL, GENESIS, bytes32(uint256(7)))
        );
        verifier.configureModel(MODEL, config, bytes32(uint256(7)));
        (config.minBps, config.z2FloorE6, config.minSamples) = (10, 1_642_374, 30);
        (config.tokensPerDeltaOne, config.holdback) = (100, 9_999);
        configure(config);
        process(improvement());
        config.budget = 499;
        refusedTerms(config, outOfRange("budget", 499, 500));
        config.budget = 500;
        configure(config);
    }

    function outOfRange(string memory field, uint256 given, uint256 bound) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Models.ConfigOutOfRange.selector, field, given, bound);
    }

    function refusedTerms(ModelConfig memory config, bytes memory because) private {
        vm.expectRevert(because);
        configure(config);
    }
}
