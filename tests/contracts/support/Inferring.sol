// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Inferred, InferenceCircuit, InferenceTerms, InferenceVerifier} from "contracts/InferenceVerifier.sol";
import {Improvement} from "contracts/Signed.sol";
import {Mode} from "contracts/VerifyingKeys.sol";
import {Proving} from "./Proving.sol";
import {Trapdoor} from "./Trapdoor.sol";

/// @dev The model of `Proving`, whose predictions must come from committed weights on 90 drawn rows.
abstract contract Inferring is Proving {
    address internal constant MODELS = address(0x30de1);
    uint256 internal constant INPUTS = 10; // seven, and three words for 64 rows of 10 bits
    uint256 internal constant SLOTS = 64;
    uint256 internal constant ROWS = 90;
    uint32 internal constant DELAY = 5;
    bytes32 internal constant RANDAO = keccak256("randao");

    InferenceVerifier internal inference;

    function setUp() public virtual override {
        super.setUp();
        inference = deployInference();
        proofs.setInference(inference);
        inference.registerKey(Trapdoor.key(INPUTS), sizes(), Mode.Development);
        inference.demandInference(MODEL, inferenceTerms());
        commitFeatures(features());
        vm.prank(MODELS);
        inference.commitWeights(MODEL, GENESIS, 0x3e1);
        vm.roll(block.number + 1);
    }

    /// @dev From the artifact, as everything.
    function deployInference() internal returns (InferenceVerifier made) {
        string memory folder = vm.envOr("HOKUSAI_ARTIFACTS", "hokusai_mlflow/chain/artifacts");
        string memory json = vm.readFile(string.concat(folder, "/InferenceVerifier.json"));
        bytes memory code = bytes.concat(vm.parseJsonBytes(json, ".bytecode"), abi.encode(proofs));
        assembly {
            made := create(0, add(code, 32), mload(code))
            if iszero(made) { revert(0, 0) }
        }
    }

    function sizes() internal pure returns (InferenceCircuit memory) {
        return InferenceCircuit(1_024, 4, uint32(SLOTS));
    }

    function inferenceTerms() internal pure returns (InferenceTerms memory) {
        return InferenceTerms(uint32(ROWS), DELAY, 2, MODELS);
    }

    function features() internal pure returns (uint256[] memory given) {
        given = new uint256[](1);
        given[0] = 0xfea;
    }

    function commitFeatures(uint256[] memory given) internal {
        bytes32 set = improvementByProof().evaluationSet;
        vm.prank(LABELS);
        inference.commitFeatures(MODEL, set, given);
    }

    /// @dev What the honest owner of the honest improvement's models commits to.
    function inferredOf(Improvement memory said) internal pure returns (Inferred memory made) {
        (made.champion, made.candidate, made.evaluationSet) = (said.champion, said.candidate, said.evaluationSet);
        (made.championWeights, made.candidateWeights) = (0x3e1, 0x3e2);
        made.predictions = new uint256[3][](1);
        made.predictions[0] = [uint256(said.gate.n), 0xc4a, 0xca];
        made.features = features();
    }

    function commitPredictions(Inferred memory made) internal returns (uint64 drawnBy) {
        vm.prank(MODELS);
        return inference.commitPredictions(MODEL, made);
    }

    /// @dev To the block after the one that draws, whose header is the test's.
    function draw(Inferred memory made, bytes32 randao) internal returns (bytes32 seed) {
        uint64 drawnBy = inference.drawOf(MODEL, made.candidate).blockNumber;
        vm.roll(drawnBy + 1);
        vm.setBlockhash(drawnBy, keccak256(header(randao)));
        return inference.fixDraw(MODEL, made.candidate, header(randao));
    }

    /// @dev A header as clients encode it; the test's own.
    function header(bytes32 randao) internal pure returns (bytes memory) {
        bytes memory hashes = bytes.concat(item("parent"), item("ommers"), hex"94", bytes20(uint160(0xc0)));
        hashes = bytes.concat(hashes, item("state"), item("transactions"), item("receipts"));
        bytes memory numbers = bytes.concat(hex"b90100", new bytes(256), hex"80", hex"83123456", hex"8401c9c380");
        numbers = bytes.concat(numbers, hex"07", hex"8465000000", hex"887465737465642e2e");
        bytes memory all = bytes.concat(hashes, numbers, hex"a0", randao, hex"880000000000000000");
        return bytes.concat(hex"f9", bytes2(uint16(all.length)), all);
    }

    function item(string memory name) private pure returns (bytes memory) {
        return bytes.concat(hex"a0", keccak256(bytes(name)));
    }

    /// @dev Rows by a whole shuffle with all places written out.
    function shuffled(bytes32 seed, uint256 part, uint256 n) internal pure returns (uint256[] memory order) {
        order = new uint256[](n);
        for (uint256 i = 0; i < n; ++i) {
            order[i] = i;
        }
        bytes32 own = keccak256(abi.encode(seed, part));
        for (uint256 i = 0; i < n; ++i) {
            uint256 other = i + uint256(keccak256(abi.encode(own, i))) % (n - i);
            (order[i], order[other]) = (order[other], order[i]);
        }
    }

    /// @dev Public inputs of the proof of rows `from`, `from + 1` and so on, of `drawn`.
    function inferenceInputs(Inferred memory made, bytes32 seed, uint256 part, uint256 from)
        internal
        view
        returns (uint256[] memory words)
    {
        uint256 n = made.predictions[part][0];
        uint256 drawn = n < ROWS ? n : ROWS;
        words = new uint256[](INPUTS);
        words[0] = uint256(keccak256(abi.encode(block.chainid, address(inference), MODEL, made))) >> 8;
        for (uint256 i = 0; i < 3; ++i) {
            words[1 + i] = made.predictions[part][i];
        }
        (words[4], words[5], words[6]) = (made.championWeights, made.candidateWeights, made.features[part]);
        uint256[] memory order = shuffled(seed, part, n);
        for (uint256 i = 0; i < SLOTS; ++i) {
            words[7 + i / 24] += order[(from + i) % drawn] * 1_024 ** (i % 24);
        }
    }

    /// @dev Both proofs of 90 drawn rows.
    function pieces(Inferred memory made, bytes32 seed) internal view returns (uint256[8][] memory points) {
        points = new uint256[8][](2);
        points[0] = Trapdoor.forge(inferenceInputs(made, seed, 0, 0), 51);
        points[1] = Trapdoor.forge(inferenceInputs(made, seed, 0, SLOTS), 52);
    }
}
