// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Inferred} from "contracts/InferenceVerifier.sol";
import {Improvement} from "contracts/Signed.sol";
import {Mode} from "contracts/VerifyingKeys.sol";
import {Inferring} from "../support/Inferring.sol";
import {Trapdoor} from "../support/Trapdoor.sol";

/// @dev What proofs of inference cost, everything included. Compared with gas/.
/// forge-config: default.isolate = true
contract InferenceGasTest is Inferring {
    function test_inference() public {
        Improvement memory said = improvementByProof();
        Inferred memory made = inferredOf(said);
        commitPredictions(made);
        vm.snapshotGasLastCall("inference", "commitment to predictions, one part");
        bytes32 seed = draw(made, RANDAO);
        vm.snapshotGasLastCall("inference", "draw");
        inference.proveInference(MODEL, made, Trapdoor.key(INPUTS), pieces(made, seed));
        vm.snapshotGasLastCall("inference", "90 of 400 rows, two proofs of 10 public inputs");
        verifier.processProvenImprovement(said, none(), abi.encode(prove(proven(said), said)));
        vm.snapshotGasLastCall("inference", "5 payees, by one proof, predictions inferred");
    }
}
