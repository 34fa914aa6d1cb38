// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DeltaOneVerifier} from "contracts/DeltaOneVerifier.sol";
import {ModelConfig, ModelState, Models} from "contracts/Models.sol";
import {Rewards, Share} from "contracts/Rewards.sol";
import {Improvement, Maintenance} from "contracts/Signed.sol";
import {Base} from "../support/Base.sol";
import {Tree} from "../support/Tree.sol";
import {Typed} from "../support/Typed.sol";

/// @dev What is paid, to whom, and that it adds up to the wei.
contract RewardsTest is Base {
    function testFuzz_listsAreSplitToTheWei(uint128 rate, uint8 count, uint256 seed, uint16 holdback) public {
        ModelConfig memory config = terms();
        config.tokensPerDeltaOne = uint128(within(rate, 100, 1e32));
        config.holdback = uint16(within(holdback, 0, 9_999));
        (config.budget, config.dailyCap) = (type(uint128).max, type(uint128).max);
        configure(config);
        Improvement memory said = improvement();
        (said.contributors, said.weights) = crowd(within(count, 1, 8), seed);
        uint256 reward = process(said);
        assertEq(reward, (500 * uint256(config.tokensPerDeltaOne)) / 100);
        uint256 held = (reward * config.holdback) / 10_000;
        uint256[] memory balances = requireSplit(said, new uint256[](said.contributors.length + 1), reward - held);
        assertEq(token.totalSupply(), reward - held);
        assertEq(stateOf(MODEL).reserved, held);
        if (held == 0) return;
        assertTrue(verifier.recordMaintenance(said, maintenance(), attest(maintenance())), "lasts");
        requireSplit(said, balances, held);
        assertEq(token.totalSupply(), reward);
        assertEq(stateOf(MODEL).minted, reward);
        assertEq(stateOf(MODEL).reserved, 0);
    }

    function test_eventsTellEverything() public {
        Improvement memory said = improvement();
        (said.contributors, said.weights) = people(1);
        bytes[] memory signatures = attest(said);
        vm.expectEmit(address(verifier));
        emit Rewards.RewardDistributed(MODEL, said.evidence, said.contributors[0], 3.5e18, false);
        vm.expectEmit(address(verifier));
        emit Rewards.RewardDistributed(MODEL, said.evidence, OWNER, 1.5e18, true);
        vm.expectEmit(address(verifier));
        emit DeltaOneVerifier.ImprovementRecorded(MODEL, said.evidence, said.candidate, 500, REWARD, 1.5e18, said);
        verifier.processImprovement(said, signatures);
        assertEq(verifier.head(MODEL), said.candidate);
        assertTrue(verifier.usedEvidence(said.evidence), "used");
        assertTrue(verifier.seen(MODEL, said.candidate), "seen");
    }

    function test_eventsOfTreesAndHoldings() public {
        hold(2_000, 1 days);
        Share[] memory shares = Tree.shares(2, 1);
        Improvement memory said = planted(shares);
        bytes[] memory signatures = attest(said);
        uint64 from = uint64(block.timestamp + 1 days);
        vm.expectEmit(address(verifier));
        emit DeltaOneVerifier.RewardHeld(MODEL, said.evidence, 1e18, from);
        vm.expectEmit(address(verifier));
        emit Rewards.ClaimsOpened(MODEL, said.evidence, said.claimsRoot, 2.8e18);
        vm.expectEmit(address(verifier));
        emit Rewards.RewardDistributed(MODEL, said.evidence, OWNER, 1.2e18, true);
        verifier.processImprovement(said, signatures);
        vm.warp(from);
        Maintenance memory later = maintenance();
        signatures = attest(later);
        vm.expectEmit(address(verifier));
        emit Rewards.ClaimsOpened(MODEL, said.evidence, said.claimsRoot, 0.7e18);
        vm.expectEmit(address(verifier));
        emit Rewards.RewardDistributed(MODEL, said.evidence, OWNER, 0.3e18, true);
        vm.expectEmit(address(verifier));
        emit DeltaOneVerifier.MaintenanceRecorded(MODEL, said.evidence, true, 166, 1e18, 0.3e18, later);
        verifier.recordMaintenance(said, later, signatures);
        vm.expectEmit(address(verifier));
        emit Rewards.ShareClaimed(MODEL, said.evidence, shares[0], worth(shares[0], 2.8e18, 0.7e18));
        verifier.claim(said.evidence, shares[0], Tree.proof(Tree.nodes(shares), 0));
    }

    // ------------------------------------------------------------------ trees

    function testFuzz_treesArePaidToTheWei(uint128 rate, uint8 count, uint256 seed, uint16 holdback) public {
        ModelConfig memory config = terms();
        config.tokensPerDeltaOne = uint128(within(rate, 100, 1e32));
        config.holdback = uint16(within(holdback, 0, 9_999));
        (config.budget, config.dailyCap) = (type(uint128).max, type(uint128).max);
        configure(config);
        Share[] memory shares = Tree.shares(within(count, 1, 12), seed);
        Improvement memory said = planted(shares);
        uint256 reward = process(said);
        uint256 held = (reward * config.holdback) / 10_000;
        claimAll(said, shares, ((reward - held) * 70) / 100, 0);
        assertEq(token.totalSupply(), reward - held);
        assertEq(stateOf(MODEL).minted, reward - held);
        assertEq(stateOf(MODEL).reserved, held);
        if (held == 0) return;
        verifier.recordMaintenance(said, maintenance(), attest(maintenance()));
        claimAll(said, shares, ((reward - held) * 70) / 100, (held * 70) / 100);
        assertEq(token.totalSupply(), reward);
        assertEq(stateOf(MODEL).reserved, 0);
    }

    function test_tenThousandClaims() public {
        Share[] memory shares = Tree.shares(10_000, 7);
        Improvement memory said = planted(shares);
        process(said);
        assertEq(token.balanceOf(OWNER), 1.5e18);
        bytes32[] memory nodes = Tree.nodes(shares);
        for (uint256 i = 0; i < shares.length; ++i) {
            uint256 paid = verifier.claim(said.evidence, shares[i], Tree.proof(nodes, i));
            assertEq(paid, worth(shares[i], 3.5e18, 0));
        }
        assertEq(token.totalSupply(), REWARD);
        assertEq(stateOf(MODEL).reserved, 0);
        assertEq(stateOf(MODEL).minted, REWARD);
    }

    function test_claimsThatAreRefused() public {
        Share[] memory shares = Tree.shares(3, 1);
        bytes32[] memory nodes = Tree.nodes(shares);
        Improvement memory said = planted(shares);
        bytes32 evidence = said.evidence;
        bytes32[] memory proof = Tree.proof(nodes, 0);
        bytes memory absent = notInTree(evidence, shares[0]);
        refusedClaim(evidence, shares[0], proof, absent);
        process(said);
        refusedClaim(evidence, shares[0], Tree.proof(nodes, 1), absent);
        refusedClaim(evidence, shares[0], new bytes32[](0), absent);
        refusedClaim(bytes32(uint256(9)), shares[0], proof, notInTree(bytes32(uint256(9)), shares[0]));
        Share memory greedy = shares[0];
        (uint64 end, address whose) = (greedy.end, greedy.account);
        greedy.end = 1e18;
        refusedClaim(evidence, greedy, proof, notInTree(evidence, greedy));
        (greedy.end, greedy.account) = (end, address(this));
        refusedClaim(evidence, greedy, proof, notInTree(evidence, greedy));
        greedy.account = whose;
        uint256 paid = verifier.claim(evidence, shares[0], proof);
        refusedClaim(
            evidence, shares[0], proof, abi.encodeWithSelector(Rewards.NothingToClaim.selector, evidence, whose, paid)
        );
        verifier.pause();
        refusedClaim(evidence, shares[1], Tree.proof(nodes, 1), abi.encodeWithSignature("EnforcedPause()"));
    }

    /// @dev Trees that break the rule, signed all the same, pay no more than the pool.
    function test_treesThatDoNotTileTheLine() public {
        Share[] memory shares = new Share[](5);
        shares[0] = Share(address(0xD1), 0, 0.6e18);
        shares[1] = Share(address(0xD2), 0.3e18, 1e18);
        shares[2] = Share(address(0xD3), 0.5e18, 0.5e18);
        shares[3] = Share(address(0xD4), 0, 1e18 + 1);
        shares[4] = Share(address(0xD5), 0.9e18, 0.8e18);
        bytes32[] memory nodes = Tree.nodes(shares);
        Improvement memory said = planted(shares);
        process(said);
        for (uint256 i = 2; i < 5; ++i) {
            bytes memory because =
                abi.encodeWithSelector(Rewards.ShareOutOfRange.selector, shares[i].start, shares[i].end, 1e18);
            refusedClaim(said.evidence, shares[i], Tree.proof(nodes, i), because);
        }
        assertEq(verifier.claim(said.evidence, shares[0], Tree.proof(nodes, 0)), 2.1e18);
        bytes memory exhausted =
            abi.encodeWithSelector(Rewards.ClaimsExhausted.selector, said.evidence, 2.45e18, 1.4e18);
        refusedClaim(said.evidence, shares[1], Tree.proof(nodes, 1), exhausted);
    }

    function test_unclaimedPartsStayInTheBudget() public {
        ModelConfig memory config = terms();
        config.budget = 9e18;
        configure(config);
        Improvement memory said = planted(Tree.shares(3, 1));
        process(said);
        refused(successor(said), abi.encodeWithSelector(Models.BudgetExceeded.selector, MODEL, REWARD, 4e18));
    }

    // ------------------------------------------------------------------ holdings

    function test_whatFadesReturnsToTheBudget() public {
        ModelConfig memory config = terms();
        (config.holdback, config.budget) = (4_000, 8e18);
        configure(config);
        Improvement memory said = improvement();
        process(said);
        Improvement memory next = successor(said);
        refused(next, abi.encodeWithSelector(Models.BudgetExceeded.selector, MODEL, REWARD, 3e18));
        Maintenance memory later = maintenance();
        later.sums = hits(10_000, 5_000, 5_009); // 9 of 10 basis points
        assertTrue(!verifier.recordMaintenance(said, later, attest(later)), "kept");
        ModelState memory state = stateOf(MODEL);
        assertEq(state.minted, 3e18);
        assertEq(state.reserved, 0);
        process(next); // 8 - 3 = 5 are left
    }

    function test_theLeastThatLasts() public {
        hold(4_000, 0);
        Improvement memory said = improvement();
        process(said);
        Maintenance memory later = maintenance();
        later.sums = hits(10_000, 5_000, 5_010);
        assertTrue(verifier.recordMaintenance(said, later, attest(later)), "faded");
    }

    function test_maintenancesThatAreRefused() public {
        hold(4_000, 1 days);
        Improvement memory said = improvement();
        Maintenance memory later = maintenance();
        bytes32 evidence = said.evidence;
        refusedMaintenance(said, later, abi.encodeWithSelector(DeltaOneVerifier.NothingHeld.selector, evidence));
        process(said);
        uint256 from = block.timestamp + 1 days;
        vm.warp(from - 1);
        refusedMaintenance(said, later, abi.encodeWithSelector(DeltaOneVerifier.TooEarly.selector, from, from - 1));
        vm.warp(from);
        later.report = evidence;
        refusedMaintenance(said, later, abi.encodeWithSelector(Models.EvidenceUsed.selector, evidence));
        later.report = 0;
        refusedMaintenance(said, later, abi.encodeWithSelector(Models.ZeroValue.selector, "report"));
        later = maintenance();
        later.deadline = uint64(from - 1);
        refusedMaintenance(said, later, abi.encodeWithSelector(DeltaOneVerifier.Expired.selector, from - 1, from));
        later = maintenance();
        later.sums = hits(29, 20, 29);
        refusedMaintenance(said, later, abi.encodeWithSelector(DeltaOneVerifier.TooFewSamples.selector, 29, 30));
        later = maintenance();
        bytes32 was = Typed.hash(said);
        said.paidBps = 499;
        refusedMaintenance(
            said, later, abi.encodeWithSelector(DeltaOneVerifier.ImprovementIsAnother.selector, was, Typed.hash(said))
        );
        said.paidBps = 500;
        ModelConfig memory config = terms();
        config.metricId = keccak256("f1");
        configure(config);
        refusedMaintenance(
            said, later, abi.encodeWithSelector(DeltaOneVerifier.MetricIsAnother.selector, config.metricId, METRIC)
        );
        configure(terms());
        later.deadline = uint64(from);
        verifier.recordMaintenance(said, later, attest(later));
        refusedMaintenance(said, later, abi.encodeWithSelector(DeltaOneVerifier.NothingHeld.selector, evidence));
        // Its report is used up as evidence too.
        Improvement memory next = successor(said);
        next.evidence = later.report;
        refused(next, abi.encodeWithSelector(Models.EvidenceUsed.selector, later.report));
    }

    // ------------------------------------------------------------------ inside

    function hold(uint16 share, uint32 period) private {
        ModelConfig memory config = terms();
        (config.holdback, config.holdbackPeriod) = (share, period);
        configure(config);
    }

    function planted(Share[] memory shares) private pure returns (Improvement memory said) {
        said = improvement();
        (said.contributors, said.weights) = (new address[](0), new uint16[](0));
        said.claimsRoot = Tree.nodes(shares)[0];
    }

    function notInTree(bytes32 evidence, Share memory share) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Rewards.ShareNotInTree.selector, evidence, Tree.leaf(share));
    }

    function refusedClaim(bytes32 evidence, Share memory share, bytes32[] memory proof, bytes memory because) private {
        uint256 supply = token.totalSupply();
        vm.expectRevert(because);
        verifier.claim(evidence, share, proof);
        assertEq(token.totalSupply(), supply);
    }

    function refusedMaintenance(Improvement memory said, Maintenance memory later, bytes memory because) private {
        bytes[] memory signatures = attest(later);
        uint256 supply = token.totalSupply();
        vm.expectRevert(because);
        verifier.recordMaintenance(said, later, signatures);
        assertEq(token.totalSupply(), supply);
    }

    function worth(Share memory share, uint256 atOnce, uint256 vested) private pure returns (uint256) {
        return (atOnce * share.end) / 1e18 - (atOnce * share.start) / 1e18 + (vested * share.end) / 1e18
            - (vested * share.start) / 1e18;
    }

    function claimAll(Improvement memory said, Share[] memory shares, uint256 atOnce, uint256 vested) private {
        bytes32[] memory nodes = Tree.nodes(shares);
        uint256 sum = 0;
        for (uint256 i = 0; i < shares.length; ++i) {
            uint256 expected = worth(shares[i], atOnce, vested);
            bytes32[] memory proof = Tree.proof(nodes, i);
            if (token.balanceOf(shares[i].account) < expected) verifier.claim(said.evidence, shares[i], proof);
            assertEq(token.balanceOf(shares[i].account), expected);
            sum += expected;
        }
        assertEq(sum, atOnce + vested);
    }

    function crowd(uint256 count, uint256 seed)
        private
        pure
        returns (address[] memory contributors, uint16[] memory weights)
    {
        (contributors, weights) = people(count);
        // Move weight from one to the next, at random.
        for (uint256 i = 0; i + 1 < count; ++i) {
            uint16 moved = uint16(uint256(keccak256(abi.encode(seed, i))) % weights[i]);
            weights[i] -= moved;
            weights[i + 1] += moved;
        }
    }

    /// @dev Balances are what they were and the parts of this amount; the owner's is the last.
    function requireSplit(Improvement memory said, uint256[] memory before, uint256 amount)
        private
        view
        returns (uint256[] memory)
    {
        uint256 count = said.contributors.length;
        uint256 left = amount;
        for (uint256 i = 0; i < count; ++i) {
            uint256 part = (amount * 70 * said.weights[i]) / 1_000_000;
            before[i] += part;
            left -= part;
            assertEq(token.balanceOf(said.contributors[i]), before[i]);
        }
        assertTrue(left * 10 >= amount * 3, "the owner got less than 30 %");
        before[count] += left;
        assertEq(token.balanceOf(OWNER), before[count]);
        return before;
    }
}
