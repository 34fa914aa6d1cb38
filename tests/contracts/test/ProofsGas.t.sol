// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Method} from "contracts/Models.sol";
import {Mode, Proof, Proven} from "contracts/ProofVerifier.sol";
import {Improvement} from "contracts/Signed.sol";
import {Proving} from "../support/Proving.sol";
import {Trapdoor} from "../support/Trapdoor.sol";
import {Typed} from "../support/Typed.sol";

/// @dev What payments by proof cost, everything included. Compared with gas/.
/// forge-config: default.isolate = true
contract ProofsGasTest is Proving {
    function test_proofs() public {
        Improvement memory first = improvementByProof();
        verifier.processProvenImprovement(first, none(), abi.encode(prove(proven(first), first)));

        Improvement memory said = successor(first);
        (said.gate, said.payment) = (first.gate, first.gate);
        configure(terms());
        verifier.processImprovement(said, sign(Typed.digest(domain(), Typed.hash(said)), 3));
        uint256 byOracles = vm.snapshotGasLastCall("proofs", "5 payees, by three oracles");

        demandProof();
        said = successor(said);
        (said.gate, said.payment, said.evaluationSet) = (first.gate, first.gate, first.evaluationSet);
        verifier.processProvenImprovement(said, none(), abi.encode(prove(proven(said), said)));
        uint256 byProof = vm.snapshotGasLastCall("proofs", "5 payees, by one proof of 8 public inputs");
        assertTrue(byProof - byOracles <= 330_000, "a proof costs more than 330 000 beyond the oracles");

        said = successor(said);
        (said.gate, said.payment) = (first.gate, first.gate);
        Proven memory made = proven(said);
        (made.gateLabels, made.gate) = (new uint256[](10), new Proof[](10));
        for (uint256 i = 0; i < 10; ++i) {
            made.gateLabels[i] = i + 1;
            made.gate[i] = Proof(40, i, 100 + i, right(30e9, 33e9, 30e18), made.gate[i].points);
        }
        vm.prank(LABELS);
        said.evaluationSet = proofs.commitEvaluationSet(MODEL, 0, made.gateLabels, made.paymentLabels);
        vm.snapshotGasLastCall("proofs", "commitment to 10 chunks");
        vm.roll(block.number + 1);
        verifier.processProvenImprovement(said, none(), abi.encode(prove(made, said)));
        vm.snapshotGasLastCall("proofs", "5 payees, by proofs of 10 chunks");
    }

    function test_keys() public {
        uint256[] memory key = Trapdoor.key(8);
        proofs.registerKey(key, circuit(), Mode.Auditor);
        vm.snapshotGasLastCall("proofs", "registration of a key for 8 public inputs");
    }

    function demandProof() private {
        demand(Method.Proof, Trapdoor.key(8));
    }
}
