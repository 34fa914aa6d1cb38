// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {DeltaOne} from "./DeltaOne.sol";
import {Models} from "./Models.sol";
import {Improvement} from "./Signed.sol";

/// @notice A leaf of the tree of shares: the contributors' part of a reward, thought of as a line of
/// length 1e18, belongs to `account` from `start` to `end`. The leaves tile the line, so that their
/// amounts sum to that part to the wei, whatever it is.
struct Share {
    address account;
    uint64 start;
    uint64 end;
}

/// @notice What contributors may claim of one improvement.
struct Pool {
    bytes32 root; // of OpenZeppelin's standard tree over (address, uint64, uint64)
    bytes32 modelId;
    uint128 atOnce; // wei that could be claimed from the beginning
    uint128 vested; // wei that were held back; divided apart from the others
    uint128 claimed;
}

/// @title Rewards
/// @notice Divides rewards, 70 % to contributors and 30 % to the owner, and pays them: to a list at
/// once, to a tree as its leaves are claimed. The only caller of `DeltaOne.mint`.
abstract contract Rewards is Models {
    uint256 public constant CONTRIBUTORS_PERCENT = 70;
    uint256 public constant MAX_CONTRIBUTORS = 200;
    uint256 public constant SHARE_TOTAL = 1e18;

    /// @notice The token that rewards are paid in, created with this contract.
    DeltaOne public immutable token = new DeltaOne();

    /// @notice What can be claimed of an improvement, by its evidence.
    mapping(bytes32 evidence => Pool) public pools;

    /// @notice Wei that a leaf was paid.
    mapping(bytes32 evidence => mapping(bytes32 leaf => uint256)) public claimed;

    event RewardDistributed(
        bytes32 indexed modelId, bytes32 indexed evidence, address indexed account, uint256 amount, bool toOwner
    );
    event ClaimsOpened(bytes32 indexed modelId, bytes32 indexed evidence, bytes32 root, uint256 amount);
    event ShareClaimed(bytes32 indexed modelId, bytes32 indexed evidence, Share share, uint256 amount);

    error ContributorCount(uint256 contributors, uint256 weights, uint256 most);
    error ContributorsNotAscending(address previous, address contributor);
    error ZeroWeight(address contributor);
    error WeightsNotWhole(uint256 sum, uint256 expected);
    error ListAndTree(bytes32 claimsRoot, uint256 contributors, uint256 weights);
    error NothingToClaim(bytes32 evidence, address account, uint256 alreadyClaimed);
    error ShareNotInTree(bytes32 evidence, bytes32 leaf);
    error ShareOutOfRange(uint64 start, uint64 end, uint256 total);
    error ClaimsExhausted(bytes32 evidence, uint256 amount, uint256 left);

    /// @notice Pay a leaf what is due to it by now. Anyone may send it; its account is paid.
    /// @param evidence The improvement's.
    /// @param share The leaf.
    /// @param proof Its siblings, from the leaf upwards.
    /// @return amount Wei of DeltaOne paid.
    function claim(bytes32 evidence, Share calldata share, bytes32[] calldata proof)
        external
        whenNotPaused
        returns (uint256 amount)
    {
        Pool storage pool = pools[evidence];
        bytes32 leaf = shareLeaf(share);
        // A root is never zero where something can be claimed, nor can one be proven.
        if (!MerkleProof.verifyCalldata(proof, pool.root, leaf)) revert ShareNotInTree(evidence, leaf);
        if (share.start >= share.end || share.end > SHARE_TOTAL) {
            revert ShareOutOfRange(share.start, share.end, SHARE_TOTAL);
        }
        uint256 before = claimed[evidence][leaf];
        amount = _stretch(pool.atOnce, share) + _stretch(pool.vested, share) - before;
        if (amount == 0) revert NothingToClaim(evidence, share.account, before);
        // Only leaves that overlap, against the rule, can come to this.
        uint256 left = uint256(pool.atOnce) + pool.vested - pool.claimed;
        if (amount > left) revert ClaimsExhausted(evidence, amount, left);

        claimed[evidence][leaf] = before + amount;
        pool.claimed += uint128(amount);
        _release(pool.modelId, amount, 0);
        emit ShareClaimed(pool.modelId, evidence, share, amount);
        _pay(pool.modelId, evidence, share.account, amount, false);
    }

    /// @notice The leaf that stands for a share: hashed twice, as OpenZeppelin's standard tree does.
    function shareLeaf(Share calldata share) public pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(share.account, share.start, share.end))));
    }

    // ------------------------------------------------------------------ for improvements

    function _requireShares(Improvement calldata improvement) internal pure {
        address[] calldata contributors = improvement.contributors;
        uint16[] calldata weights = improvement.weights;
        if (improvement.claimsRoot != 0) {
            if (contributors.length + weights.length == 0) return;
            revert ListAndTree(improvement.claimsRoot, contributors.length, weights.length);
        }
        uint256 count = contributors.length;
        if (count == 0 || count > MAX_CONTRIBUTORS || count != weights.length) {
            revert ContributorCount(count, weights.length, MAX_CONTRIBUTORS);
        }
        address previous = address(0);
        uint256 sum = 0;
        for (uint256 i = 0; i < count; ++i) {
            // The first comparison refuses the zero address too.
            if (contributors[i] <= previous) revert ContributorsNotAscending(previous, contributors[i]);
            if (weights[i] == 0) revert ZeroWeight(contributors[i]);
            previous = contributors[i];
            sum += weights[i];
        }
        if (sum != WEIGHT_TOTAL) revert WeightsNotWhole(sum, WEIGHT_TOTAL);
    }

    /// @dev Wei of an amount that its contributors will have to claim.
    function _toClaim(Improvement calldata improvement, uint256 amount) internal pure returns (uint256) {
        return improvement.claimsRoot == 0 ? 0 : (amount * CONTRIBUTORS_PERCENT) / 100;
    }

    /// @dev Pay an amount to contributors and owner; what contributors must claim opens for claims.
    /// @param vested Whether it was held back before.
    /// @return ownerReward The owner's part: 30 %, and what rounding leaves.
    function distributeReward(Improvement calldata improvement, uint256 amount, bool vested)
        internal
        returns (uint256 ownerReward)
    {
        (bytes32 modelId, bytes32 evidence) = (improvement.modelId, improvement.evidence);
        ownerReward = amount;
        if (improvement.claimsRoot != 0) {
            uint256 part = _toClaim(improvement, amount);
            ownerReward -= part;
            Pool storage pool = pools[evidence];
            if (vested) pool.vested = uint128(part);
            else (pool.root, pool.modelId, pool.atOnce) = (improvement.claimsRoot, modelId, uint128(part));
            emit ClaimsOpened(modelId, evidence, improvement.claimsRoot, part);
        }
        for (uint256 i = 0; i < improvement.contributors.length; ++i) {
            uint256 part = (amount * CONTRIBUTORS_PERCENT * improvement.weights[i]) / (100 * WEIGHT_TOTAL);
            ownerReward -= part;
            _pay(modelId, evidence, improvement.contributors[i], part, false);
        }
        _pay(modelId, evidence, _configs[modelId].owner, ownerReward, true);
    }

    // ------------------------------------------------------------------ inside

    function _pay(bytes32 modelId, bytes32 evidence, address account, uint256 amount, bool toOwner) private {
        token.mint(account, amount);
        emit RewardDistributed(modelId, evidence, account, amount, toOwner);
    }

    function _stretch(uint256 amount, Share calldata share) private pure returns (uint256) {
        return (amount * share.end) / SHARE_TOTAL - (amount * share.start) / SHARE_TOTAL;
    }
}
