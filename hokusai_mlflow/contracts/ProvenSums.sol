// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PairedSums} from "./PairedImprovement.sol";

/// @notice What a circuit counts; see `hokusai_mlflow/verification/zk`.
enum Counted {
    Accuracy,
    Confusion,
    AbsoluteLoss,
    SquaredLoss
}

/// @notice A circuit: what it counts, and for what sizes.
struct Circuit {
    Counted counted;
    uint32 capacity; // rows
    uint32 bits; // of a value
    uint64 range; // number of classes; of a loss: its cap in steps
}

/// @notice The score whose sums are wanted.
enum Score {
    Accuracy,
    Precision,
    Recall,
    F1,
    Loss
}

/// @title ProvenSums
/// @notice Paired sums from what circuits count, in integers. `hokusai_mlflow/proven_sums.py`
/// computes the same to the last unit, and states the formulas.
///
/// A tally is the number of rows followed by the counts: of accuracy three (right by the baseline,
/// by the candidate, by both), of confusion a cell for each target, baseline and candidate class, of
/// losses five sums. Tallies of disjoint rows add up; scores are linearised once, from the total.
library ProvenSums {
    /// @notice In place of a positive class: the mean over all classes.
    uint16 internal constant MACRO = type(uint16).max;

    uint256 private constant UNIT = 1e9;
    uint256 private constant PACKED_BITS = 253;
    uint256 private constant MAX_COUNT = 2 ** 128 - 1;
    uint256 private constant MAX_ROWS = 2 ** 40 - 1; // within these, nothing below overflows

    error TallyLength(uint256 words, uint256 expected);
    error CountOutOfRange(uint256 place, uint256 count);
    error CountsContradictory(uint256 most, uint256 counted);
    error ScoreUndefined(uint256 class);

    /// @dev A score is `level`, plus `hit` of the class where the target is predicted, less `said` of
    /// the predicted and `occurred` of the target's class.
    struct Linearised {
        int256 level;
        int256[] hit;
        int256[] said;
        int256[] occurred;
    }

    /// @dev Of a class: right * hits / (said * predicted + occurred * actual).
    struct Weights {
        uint256 right;
        uint256 said;
        uint256 occurred;
    }

    /// @notice How many words of counts a proof of this circuit states.
    function countWords(Circuit memory circuit) internal pure returns (uint256) {
        if (circuit.counted == Counted.Accuracy) return 3;
        if (circuit.counted != Counted.Confusion) return 5;
        uint256 each = PACKED_BITS / _countBits(circuit.capacity);
        return (_cells(circuit) + each - 1) / each;
    }

    /// @notice Words of a tally.
    function tallyLength(Circuit memory circuit) internal pure returns (uint256) {
        if (circuit.counted == Counted.Accuracy) return 4;
        return circuit.counted == Counted.Confusion ? 1 + _cells(circuit) : 6;
    }

    /// @notice Add what one proof states to a tally.
    function add(uint256[] memory tally, Circuit memory circuit, uint256 n, uint256[] memory counts) internal pure {
        if (n == 0 || n > circuit.capacity) revert CountOutOfRange(0, n);
        tally[0] += n;
        if (circuit.counted != Counted.Confusion) {
            for (uint256 i = 0; i < counts.length; ++i) {
                _add(tally, i + 1, counts[i]);
            }
            return;
        }
        uint256 bits = _countBits(circuit.capacity);
        uint256 each = PACKED_BITS / bits;
        uint256 mask = 2 ** bits - 1;
        uint256 place = 1;
        for (uint256 i = 0; i < counts.length; ++i) {
            uint256 word = counts[i];
            for (uint256 k = 0; k < each && place < tally.length; ++k) {
                tally[place++] += word & mask;
                word >>= bits;
            }
            if (word != 0) revert CountOutOfRange(i, counts[i]);
        }
    }

    /// @notice Add a tally that was stated as a whole.
    function add(uint256[] memory tally, uint256[] memory other) internal pure {
        if (other.length != tally.length) revert TallyLength(other.length, tally.length);
        for (uint256 i = 0; i < other.length; ++i) {
            _add(tally, i, other[i]);
        }
    }

    /// @notice Refuse a tally that no rows can have.
    function requireConsistent(uint256[] memory tally, Circuit memory circuit) internal pure {
        uint256 n = tally[0];
        uint256 counted = 0;
        if (n > MAX_ROWS) revert CountOutOfRange(0, n);
        if (circuit.counted == Counted.Accuracy) {
            (uint256 b, uint256 c, uint256 both) = (tally[1], tally[2], tally[3]);
            if (both > b || both > c) revert CountsContradictory(b < c ? b : c, both);
            counted = b + c - both;
            if (counted > n) revert CountsContradictory(n, counted);
        } else if (circuit.counted == Counted.Confusion) {
            for (uint256 i = 1; i < tally.length; ++i) {
                counted += tally[i];
            }
            if (counted != n) revert CountsContradictory(n, counted);
        } else {
            // A bound in whole steps of the loss: rounded down first, on purpose.
            // slither-disable-start divide-before-multiply
            uint256 most = UNIT / lossUnit(circuit);
            for (uint256 i = 1; i < 3; ++i) {
                if (tally[i] > n * most) revert CountsContradictory(n * most, tally[i]);
                if (tally[i + 2] > tally[i] * most) revert CountsContradictory(tally[i] * most, tally[i + 2]);
            }
            // slither-disable-end divide-before-multiply
        }
    }

    /// @notice The paired sums of a tally.
    /// @param positive Of precision, recall and F1: the class that is meant, or MACRO.
    function sums(uint256[] memory tally, Circuit memory circuit, Score score, uint16 positive)
        internal
        pure
        returns (PairedSums memory)
    {
        if (circuit.counted == Counted.Accuracy) return _hits(tally);
        if (circuit.counted == Counted.Confusion) return _ratios(tally, circuit.range, score, positive);
        return _losses(tally, lossUnit(circuit));
    }

    /// @notice What one step of a loss is in the fixed point of paired sums; zero when it is no whole number.
    function lossUnit(Circuit memory circuit) internal pure returns (uint256) {
        uint256 largest = circuit.counted == Counted.SquaredLoss ? uint256(circuit.range) ** 2 : circuit.range;
        return largest == 0 || UNIT % largest != 0 ? 0 : UNIT / largest;
    }

    // ------------------------------------------------------------------ inside

    function _add(uint256[] memory tally, uint256 place, uint256 count) private pure {
        if (count > MAX_COUNT) revert CountOutOfRange(place, count);
        tally[place] += count;
    }

    function _cells(Circuit memory circuit) private pure returns (uint256) {
        return uint256(circuit.range) ** 3;
    }

    /// @dev Bits that a count of up to `capacity` takes.
    function _countBits(uint256 capacity) private pure returns (uint256 bits) {
        while (capacity >> bits != 0) {
            ++bits;
        }
    }

    function _hits(uint256[] memory tally) private pure returns (PairedSums memory) {
        (uint256 n, uint256 b, uint256 c, uint256 both) = (tally[0], tally[1], tally[2], tally[3]);
        uint256 square = UNIT * UNIT;
        return PairedSums(uint64(n), int256(b * UNIT), int256(c * UNIT), b * square, c * square, int256(both * square));
    }

    function _losses(uint256[] memory tally, uint256 unit) private pure returns (PairedSums memory) {
        uint256 square = unit * unit;
        return PairedSums(
            uint64(tally[0]),
            int256(tally[1] * unit),
            int256(tally[2] * unit),
            tally[3] * square,
            tally[4] * square,
            int256(tally[5] * square)
        );
    }

    function _ratios(uint256[] memory tally, uint256 classes, Score score, uint16 positive)
        private
        pure
        returns (PairedSums memory made)
    {
        Linearised memory b = _linearised(_confusion(tally, classes, false), tally[0], score, positive);
        Linearised memory c = _linearised(_confusion(tally, classes, true), tally[0], score, positive);
        made.n = uint64(tally[0]);
        uint256 place = 1;
        for (uint256 target = 0; target < classes; ++target) {
            for (uint256 first = 0; first < classes; ++first) {
                int256 scoreB = _score(b, target, first);
                for (uint256 second = 0; second < classes; ++second) {
                    int256 count = int256(tally[place++]);
                    if (count == 0) continue;
                    int256 scoreC = _score(c, target, second);
                    made.b += count * scoreB;
                    made.c += count * scoreC;
                    made.bb += uint256(count * scoreB * scoreB);
                    made.cc += uint256(count * scoreC * scoreC);
                    made.bc += count * scoreB * scoreC;
                }
            }
        }
    }

    /// @dev Rows by target and prediction of one model.
    function _confusion(uint256[] memory tally, uint256 classes, bool candidate)
        private
        pure
        returns (uint256[] memory matrix)
    {
        matrix = new uint256[](classes * classes);
        uint256 place = 1;
        for (uint256 target = 0; target < classes; ++target) {
            for (uint256 first = 0; first < classes; ++first) {
                for (uint256 second = 0; second < classes; ++second) {
                    matrix[target * classes + (candidate ? second : first)] += tally[place++];
                }
            }
        }
    }

    function _linearised(uint256[] memory matrix, uint256 n, Score score, uint16 positive)
        private
        pure
        returns (Linearised memory made)
    {
        uint256 classes = 1;
        while (classes * classes < matrix.length) {
            ++classes;
        }
        (made.hit, made.said, made.occurred) = (new int256[](classes), new int256[](classes), new int256[](classes));
        Weights memory weights = _weights(score);
        if (positive != MACRO) {
            made.level = _addClass(made, matrix, positive, n, 1, weights);
            return made;
        }
        for (uint256 k = 0; k < classes; ++k) {
            made.level += _addClass(made, matrix, k, n, classes, weights);
        }
        made.level /= int256(classes);
    }

    /// @dev Of `counted` classes, this one's part of the score; returns its ratio.
    function _addClass(
        Linearised memory made,
        uint256[] memory matrix,
        uint256 k,
        uint256 n,
        uint256 counted,
        Weights memory weights
    ) private pure returns (int256) {
        uint256 below = _below(matrix, made.hit.length, k, n, weights);
        uint256 hits = weights.right * matrix[k * made.hit.length + k];
        made.hit[k] = int256((weights.right * n * UNIT) / (below * counted));
        // Rounded once, here, as the Python side does, so that both agree to the last unit.
        // slither-disable-start divide-before-multiply
        uint256 less = (hits * n * UNIT) / (below * below * counted);
        made.said[k] = int256(weights.said * less);
        made.occurred[k] = int256(weights.occurred * less);
        // slither-disable-end divide-before-multiply
        return int256((hits * UNIT) / below);
    }

    function _below(uint256[] memory matrix, uint256 classes, uint256 k, uint256 n, Weights memory weights)
        private
        pure
        returns (uint256 below)
    {
        uint256 actual = 0;
        for (uint256 j = 0; j < classes; ++j) {
            below += weights.said * matrix[j * classes + k];
            actual += matrix[k * classes + j];
        }
        below += weights.occurred * actual;
        if (below == 0 || actual >= n) revert ScoreUndefined(k);
    }

    function _weights(Score score) private pure returns (Weights memory) {
        if (score == Score.Precision) return Weights(1, 1, 0);
        if (score == Score.Recall) return Weights(1, 0, 1);
        return Weights(2, 1, 1);
    }

    function _score(Linearised memory parts, uint256 target, uint256 predicted) private pure returns (int256) {
        int256 score = parts.level - parts.said[predicted] - parts.occurred[target];
        return target == predicted ? score + parts.hit[target] : score;
    }
}
