// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Method, ModelConfig} from "contracts/Models.sol";
import {Mode, Proof, ProofTerms, ProofVerifier, Proven} from "contracts/ProofVerifier.sol";
import {Circuit, Counted, Score} from "contracts/ProvenSums.sol";
import {Improvement, PublicPart} from "contracts/Signed.sol";
import {Base} from "./Base.sol";
import {Trapdoor} from "./Trapdoor.sol";
import {Typed} from "./Typed.sol";

/// @dev One model that is paid by proof of accuracy on 400 examples, gate and payment the same.
abstract contract Proving is Base {
    address internal constant LABELS = address(0x1abe1);
    uint256 internal constant LABEL = 0x1abe1;

    ProofVerifier internal proofs;

    function setUp() public virtual override {
        super.setUp();
        proofs = verifier.proofs();
        uint256[] memory key = Trapdoor.key(8);
        proofs.registerKey(key, circuit(), Mode.Development);
        demand(Method.Proof, key);
        commit(proven(improvementByProof()));
        vm.roll(block.number + 1);
    }

    function circuit() internal pure returns (Circuit memory) {
        return Circuit(Counted.Accuracy, 1_024, 4, 16);
    }

    function proofTerms(uint256[] memory key) internal pure returns (ProofTerms memory) {
        return ProofTerms(keccak256(abi.encodePacked(key)), Score.Accuracy, 0, 80, 1, LABELS);
    }

    function demand(Method method, uint256[] memory key) internal {
        ModelConfig memory config = terms();
        config.method = method;
        configure(config);
        proofs.configureProof(MODEL, proofTerms(key));
    }

    function commit(Proven memory said) internal returns (bytes32 id) {
        vm.prank(LABELS);
        return proofs.commitEvaluationSet(MODEL, said.shown, said.gateLabels, said.paymentLabels);
    }

    /// @dev 330 of 400 right after 300 of 400.
    function improvementByProof() internal view returns (Improvement memory said) {
        said = improvement();
        said.payment = said.gate;
        said.evaluationSet = idOf(proven(said));
    }

    function idOf(Proven memory said) internal pure returns (bytes32) {
        return keccak256(abi.encode(MODEL, said.shown, said.gateLabels, said.paymentLabels));
    }

    /// @dev Without its proof, which needs the improvement's digest.
    function proven(Improvement memory said) internal view returns (Proven memory made) {
        made.key = Trapdoor.key(8);
        (made.gateLabels, made.gate) = (new uint256[](1), new Proof[](1));
        made.gateLabels[0] = LABEL;
        made.gate[0].n = said.gate.n;
        made.gate[0].counts = right(said.gate.b, said.gate.c, said.gate.bc);
        (made.gate[0].champion, made.gate[0].candidate) = (0xc4a, 0xca);
    }

    function right(int256 b, int256 c, int256 both) internal pure returns (uint256[] memory counts) {
        counts = new uint256[](3);
        (counts[0], counts[1], counts[2]) = (uint256(b) / 1e9, uint256(c) / 1e9, uint256(both) / 1e18);
    }

    function contextOf(Improvement memory said) internal view returns (uint256) {
        return uint256(Typed.digest(domain(), Typed.hash(said))) >> 8;
    }

    /// @dev Every proof of it, in the context of this improvement.
    function prove(Proven memory made, Improvement memory said) internal view returns (Proven memory) {
        for (uint256 i = 0; i < made.gate.length; ++i) {
            made.gate[i].points = Trapdoor.forge(inputs(said, made.gateLabels[i], made.gate[i]), 40 + i);
        }
        for (uint256 i = 0; i < made.payment.length; ++i) {
            made.payment[i].points = Trapdoor.forge(inputs(said, made.paymentLabels[i], made.payment[i]), 20 + i);
        }
        return made;
    }

    function inputs(Improvement memory said, uint256 label, Proof memory one)
        internal
        view
        returns (uint256[] memory words)
    {
        words = new uint256[](5 + one.counts.length);
        (words[0], words[1], words[2]) = (contextOf(said), one.n, label);
        (words[3], words[4]) = (one.champion, one.candidate);
        for (uint256 i = 0; i < one.counts.length; ++i) {
            words[5 + i] = one.counts[i];
        }
    }

    function sign(PublicPart memory part) internal view returns (bytes[] memory) {
        return sign(Typed.digest(domain(), Typed.hash(part)), 2);
    }

    function none() internal pure returns (bytes[] memory) {
        return new bytes[](0);
    }

    function refused(Improvement memory said, bytes[] memory signatures, Proven memory made, bytes memory because)
        internal
    {
        refused(said, signatures, abi.encode(made), because);
    }

    /// @dev With this because, by transaction and view alike, without burning gas or paying anything.
    function refused(Improvement memory said, bytes[] memory signatures, bytes memory given, bytes memory because)
        internal
    {
        bytes32 head = verifier.head(MODEL);
        uint256 supply = token.totalSupply();
        vm.expectRevert(because);
        verifier.verifyProvenAndCalculateReward(said, signatures, given);
        bytes memory call_ = abi.encodeCall(verifier.processProvenImprovement, (said, signatures, given));
        uint256 before = gasleft();
        (bool done, bytes memory told) = address(verifier).call{gas: 5_000_000}(call_);
        assertTrue(before - gasleft() < 1_200_000, "a refusal burns gas");
        assertTrue(!done, "not refused");
        assertEq(keccak256(told), keccak256(because));
        assertEq(verifier.head(MODEL), head);
        assertEq(token.totalSupply(), supply);
    }
}
