// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Groth16
/// @notice Verification of Groth16 proofs over BN254 for any circuit: the verifying key is data.
///
/// A key is its words laid end to end: alpha (2), beta (4), gamma (4), delta (4), then a point (2)
/// for the constant and for every public input. A proof is A (2), B (4), C (2). Points are affine
/// in the order of EIP-197, imaginary part first.
///
/// Everything is checked before a precompile sees it, and precompiles get no more gas than they
/// need: one that fails takes all it was given. Nothing here returns false; what is not valid reverts.
library Groth16 {
    /// @dev Order of the group: public inputs are below it.
    uint256 internal constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    /// @dev Order of the field that coordinates are in.
    uint256 internal constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;

    uint256 private constant ADD_GAS = 500; // costs 150
    uint256 private constant MULTIPLY_GAS = 7_000; // costs 6 000
    uint256 private constant PAIRING_GAS = 190_000; // four pairs cost 181 000

    error KeyLength(uint256 words, uint256 expected);
    error KeyUnusable();
    error GammaIsDelta();
    error NotAScalar(uint256 value);
    error NotACoordinate(uint256 value);
    error PointInvalid();
    error ProofInvalid();

    /// @notice Refuse a proof that does not hold.
    /// @dev e(A, B) = e(alpha, beta) e(sum of inputs, gamma) e(C, delta).
    function requireValid(uint256[] memory key, uint256[8] memory proof, uint256[] memory inputs) internal view {
        uint256 expected = keyLength(inputs.length);
        if (key.length != expected) revert KeyLength(key.length, expected);
        for (uint256 i = 0; i < 8; ++i) {
            if (proof[i] >= Q) revert NotACoordinate(proof[i]);
        }
        (uint256 x, uint256 y) = _combined(key, inputs);
        uint256[24] memory pairs;
        (pairs[0], pairs[1]) = (proof[0], proof[1] == 0 ? 0 : Q - proof[1]); // -A
        for (uint256 i = 2; i < 6; ++i) {
            pairs[i] = proof[i]; // B
        }
        for (uint256 i = 0; i < 6; ++i) {
            pairs[6 + i] = key[i]; // alpha, beta
        }
        (pairs[12], pairs[13]) = (x, y);
        for (uint256 i = 0; i < 4; ++i) {
            pairs[14 + i] = key[6 + i]; // gamma
            pairs[20 + i] = key[10 + i]; // delta
        }
        (pairs[18], pairs[19]) = (proof[6], proof[7]); // C
        if (!_pairing(pairs, PAIRING_GAS)) revert ProofInvalid();
    }

    /// @notice Refuse a key that is malformed, or that anybody can forge proofs for.
    /// @dev Where gamma is delta, A = alpha, B = beta and C = -(sum of inputs) prove everything.
    function requireSound(uint256[] memory key, uint256 inputs) internal view {
        uint256 expected = keyLength(inputs);
        if (key.length != expected) revert KeyLength(key.length, expected);
        for (uint256 i = 0; i < expected; ++i) {
            if (key[i] >= Q) revert NotACoordinate(key[i]);
        }
        if (key[6] == key[10] && key[7] == key[11] && key[8] == key[12] && key[9] == key[13]) revert GammaIsDelta();
        _requireOnCurve(key[0], key[1]);
        for (uint256 i = 14; i < expected; i += 2) {
            _requireOnCurve(key[i], key[i + 1]);
        }
        // Beside the point at infinity, the precompile still wants beta, gamma and delta in the group.
        // Memory starts as zeros, which here are the points at infinity.
        // slither-disable-next-line uninitialized-local
        uint256[24] memory pairs;
        for (uint256 i = 0; i < 3; ++i) {
            if (key[2 + 4 * i] | key[3 + 4 * i] | key[4 + 4 * i] | key[5 + 4 * i] == 0) revert KeyUnusable();
            for (uint256 k = 0; k < 4; ++k) {
                pairs[6 * i + 2 + k] = key[2 + 4 * i + k];
            }
        }
        if (!_pairing(pairs, PAIRING_GAS)) revert KeyUnusable();
    }

    /// @notice Words of a key with so many public inputs.
    function keyLength(uint256 inputs) internal pure returns (uint256) {
        return 14 + 2 * (inputs + 1);
    }

    /// @dev The constant's point plus every input times its point.
    function _combined(uint256[] memory key, uint256[] memory inputs) private view returns (uint256, uint256) {
        uint256[4] memory sum; // the sum so far, and what is added to it
        uint256[3] memory term; // a point and its factor
        (sum[0], sum[1]) = (key[14], key[15]);
        bool fine = true;
        for (uint256 i = 0; i < inputs.length; ++i) {
            if (inputs[i] >= R) revert NotAScalar(inputs[i]);
            (term[0], term[1], term[2]) = (key[16 + 2 * i], key[17 + 2 * i], inputs[i]);
            assembly ("memory-safe") {
                fine := and(fine, staticcall(MULTIPLY_GAS, 0x07, term, 0x60, add(sum, 0x40), 0x40))
                fine := and(fine, staticcall(ADD_GAS, 0x06, sum, 0x80, sum, 0x40))
            }
        }
        if (!fine) revert PointInvalid();
        return (sum[0], sum[1]);
    }

    /// @dev Whether the product of four pairings is one.
    function _pairing(uint256[24] memory pairs, uint256 limit) private view returns (bool) {
        bool fine;
        uint256[1] memory result;
        assembly ("memory-safe") {
            fine := staticcall(limit, 0x08, pairs, 0x300, result, 0x20)
        }
        if (!fine) revert PointInvalid();
        return result[0] == 1;
    }

    /// @dev y^2 = x^3 + 3; infinity, which is written as zeros, makes no sense in a key's G1 points
    /// but for an input that no constraint uses.
    function _requireOnCurve(uint256 x, uint256 y) private pure {
        if (x | y == 0) return;
        if (mulmod(y, y, Q) != addmod(mulmod(mulmod(x, x, Q), x, Q), 3, Q)) revert PointInvalid();
    }
}
