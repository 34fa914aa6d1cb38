// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DeltaOne} from "contracts/DeltaOne.sol";
import {DeltaOneVerifier} from "contracts/DeltaOneVerifier.sol";
import {Method, ModelConfig, ModelState} from "contracts/Models.sol";
import {Kind, PairedSums} from "contracts/PairedImprovement.sol";
import {Share} from "contracts/Rewards.sol";
import {Improvement, Maintenance} from "contracts/Signed.sol";
import {Typed} from "./Typed.sol";
import {Test} from "./Vm.sol";

/// @dev The committed bytecode, deployed with three oracles of whom two must sign, and one model.
abstract contract Base is Test {
    bytes32 internal constant MODEL = keccak256("digits");
    bytes32 internal constant METRIC = keccak256("accuracy");
    bytes32 internal constant GENESIS = bytes32(uint256(1));
    address internal constant OWNER = address(0x0111);
    uint256 internal constant REWARD = 5e18;
    uint64 internal constant FAR = 2 ** 40;

    DeltaOneVerifier internal verifier;
    DeltaOne internal token;
    uint256[] internal keys; // of the oracles, by ascending address

    function setUp() public virtual {
        vm.warp(20_000 days + 7 hours);
        for (uint256 key = 1; key <= 3; ++key) {
            keys.push(key);
            for (uint256 i = keys.length - 1; i > 0 && vm.addr(keys[i]) < vm.addr(keys[i - 1]); --i) {
                (keys[i], keys[i - 1]) = (keys[i - 1], keys[i]);
            }
        }
        address[] memory oracles = new address[](3);
        for (uint256 i = 0; i < 3; ++i) {
            oracles[i] = vm.addr(keys[i]);
        }
        verifier = deploy(address(this), oracles, 2);
        token = verifier.token();
        verifier.configureModel(MODEL, terms(), GENESIS);
    }

    /// @dev From the artifact, so that what is tested is what ships.
    function deploy(address admin, address[] memory oracles, uint256 quorum) internal returns (DeltaOneVerifier made) {
        string memory folder = vm.envOr("HOKUSAI_ARTIFACTS", "hokusai_mlflow/chain/artifacts");
        string memory json = vm.readFile(string.concat(folder, "/DeltaOneVerifier.json"));
        bytes memory code =
            bytes.concat(vm.parseJsonBytes(json, ".bytecode"), abi.encode(admin, uint48(0), oracles, quorum));
        assembly {
            made := create(0, add(code, 32), mload(code))
            if iszero(made) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    // ------------------------------------------------------------------ what is said

    function terms() internal pure returns (ModelConfig memory) {
        return ModelConfig({
            metricId: METRIC,
            kind: Kind.Linear,
            method: Method.Oracle,
            owner: OWNER,
            minBps: 10,
            z2FloorE6: 2_705_543,
            holdback: 0,
            minSamples: 30,
            tokensPerDeltaOne: 1e18,
            holdbackPeriod: 0,
            budget: 10_000e18,
            dailyCap: 1_000e18
        });
    }

    /// @dev Of n examples so many are right, the candidate's including the baseline's.
    function hits(uint64 n, uint256 baseline, uint256 candidate) internal pure returns (PairedSums memory) {
        return PairedSums(
            n,
            int256(baseline * 1e9),
            int256(candidate * 1e9),
            baseline * 1e18,
            candidate * 1e18,
            int256((baseline < candidate ? baseline : candidate) * 1e18)
        );
    }

    /// @dev A payable improvement of 500 bps, the first of its model.
    function improvement() internal pure returns (Improvement memory said) {
        said.modelId = MODEL;
        said.evidence = bytes32(uint256(0xe1));
        said.champion = GENESIS;
        said.candidate = bytes32(uint256(2));
        said.evaluationSet = bytes32(uint256(5));
        said.metricId = METRIC;
        said.gate = hits(400, 300, 330);
        said.payment = hits(300, 225, 240);
        said.paidBps = 500;
        said.look = 1;
        said.deadline = FAR;
        (said.contributors, said.weights) = people(5);
    }

    /// @dev The improvement after that one, and so on.
    function successor(Improvement memory before) internal pure returns (Improvement memory said) {
        said = improvement();
        said.champion = before.candidate;
        said.candidate = bytes32(uint256(before.candidate) + 1);
        said.evidence = bytes32(uint256(before.evidence) + 1);
    }

    /// @dev Equal weights, but for the first who gets what is left.
    function people(uint256 count) internal pure returns (address[] memory contributors, uint16[] memory weights) {
        (contributors, weights) = (new address[](count), new uint16[](count));
        for (uint256 i = 0; i < count; ++i) {
            contributors[i] = address(uint160(0xC001 + i));
            weights[i] = uint16(10_000 / count);
        }
        weights[0] += uint16(10_000 - (10_000 / count) * count);
    }

    function maintenance() internal pure returns (Maintenance memory) {
        return Maintenance(bytes32(uint256(0xe1)), bytes32(uint256(0xab)), hits(300, 225, 230), FAR);
    }

    function domain() internal view returns (bytes32) {
        return Typed.domain("DeltaOneVerifier", "1", block.chainid, address(verifier));
    }

    function sign(bytes32 digest, uint256 count) internal view returns (bytes[] memory signatures) {
        signatures = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            signatures[i] = signed(keys[i], digest);
        }
    }

    function signed(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function attest(Improvement memory said) internal view returns (bytes[] memory) {
        return sign(Typed.digest(domain(), Typed.hash(said)), 2);
    }

    function attest(Maintenance memory said) internal view returns (bytes[] memory) {
        return sign(Typed.digest(domain(), Typed.hash(said)), 2);
    }

    // ------------------------------------------------------------------ what is done

    function process(Improvement memory said) internal returns (uint256) {
        return verifier.processImprovement(said, attest(said));
    }

    /// @dev Refused with this because, by the transaction and by the view alike; nothing changes.
    function refused(Improvement memory said, bytes[] memory signatures, bytes memory because) internal {
        bytes32 head = verifier.head(MODEL);
        uint256 supply = token.totalSupply();
        vm.expectRevert(because);
        verifier.verifyAndCalculateReward(said, signatures);
        vm.expectRevert(because);
        verifier.processImprovement(said, signatures);
        assertEq(verifier.head(MODEL), head);
        assertEq(token.totalSupply(), supply);
    }

    function refused(Improvement memory said, bytes memory because) internal {
        refused(said, attest(said), because);
    }

    function configure(ModelConfig memory config) internal {
        verifier.configureModel(MODEL, config, GENESIS);
    }

    function stateOf(bytes32 modelId) internal view returns (ModelState memory state) {
        (, state) = verifier.model(modelId);
    }

    function poolOf(bytes32 evidence) internal view returns (uint256 atOnce, uint256 vested, uint256 claimed) {
        (,, atOnce, vested, claimed) = verifier.pools(evidence);
    }

    function heldOf(bytes32 evidence) internal view returns (uint256 amount) {
        (, amount,) = verifier.holdings(evidence);
    }
}
