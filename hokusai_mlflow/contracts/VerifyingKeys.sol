// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

/// @notice Who made a key. Whoever keeps the randomness of its making can prove anything.
enum Mode {
    Unknown,
    Development, // this machine; refused but on the development chain
    Auditor, // one party that is trusted to have forgotten it
    Ceremony // many, of whom one honest one suffices
}

/// @title VerifyingKeys
/// @notice Which verifying keys count, by hash, and who made them.
abstract contract VerifyingKeys {
    /// @notice Development keys count on this chain only.
    uint256 public constant DEVELOPMENT_CHAIN = 31_337;

    /// @notice The contract that pays, and whose administrator sets keys and terms.
    IAccessControl public immutable verifier;

    mapping(bytes32 key => Mode) public modes;

    event KeyRevoked(bytes32 indexed key);

    error NotTheAdministrator(address caller);
    error DevelopmentKey(bytes32 key, uint256 chainId);
    error KeyUnknown(bytes32 key);

    modifier onlyAdministrator() {
        if (!verifier.hasRole(0x00, msg.sender)) revert NotTheAdministrator(msg.sender);
        _;
    }

    constructor(IAccessControl verifier_) {
        verifier = verifier_;
    }

    /// @notice Let a verifying key count no longer.
    function revokeKey(bytes32 key) external onlyAdministrator {
        if (modes[key] == Mode.Unknown) revert KeyUnknown(key);
        delete modes[key];
        emit KeyRevoked(key);
    }

    /// @notice Hash that pins a verifying key.
    function keyHash(uint256[] memory key) public pure returns (bytes32) {
        return keccak256(abi.encodePacked(key));
    }

    function _addKey(bytes32 key, Mode mode) internal {
        if (mode == Mode.Unknown) revert KeyUnknown(key);
        _requireAllowed(key, mode);
        modes[key] = mode;
    }

    function _requireKnown(bytes32 key) internal view {
        Mode mode = modes[key];
        if (mode == Mode.Unknown) revert KeyUnknown(key);
        _requireAllowed(key, mode); // a chain that forks gets another id
    }

    function _requireAllowed(bytes32 key, Mode mode) private view {
        if (mode == Mode.Development && block.chainid != DEVELOPMENT_CHAIN) revert DevelopmentKey(key, block.chainid);
    }
}
