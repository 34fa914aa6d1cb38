// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {Method, ModelConfig, ModelState} from "contracts/Models.sol";
import {Kind} from "contracts/PairedImprovement.sol";
import {Rewards} from "contracts/Rewards.sol";
import {Improvement} from "contracts/Signed.sol";
import {Test} from "../support/Vm.sol";

/// @dev The parts that `DeltaOneVerifier` is put together from, each to be called by itself.
contract Parts is Rewards {
    constructor() AccessControlDefaultAdminRules(0, msg.sender) {}

    function grant(Improvement calldata said, uint256 reward, uint256 later) external {
        _requireFunds(said.modelId, _configs[said.modelId], reward);
        _advance(said, reward, later);
    }

    function release(bytes32 modelId, uint256 paid, uint256 returned) external {
        _release(modelId, paid, returned);
    }

    function requireShares(Improvement calldata said) external pure {
        _requireShares(said);
    }

    function distribute(Improvement calldata said, uint256 amount) external {
        distributeReward(said, amount, false);
    }
}

/// @dev For every value of the arguments, not only for drawn ones: `make halmos`, with halmos 0.3.3.
/// Three things are left to fuzzing, for within a minute the solver proves none of them:
/// - that shares tile the pool: they are proven by sorted hashes, and it branches on every order;
/// - that swapping the models flips the sign: signed division in 256 bits;
/// - that no sums overflow: products of four symbolic numbers. The ranges of `requireValid` bound
///   them by hand, and Differential.t.sol tries both sides of every bound.
contract SymbolicTest is Test {
    bytes32 private constant MODEL = keccak256("digits");
    Parts private parts;

    function setUp() public {
        parts = new Parts();
    }

    // ------------------------------------------------------------------ budget

    /// @dev Two grants, whatever they are of: never above the budget.
    function check_budget(uint128 budget, uint128 first, uint128 later, uint128 second) public {
        vm.assume(later <= first);
        _configure(budget, type(uint128).max);
        _grantTwice(first, later, second);
        (, ModelState memory state) = parts.model(MODEL);
        assert(uint256(state.minted) + state.reserved <= budget);
    }

    /// @dev The same of the daily cap.
    function check_dailyCap(uint128 cap, uint128 first, uint128 later, uint128 second) public {
        vm.assume(later <= first);
        _configure(type(uint128).max, cap);
        _grantTwice(first, later, second);
        (, ModelState memory state) = parts.model(MODEL);
        assert(state.grantedToday <= cap);
    }

    /// @dev What is released was reserved; what is not paid of it can be granted anew.
    function check_releases(uint128 budget, uint256 reward, uint256 later, uint256 paid, uint256 returned) public {
        vm.assume(later <= reward && paid <= later && returned <= later - paid);
        _configure(budget, type(uint128).max);
        try parts.grant(_said(), reward, later) {}
        catch {
            return;
        }
        parts.release(MODEL, paid, returned);
        (, ModelState memory state) = parts.model(MODEL);
        assert(state.minted == reward - later + paid);
        assert(state.reserved == later - paid - returned);
    }

    // ------------------------------------------------------------------ division

    /// @dev Accepted are only lists that ascend, with positive weights that sum to 10 000.
    function check_acceptedListsAreWhole(address[3] memory who, uint16[3] memory weights) public view {
        Improvement memory said = _said();
        (said.contributors, said.weights) = (new address[](3), new uint16[](3));
        for (uint256 i = 0; i < 3; ++i) {
            (said.contributors[i], said.weights[i]) = (who[i], weights[i]);
        }
        try parts.requireShares(said) {}
        catch {
            return;
        }
        assert(address(0) < who[0] && who[0] < who[1] && who[1] < who[2]);
        assert(weights[0] > 0 && weights[1] > 0 && weights[2] > 0);
        assert(uint256(weights[0]) + weights[1] + weights[2] == 10_000);
    }

    /// @dev Of a list with any two weights, exactly the amount is paid, if anything is.
    function check_listsArePaidToTheWei(uint96 amount, uint16 first) public {
        vm.assume(first > 0 && first < 10_000);
        _configure(type(uint128).max, type(uint128).max);
        Improvement memory said = _said();
        (said.contributors, said.weights) = (new address[](2), new uint16[](2));
        (said.contributors[0], said.contributors[1]) = (address(0xC1), address(0xC2));
        (said.weights[0], said.weights[1]) = (first, 10_000 - first);
        parts.distribute(said, amount);
        assert(parts.token().totalSupply() == amount);
    }

    // ------------------------------------------------------------------ inside

    function _grantTwice(uint256 first, uint256 later, uint256 second) private {
        try parts.grant(_said(), first, later) {} catch {}
        try parts.grant(_said(), second, 0) {} catch {}
    }

    function _configure(uint128 budget, uint128 cap) private {
        ModelConfig memory config = ModelConfig({
            metricId: keccak256("accuracy"),
            kind: Kind.Linear,
            method: Method.Oracle,
            owner: address(0x0111),
            minBps: 10,
            z2FloorE6: 2_705_543,
            holdback: 0,
            minSamples: 30,
            tokensPerDeltaOne: 1e18,
            holdbackPeriod: 0,
            budget: budget,
            dailyCap: cap
        });
        parts.configureModel(MODEL, config, bytes32(uint256(1)));
    }

    function _said() private pure returns (Improvement memory said) {
        said.modelId = MODEL;
        said.evidence = bytes32(uint256(0xe1));
        said.candidate = bytes32(uint256(2));
    }
}
