// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PairedSums} from "./PairedImprovement.sol";

/// @notice An improvement as the oracles sign it. Who is paid stands either in `contributors` and
/// `weights`, or, when they are too many for one call, in the tree below `claimsRoot`.
struct Improvement {
    bytes32 modelId; // keccak256 of the model's name
    bytes32 evidence; // digest of the evidence document: paid once
    bytes32 champion; // commitment to the model that was beaten: the lineage's head
    bytes32 candidate; // commitment to the model that replaces it
    bytes32 evaluationSet; // commitment to the examples of the gate
    bytes32 metricId; // keccak256 of the metric's name
    PairedSums gate; // sums of the sealed hold-out that decided
    PairedSums payment; // sums of the examples that pay is measured on
    uint32 paidBps; // basis points asked for
    uint32 look; // which look at the hold-out this was, from 1
    address[] contributors; // strictly ascending; empty when there is a tree
    uint16[] weights; // their shares in 1e-4, summing to 10 000
    bytes32 claimsRoot; // root of the tree of shares, see `Claims`; zero when there is a list
    uint64 deadline; // last second at which this may be processed
}

/// @notice A later measurement of a paid improvement, as the oracles sign it: it decides what
/// becomes of the part that was held back.
struct Maintenance {
    bytes32 evidence; // the improvement's
    bytes32 report; // digest of the document about this measurement: used once
    PairedSums sums; // of the same two models on examples that came later
    uint64 deadline; // last second at which this may be recorded
}

/// @notice What oracles sign of an improvement that is proven for the other examples: the tallies of
/// the examples that they see, as `ProvenSums` counts them.
struct PublicPart {
    bytes32 improvement; // digest of the improvement that they belong to
    uint256[] gate;
    uint256[] payment; // empty: pay is measured on the gate's examples
}

/// @title Signed
/// @notice EIP-712 struct hashes of everything that oracles sign.
library Signed {
    bytes32 private constant SUMS_TYPEHASH =
        keccak256("PairedSums(uint64 n,int256 b,int256 c,uint256 bb,uint256 cc,int256 bc)");
    bytes32 private constant IMPROVEMENT_TYPEHASH = keccak256(
        "Improvement(bytes32 modelId,bytes32 evidence,bytes32 champion,bytes32 candidate,bytes32 evaluationSet,"
        "bytes32 metricId,PairedSums gate,PairedSums payment,uint32 paidBps,uint32 look,address[] contributors,"
        "uint16[] weights,bytes32 claimsRoot,uint64 deadline)"
        "PairedSums(uint64 n,int256 b,int256 c,uint256 bb,uint256 cc,int256 bc)"
    );
    bytes32 private constant MAINTENANCE_TYPEHASH = keccak256(
        "Maintenance(bytes32 evidence,bytes32 report,PairedSums sums,uint64 deadline)"
        "PairedSums(uint64 n,int256 b,int256 c,uint256 bb,uint256 cc,int256 bc)"
    );
    bytes32 private constant PUBLIC_PART_TYPEHASH =
        keccak256("PublicPart(bytes32 improvement,uint256[] gate,uint256[] payment)");

    function hash(Improvement calldata improvement) internal pure returns (bytes32) {
        return keccak256(
            bytes.concat(
                abi.encode(
                    IMPROVEMENT_TYPEHASH,
                    improvement.modelId,
                    improvement.evidence,
                    improvement.champion,
                    improvement.candidate,
                    improvement.evaluationSet,
                    improvement.metricId
                ),
                abi.encode(
                    _hash(improvement.gate),
                    _hash(improvement.payment),
                    improvement.paidBps,
                    improvement.look,
                    keccak256(abi.encodePacked(improvement.contributors)),
                    keccak256(abi.encodePacked(improvement.weights)),
                    improvement.claimsRoot,
                    improvement.deadline
                )
            )
        );
    }

    function hash(Maintenance calldata maintenance) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                MAINTENANCE_TYPEHASH,
                maintenance.evidence,
                maintenance.report,
                _hash(maintenance.sums),
                maintenance.deadline
            )
        );
    }

    function hash(PublicPart memory part) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                PUBLIC_PART_TYPEHASH,
                part.improvement,
                keccak256(abi.encodePacked(part.gate)),
                keccak256(abi.encodePacked(part.payment))
            )
        );
    }

    function _hash(PairedSums calldata sums) private pure returns (bytes32) {
        return keccak256(abi.encode(SUMS_TYPEHASH, sums));
    }
}
