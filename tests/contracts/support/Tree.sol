// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Share} from "contracts/Rewards.sol";

/// @dev A tree of shares whose proofs OpenZeppelin's library accepts; children of i at 2i+1, 2i+2.
library Tree {
    uint256 internal constant LINE = 1e18;

    /// @dev Tiles the line by weights that follow from a seed.
    function shares(uint256 count, uint256 seed) internal pure returns (Share[] memory made) {
        made = new Share[](count);
        uint256 total = 0;
        for (uint256 i = 0; i < count; ++i) {
            total += weight(i, seed);
        }
        uint256 before = 0;
        for (uint256 i = 0; i < count; ++i) {
            uint256 after_ = before + weight(i, seed);
            made[i] =
                Share(address(uint160(0xD0001 + i)), uint64((before * LINE) / total), uint64((after_ * LINE) / total));
            before = after_;
        }
    }

    function nodes(Share[] memory leaves) internal pure returns (bytes32[] memory made) {
        uint256 count = leaves.length;
        made = new bytes32[](2 * count - 1);
        for (uint256 i = 0; i < count; ++i) {
            made[count - 1 + i] = leaf(leaves[i]);
        }
        for (uint256 i = count - 1; i > 0; --i) {
            made[i - 1] = pair(made[2 * i - 1], made[2 * i]);
        }
    }

    function proof(bytes32[] memory made, uint256 which) internal pure returns (bytes32[] memory siblings) {
        uint256 place = (made.length + 1) / 2 - 1 + which;
        uint256 depth = 0;
        for (uint256 i = place; i > 0; i = (i - 1) / 2) {
            ++depth;
        }
        siblings = new bytes32[](depth);
        for (uint256 i = 0; i < depth; ++i) {
            siblings[i] = made[place % 2 == 1 ? place + 1 : place - 1];
            place = (place - 1) / 2;
        }
    }

    function leaf(Share memory share) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(share.account, share.start, share.end))));
    }

    function pair(bytes32 one, bytes32 other) internal pure returns (bytes32) {
        return one < other ? keccak256(bytes.concat(one, other)) : keccak256(bytes.concat(other, one));
    }

    function weight(uint256 i, uint256 seed) internal pure returns (uint256) {
        return 1 + (uint256(keccak256(abi.encode(i, seed))) % 1_000);
    }
}
