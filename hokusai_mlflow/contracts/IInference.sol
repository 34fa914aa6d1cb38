// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What is asked about: whose predictions, of which examples.
/// @param predictions Of every part of an evaluation, the gate's first: rows, and the commitments to
/// champion's and candidate's predictions.
function statementOf(bytes32 champion, bytes32 candidate, bytes32 evaluationSet, uint256[3][] memory predictions)
    pure
    returns (bytes32)
{
    return keccak256(abi.encode(champion, candidate, evaluationSet, predictions));
}

/// @title IInference
/// @notice What `ProofVerifier` asks about predictions, beside proofs of the sums over them.
interface IInference {
    /// @notice The contract that asks.
    function proofs() external view returns (address);

    /// @notice Refuse predictions that are not proven to come from committed models, where a model's
    /// terms ask for that.
    /// @param statement See `statementOf`.
    function requireInferred(bytes32 modelId, bytes32 statement) external view;
}
