// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

/// @title Oracles
/// @notice Who may attest, and how many of them must.
abstract contract Oracles is AccessControlDefaultAdminRules, EIP712 {
    using EnumerableSet for EnumerableSet.AddressSet;

    bytes32 public constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");

    /// @notice How many oracles must sign.
    uint256 public quorum;

    EnumerableSet.AddressSet private _oracles;

    event OracleAdded(address indexed oracle);
    event OracleRemoved(address indexed oracle);
    event QuorumSet(uint256 quorum);

    error AlreadyAnOracle(address oracle);
    error NotAnOracle(address account);
    error OracleIsZero(address oracle);
    error QuorumOutOfRange(uint256 quorum, uint256 oracles);
    error QuorumMissing(uint256 signatures, uint256 quorum);
    error SignersNotAscending(address previous, address signer);

    constructor(address[] memory oracles_, uint256 quorum_) {
        for (uint256 i = 0; i < oracles_.length; ++i) {
            _addOracle(oracles_[i]);
        }
        _setQuorum(quorum_);
    }

    function addOracle(address oracle) external onlyRole(REGISTRAR_ROLE) {
        _addOracle(oracle);
    }

    /// @notice Remove an oracle; refused when fewer than the quorum would be left.
    function removeOracle(address oracle) external onlyRole(REGISTRAR_ROLE) {
        if (!_oracles.remove(oracle)) revert NotAnOracle(oracle);
        if (_oracles.length() < quorum) revert QuorumOutOfRange(quorum, _oracles.length());
        emit OracleRemoved(oracle);
    }

    function setQuorum(uint256 quorum_) external onlyRole(REGISTRAR_ROLE) {
        _setQuorum(quorum_);
    }

    function oracles() external view returns (address[] memory) {
        return _oracles.values();
    }

    function isOracle(address account) external view returns (bool) {
        return _oracles.contains(account);
    }

    /// @dev Signatures come by ascending signer, so that none counts twice.
    function _requireQuorum(bytes32 structHash, bytes[] calldata signatures) internal view {
        if (signatures.length < quorum) revert QuorumMissing(signatures.length, quorum);
        bytes32 digest = _hashTypedDataV4(structHash);
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            address signer = ECDSA.recover(digest, signatures[i]);
            if (signer <= previous) revert SignersNotAscending(previous, signer);
            if (!_oracles.contains(signer)) revert NotAnOracle(signer);
            previous = signer;
        }
    }

    function _addOracle(address oracle) private {
        if (oracle == address(0)) revert OracleIsZero(oracle);
        if (!_oracles.add(oracle)) revert AlreadyAnOracle(oracle);
        emit OracleAdded(oracle);
    }

    function _setQuorum(uint256 quorum_) private {
        if (quorum_ == 0 || quorum_ > _oracles.length()) revert QuorumOutOfRange(quorum_, _oracles.length());
        quorum = quorum_;
        emit QuorumSet(quorum_);
    }
}
