// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ModelConfig} from "contracts/Models.sol";
import {Oracles} from "contracts/Oracles.sol";
import {Improvement, Maintenance} from "contracts/Signed.sol";
import {Base} from "../support/Base.sol";
import {Typed} from "../support/Typed.sol";

contract SignaturesTest is Base {
    function testFuzz_digestsFollowFromTheText(Improvement memory said, Maintenance memory later) public view {
        assertEq(verifier.improvementDigest(said), Typed.digest(domain(), Typed.hash(said)));
        assertEq(verifier.maintenanceDigest(later), Typed.digest(domain(), Typed.hash(later)));
    }

    function test_anotherDomainIsRefused() public {
        Improvement memory said = improvement();
        bytes32[5] memory others = [
            Typed.domain("DeltaOneVerifier", "1", block.chainid + 1, address(verifier)),
            Typed.domain("DeltaOneVerifier", "1", block.chainid, address(token)),
            Typed.domain("DeltaOneVerifier", "2", block.chainid, address(verifier)),
            Typed.domain("DeltaOne", "1", block.chainid, address(verifier)),
            bytes32(0)
        ];
        for (uint256 i = 0; i < others.length; ++i) {
            bytes[] memory signatures = sign(Typed.digest(others[i], Typed.hash(said)), 2);
            vm.expectRevert();
            verifier.processImprovement(said, signatures);
        }
        assertEq(token.totalSupply(), 0);
        assertEq(process(said), REWARD);
    }

    function test_signaturesDoNotFollowTheContractToAnotherChain() public {
        Improvement memory said = improvement();
        bytes[] memory signatures = attest(said);
        vm.chainId(block.chainid + 1);
        vm.expectRevert();
        verifier.processImprovement(said, signatures);
        // Signed anew, for the chain that it is on now.
        assertEq(process(said), REWARD);
    }

    function test_anotherStructVersionIsRefused() public {
        Improvement memory said = improvement();
        string memory older =
            "Improvement(bytes32 modelId,bytes32 evidence,bytes32 champion,bytes32 candidate,bytes32 evaluationSet,bytes32 metricId,PairedSums gate,PairedSums payment,uint32 paidBps,uint32 look,address[] contributors,uint16[] weights,uint64 deadline)";
        bytes32 hash = Typed.hash(said, string.concat(older, Typed.SUMS));
        bytes[] memory signatures = sign(Typed.digest(domain(), hash), 2);
        vm.expectRevert();
        verifier.processImprovement(said, signatures);
    }

    function test_oneStatementIsNotTheOther() public {
        // What was signed of an improvement does not settle its holding.
        Improvement memory said = improvement();
        bytes[] memory signatures = attest(said);
        holdHalf();
        process(said);
        vm.expectRevert();
        verifier.recordMaintenance(said, maintenance(), signatures);
    }

    function test_anotherModelsSignaturesAreRefused() public {
        Improvement memory said = improvement();
        bytes[] memory signatures = attest(said);
        said.modelId = keccak256("another");
        verifier.configureModel(said.modelId, terms(), GENESIS);
        vm.expectRevert();
        verifier.processImprovement(said, signatures);
    }

    function test_everyFlippedBitOfAnImprovementIsRefused() public {
        Improvement memory said = improvement();
        said.paidBps = 400; // far from the boundaries that would refuse a flip before the signatures
        flipAll(abi.encodeCall(verifier.processImprovement, (said, attest(said))));
        assertEq(token.totalSupply(), 0);
        assertEq(verifier.head(MODEL), GENESIS);
        assertEq(process(said), 4e18);
    }

    function test_everyFlippedBitOfATreesImprovementIsRefused() public {
        Improvement memory said = improvement();
        (said.contributors, said.weights) = (new address[](0), new uint16[](0));
        said.claimsRoot = keccak256("root");
        // Two empty arrays can be encoded in many ways: their places are no part of the message.
        flipAll(abi.encodeCall(verifier.processImprovement, (said, attest(said))), 4 + 22 * 32, 4 + 24 * 32);
        assertEq(process(said), REWARD);
    }

    function test_everyFlippedBitOfAMaintenanceIsRefused() public {
        holdHalf();
        Improvement memory said = improvement();
        process(said);
        Maintenance memory later = maintenance();
        flipAll(abi.encodeCall(verifier.recordMaintenance, (said, later, attest(later))));
        assertEq(heldOf(said.evidence), REWARD / 2);
        assertTrue(verifier.recordMaintenance(said, later, attest(later)), "kept");
    }

    function testFuzz_aQuorumIsEnoughOraclesEachOnce(uint8[4] memory who, uint8 count, uint8 quorum) public {
        count = uint8(within(count, 0, 4));
        quorum = uint8(within(quorum, 1, 3));
        verifier.setQuorum(quorum);
        Improvement memory said = improvement();
        bytes32 digest = Typed.digest(domain(), Typed.hash(said));
        bytes[] memory signatures = new bytes[](count);
        bool good = count >= quorum;
        address previous = address(0);
        for (uint256 i = 0; i < count; ++i) {
            uint256 key = within(who[i], 1, 5); // 4 and 5 are strangers
            signatures[i] = signed(key, digest);
            good = good && key <= 3 && vm.addr(key) > previous;
            previous = vm.addr(key);
        }
        (bool done,) = address(verifier).call(abi.encodeCall(verifier.processImprovement, (said, signatures)));
        assertTrue(done == good, "paid without a quorum, or refused with one");
        assertEq(token.totalSupply(), good ? REWARD : 0);
    }

    function test_refusalsNameTheSigner() public {
        Improvement memory said = improvement();
        bytes32 digest = Typed.digest(domain(), Typed.hash(said));
        bytes[] memory signatures = sign(digest, 2);
        (address first, address second) = (vm.addr(keys[0]), vm.addr(keys[1]));
        refused(said, sign(digest, 1), abi.encodeWithSelector(Oracles.QuorumMissing.selector, 1, 2));
        (signatures[0], signatures[1]) = (signatures[1], signatures[0]);
        refused(said, signatures, abi.encodeWithSelector(Oracles.SignersNotAscending.selector, second, first));
        signatures[0] = signatures[1];
        refused(said, signatures, abi.encodeWithSelector(Oracles.SignersNotAscending.selector, first, first));
        signatures[0] = signed(9, digest);
        refused(said, signatures, abi.encodeWithSelector(Oracles.NotAnOracle.selector, vm.addr(9)));
    }

    function holdHalf() private {
        ModelConfig memory config = terms();
        config.holdback = 5_000;
        configure(config);
    }

    function flipAll(bytes memory data) private {
        flipAll(data, 0, 0);
    }

    /// @dev All but the selector, the paddings of the two signatures, and what is left out.
    function flipAll(bytes memory data, uint256 leftFrom, uint256 leftTo) private {
        uint256 last = data.length - 31; // 65 bytes of a signature, then 31 of padding
        for (uint256 i = 4; i < last; ++i) {
            if (i >= last - 128 && i < last - 97) continue;
            if (i >= leftFrom && i < leftTo) continue;
            for (uint256 bit = 0; bit < 8; ++bit) {
                data[i] ^= bytes1(uint8(1 << bit));
                (bool done,) = address(verifier).call(data);
                assertTrue(!done, "a flipped bit was accepted");
                data[i] ^= bytes1(uint8(1 << bit));
            }
        }
    }
}
