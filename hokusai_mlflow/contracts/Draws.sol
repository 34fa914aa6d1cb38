// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Draws
/// @notice Rows drawn by a block's randomness, and how they stand among a proof's public inputs.
/// `hokusai_mlflow/verification/zk/sampling.py` draws the same.
library Draws {
    /// @notice Blocks whose hash a contract can ask for.
    uint256 internal constant REMEMBERED = 256;
    uint256 internal constant FIXED_INPUTS = 7; // before the words of rows

    uint256 private constant PACKED_BITS = 248;
    uint256 private constant BEFORE_RANDOMNESS = 13; // fields of a header before PREVRANDAO

    error HeaderIsAnother(bytes32 expected, bytes32 given);

    /// @notice PREVRANDAO of an earlier block, read from its header, which the block's hash pins.
    /// @dev Unlike the hash itself, its proposer cannot try many (EIP-4399).
    function randomness(uint256 blockNumber, bytes calldata header) internal view returns (bytes32) {
        bytes32 expected = blockhash(blockNumber);
        bytes32 given = keccak256(header);
        // A block that is forgotten has no hash; then nothing is a header of it.
        if (given != expected) revert HeaderIsAnother(expected, given);
        // What has this hash is a header, so nothing of its encoding needs to be doubted.
        uint256 place = 1 + (uint8(header[0]) > 0xf7 ? uint8(header[0]) - 0xf7 : 0);
        for (uint256 i = 0; i < BEFORE_RANDOMNESS; ++i) {
            place += _length(header, place);
        }
        return bytes32(header[place + 1:place + 33]);
    }

    /// @notice Distinct rows of one part, by a partial Fisher-Yates shuffle.
    function rows(bytes32 seed, uint256 part, uint256 n, uint256 count) internal pure returns (uint256[] memory found) {
        bytes32 own = keccak256(abi.encode(seed, part));
        uint256[] memory order = new uint256[](n); // what stands at a place, plus one; zero: its own number
        found = new uint256[](count);
        for (uint256 k = 0; k < count; ++k) {
            uint256 other = k + uint256(keccak256(abi.encode(own, k))) % (n - k);
            found[k] = order[other] == 0 ? other : order[other] - 1;
            order[other] = order[k] == 0 ? k + 1 : order[k];
        }
    }

    /// @notice So many rows from one on, beginning anew where they end, as words of public inputs.
    function packed(uint256[] memory order, uint256 from, uint256 capacity, uint256 slots)
        internal
        pure
        returns (uint256[] memory words)
    {
        uint256 bits = _indexBits(capacity);
        uint256 each = PACKED_BITS / bits;
        words = new uint256[](rowWords(capacity, slots));
        for (uint256 k = 0; k < slots; ++k) {
            words[k / each] |= order[(from + k) % order.length] << (bits * (k % each));
        }
    }

    /// @notice Public inputs that so many rows take.
    function rowWords(uint256 capacity, uint256 slots) internal pure returns (uint256) {
        uint256 each = PACKED_BITS / _indexBits(capacity);
        return (slots + each - 1) / each;
    }

    function joined(uint256[] memory first, uint256[] memory second) internal pure returns (uint256[] memory all) {
        all = new uint256[](first.length + second.length);
        for (uint256 i = 0; i < all.length; ++i) {
            all[i] = i < first.length ? first[i] : second[i - first.length];
        }
    }

    function _indexBits(uint256 capacity) private pure returns (uint256 bits) {
        bits = 1;
        while ((capacity - 1) >> bits != 0) {
            ++bits;
        }
    }

    /// @dev Bytes of the RLP item at a place, its prefix included.
    function _length(bytes calldata encoded, uint256 place) private pure returns (uint256) {
        uint256 prefix = uint8(encoded[place]);
        if (prefix < 0x80) return 1;
        if (prefix < 0xb8) return prefix - 0x7f;
        uint256 size = 0;
        for (uint256 i = 1; i <= prefix - 0xb7; ++i) {
            size = (size << 8) | uint8(encoded[place + i]);
        }
        return 1 + (prefix - 0xb7) + size;
    }
}
