// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Kind, PairedSums} from "contracts/PairedImprovement.sol";
import {Base} from "../support/Base.sol";

/// @dev Paired sums and what `hokusai_mlflow/deltaone.py` makes of them; see vectors.py.
struct Case {
    uint8 kind;
    PairedSums sums;
    uint32 minBps;
    uint32 z2E6;
    bytes4 refusal; // selector of the error; zero: none
    int256 wad;
    int256 bps;
    bool significant;
}

contract DifferentialTest is Base {
    function test_equalToPythonToTheLastUnit() public view {
        string memory json = vm.readFile("tests/contracts/.forge/vectors.json");
        Case[] memory cases = abi.decode(vm.parseJsonBytes(json, ".cases"), (Case[]));
        assertTrue(cases.length >= 2_000, "too few vectors");
        for (uint256 i = 0; i < cases.length; ++i) {
            Case memory one = cases[i];
            Kind kind = Kind(one.kind);
            _same(abi.encodeCall(verifier.improvementWad, (kind, one.sums)), one.refusal, uint256(one.wad));
            _same(abi.encodeCall(verifier.improvementBps, (kind, one.sums)), one.refusal, uint256(one.bps));
            bytes memory asked = abi.encodeCall(verifier.isSignificant, (kind, one.sums, one.minBps, one.z2E6));
            _same(asked, one.refusal, one.significant ? 1 : 0);
        }
    }

    function _same(bytes memory asked, bytes4 refusal, uint256 expected) private view {
        (bool accepted, bytes memory told) = address(verifier).staticcall(asked);
        if (!accepted) assertEq(bytes32(bytes4(told)), bytes32(refusal));
        else assertTrue(refusal == 0 && abi.decode(told, (uint256)) == expected, "another result");
    }
}
