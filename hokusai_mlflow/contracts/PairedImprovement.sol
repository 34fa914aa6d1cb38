// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";

/// @notice Exact sums of two models' scores on the same n examples, each score a whole number of
/// 1e-9: b and c are the sums of baseline and candidate, bb, cc and bc those of squares and product.
struct PairedSums {
    uint64 n;
    int256 b;
    int256 c;
    uint256 bb;
    uint256 cc;
    int256 bc;
}

/// @notice How the improvement follows from the sums.
/// Linear: (c - b) / n, scores, higher is better. LogRatio: ln(b / c), losses between 0 and 1.
/// HalfLogRatio: half of that, for the root of a loss.
enum Kind {
    Linear,
    LogRatio,
    HalfLogRatio
}

/// @title PairedImprovement
/// @notice Improvement and significance from paired sums, in integers. `hokusai_mlflow/deltaone.py`
/// computes the same to the last unit.
library PairedImprovement {
    int256 internal constant SCORE_UNIT = 1e9;
    int256 internal constant BASIS_POINT = 1e14;
    uint256 internal constant WAD = 1e18;

    // Within these, nothing below overflows 256 bits.
    uint64 internal constant MAX_N = 2 ** 40 - 1;
    uint256 internal constant MAX_SUM = 2 ** 96 - 1;
    uint256 internal constant MAX_SQUARES = 2 ** 152 - 1;

    error NoExamples();
    error SumsOutOfRange(PairedSums sums);
    error SumsContradictory(PairedSums sums);
    error LossesOutOfRange(PairedSums sums);

    /// @notice Improvement x 1e18, rounded toward zero; positive is better.
    function improvementWad(Kind kind, PairedSums calldata sums) internal pure returns (int256) {
        requireValid(kind, sums);
        if (kind == Kind.Linear) {
            return ((sums.c - sums.b) * SCORE_UNIT) / int256(uint256(sums.n));
        }
        int256 logarithm = _logRatio(sums);
        return kind == Kind.HalfLogRatio ? logarithm / 2 : logarithm;
    }

    /// @notice Improvement in whole basis points, rounded toward zero.
    function improvementBps(Kind kind, PairedSums calldata sums) internal pure returns (int256) {
        return improvementWad(kind, sums) / BASIS_POINT;
    }

    /// @notice Whether the improvement exceeds `minBps`, and by at least z standard errors.
    /// @param z2E6 z squared x 1e6.
    function isSignificant(Kind kind, PairedSums calldata sums, uint32 minBps, uint32 z2E6)
        internal
        pure
        returns (bool)
    {
        requireValid(kind, sums);
        if (kind == Kind.Linear) return _isSignificantMean(sums, minBps, z2E6);
        return _isSignificantLogRatio(sums, kind == Kind.HalfLogRatio ? int256(2) : int256(1), minBps, z2E6);
    }

    /// @notice Refuse sums that no scores can have.
    function requireValid(Kind kind, PairedSums calldata sums) internal pure {
        if (sums.n == 0) revert NoExamples();
        if (
            sums.n > MAX_N || SignedMath.abs(sums.b) > MAX_SUM || SignedMath.abs(sums.c) > MAX_SUM
                || sums.bb > MAX_SQUARES || sums.cc > MAX_SQUARES || SignedMath.abs(sums.bc) > MAX_SQUARES
        ) revert SumsOutOfRange(sums);

        // The matrix of centred second moments has no negative eigenvalue (Cauchy-Schwarz).
        int256 n = int256(uint256(sums.n));
        int256 spreadB = n * int256(sums.bb) - sums.b * sums.b;
        int256 spreadC = n * int256(sums.cc) - sums.c * sums.c;
        if (spreadB < 0 || spreadC < 0) revert SumsContradictory(sums);
        uint256 together = SignedMath.abs(n * sums.bc - sums.b * sums.c);
        (uint256 highLeft, uint256 lowLeft) = Math.mul512(together, together);
        (uint256 highRight, uint256 lowRight) = Math.mul512(uint256(spreadB), uint256(spreadC));
        if (highLeft > highRight || (highLeft == highRight && lowLeft > lowRight)) {
            revert SumsContradictory(sums);
        }

        if (kind != Kind.Linear && !(_areLosses(n, sums.b, sums.bb) && _areLosses(n, sums.c, sums.cc))) {
            revert LossesOutOfRange(sums);
        }
    }

    /// @dev Of n losses between 0 and 1, not all 0.
    function _areLosses(int256 n, int256 total, uint256 squares) private pure returns (bool) {
        return total > 0 && total <= n * SCORE_UNIT && int256(squares) <= total * SCORE_UNIT
            && int256(squares) <= total * total;
    }

    /// @dev A difference of logarithms, not the logarithm of a quotient: swapping flips its sign.
    function _logRatio(PairedSums calldata sums) private pure returns (int256) {
        return FixedPointMathLib.lnWad(sums.b) - FixedPointMathLib.lnWad(sums.c);
    }

    /// @dev (mean d - min)^2 >= z^2 (n sum d^2 - (sum d)^2) / n^3, times n^3.
    function _isSignificantMean(PairedSums calldata sums, uint32 minBps, uint32 z2E6) private pure returns (bool) {
        int256 n = int256(uint256(sums.n));
        int256 difference = sums.c - sums.b;
        // 1e9 / 1e4 leaves no rest.
        // slither-disable-next-line divide-before-multiply
        int256 excess = difference - int256(uint256(minBps)) * (SCORE_UNIT / 10_000) * n;
        if (excess <= 0) return false;
        int256 scatter = n * (int256(sums.bb) + int256(sums.cc) - 2 * sums.bc) - difference * difference;
        return uint256(n) * uint256(excess) * uint256(excess) * 1e6 >= uint256(z2E6) * uint256(scatter);
    }

    /// @dev Delta method: se^2 = sum (b_i / b - c_i / c)^2, rounded up. Of a halved logarithm the
    /// standard error is halved too, so the doubles are compared (`scale` 2).
    function _isSignificantLogRatio(PairedSums calldata sums, int256 scale, uint32 minBps, uint32 z2E6)
        private
        pure
        returns (bool)
    {
        int256 excess = _logRatio(sums) - scale * int256(uint256(minBps)) * BASIS_POINT;
        if (excess <= 0) return false;
        (int256 b, int256 c) = (sums.b, sums.c);
        uint256 scatter = uint256(int256(sums.bb) * c * c + int256(sums.cc) * b * b - 2 * sums.bc * b * c);
        uint256 variance = Math.mulDiv(scatter, WAD, uint256(b * b), Math.Rounding.Ceil);
        variance = Math.mulDiv(variance, WAD, uint256(c * c), Math.Rounding.Ceil);
        return uint256(excess) * uint256(excess) * 1e6 >= uint256(z2E6) * variance;
    }
}
