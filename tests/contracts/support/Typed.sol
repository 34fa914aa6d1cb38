// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PairedSums} from "contracts/PairedImprovement.sol";
import {Improvement, Maintenance, PublicPart} from "contracts/Signed.sol";

/// @dev EIP-712 once more, from its text and not from the contract.
library Typed {
    string internal constant SUMS = "PairedSums(uint64 n,int256 b,int256 c,uint256 bb,uint256 cc,int256 bc)";
    string internal constant IMPROVEMENT =
        "Improvement(bytes32 modelId,bytes32 evidence,bytes32 champion,bytes32 candidate,bytes32 evaluationSet,bytes32 metricId,PairedSums gate,PairedSums payment,uint32 paidBps,uint32 look,address[] contributors,uint16[] weights,bytes32 claimsRoot,uint64 deadline)";
    string internal constant MAINTENANCE =
        "Maintenance(bytes32 evidence,bytes32 report,PairedSums sums,uint64 deadline)";

    string internal constant PUBLIC_PART = "PublicPart(bytes32 improvement,uint256[] gate,uint256[] payment)";

    function domain(string memory name, string memory version, uint256 chain, address verifier)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                chain,
                verifier
            )
        );
    }

    function digest(bytes32 domain_, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(bytes.concat("\x19\x01", domain_, structHash));
    }

    function hash(Improvement memory said) internal pure returns (bytes32) {
        return hash(said, string.concat(IMPROVEMENT, SUMS));
    }

    /// @dev Under another text of the type.
    function hash(Improvement memory said, string memory text) internal pure returns (bytes32) {
        bytes memory first = abi.encode(
            keccak256(bytes(text)),
            said.modelId,
            said.evidence,
            said.champion,
            said.candidate,
            said.evaluationSet,
            said.metricId,
            hash(said.gate)
        );
        return keccak256(
            bytes.concat(
                first,
                abi.encode(
                    hash(said.payment),
                    said.paidBps,
                    said.look,
                    keccak256(abi.encodePacked(said.contributors)),
                    keccak256(abi.encodePacked(said.weights)),
                    said.claimsRoot,
                    said.deadline
                )
            )
        );
    }

    function hash(Maintenance memory said) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(bytes(string.concat(MAINTENANCE, SUMS))),
                said.evidence,
                said.report,
                hash(said.sums),
                said.deadline
            )
        );
    }

    function hash(PublicPart memory said) internal pure returns (bytes32) {
        bytes32 gate = keccak256(abi.encodePacked(said.gate));
        bytes32 payment = keccak256(abi.encodePacked(said.payment));
        return keccak256(abi.encode(keccak256(bytes(PUBLIC_PART)), said.improvement, gate, payment));
    }

    function hash(PairedSums memory sums) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(bytes(SUMS)), sums.n, sums.b, sums.c, sums.bb, sums.cc, sums.bc));
    }
}
