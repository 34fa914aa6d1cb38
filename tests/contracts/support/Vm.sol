// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev The cheat codes of forge that are used here.
interface Vm {
    function addr(uint256 key) external pure returns (address);
    function assume(bool condition) external pure;
    function chainId(uint256 id) external;
    function envOr(string calldata name, string calldata standard) external view returns (string memory);
    function etch(address target, bytes calldata code) external;
    function expectEmit(address emitter) external;
    function expectRevert(bytes calldata data) external;
    function expectRevert(bytes4 selector) external;
    function expectRevert() external;
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function prank(address sender) external;
    function roll(uint256 blockNumber) external;
    function setBlockhash(uint256 blockNumber, bytes32 blockHash) external;
    function readFile(string calldata path) external view returns (string memory);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function snapshotGasLastCall(string calldata group, string calldata name) external returns (uint256);
    function warp(uint256 timestamp) external;
}

/// @dev Assertions, and what forge looks for in a test.
abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    bool public constant IS_TEST = true;

    error NotEqual(uint256 found, uint256 expected);
    error NotTrue(string told);

    function assertEq(uint256 found, uint256 expected) internal pure {
        if (found != expected) revert NotEqual(found, expected);
    }

    function assertEq(bytes32 found, bytes32 expected) internal pure {
        assertEq(uint256(found), uint256(expected));
    }

    function assertEq(address found, address expected) internal pure {
        assertEq(uint160(found), uint160(expected));
    }

    function assertTrue(bool condition, string memory told) internal pure {
        if (!condition) revert NotTrue(told);
    }

    /// @dev Any number, brought between two bounds.
    function within(uint256 number, uint256 least, uint256 most) internal pure returns (uint256) {
        return most - least == type(uint256).max ? number : least + number % (most - least + 1);
    }
}
