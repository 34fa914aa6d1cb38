// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {
    IAccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/IAccessControlDefaultAdminRules.sol";
import {DeltaOne} from "contracts/DeltaOne.sol";
import {DeltaOneVerifier} from "contracts/DeltaOneVerifier.sol";
import {Oracles} from "contracts/Oracles.sol";
import {Improvement} from "contracts/Signed.sol";
import {Base} from "../support/Base.sol";

/// @dev Who may do what, and that nobody can lock or open the system.
contract RolesTest is Base {
    bytes32 private constant GUARDIAN = keccak256("GUARDIAN_ROLE");
    bytes32 private constant REGISTRAR = keccak256("REGISTRAR_ROLE");
    bytes32 private constant MAINTAINER = keccak256("MAINTAINER_ROLE");

    /// @dev Everything that takes a role, called by one who has none or the wrong one.
    function test_everyRoleIsNeededForWhatItDoes() public {
        bytes32[4] memory roles = [bytes32(0), GUARDIAN, REGISTRAR, MAINTAINER];
        bytes[] memory calls = new bytes[](9);
        bytes32[9] memory needs = [bytes32(0), 0, GUARDIAN, REGISTRAR, REGISTRAR, REGISTRAR, MAINTAINER, 0, 0];
        address other = address(0xBEEF);
        calls[0] = abi.encodeCall(verifier.configureModel, (MODEL, terms(), GENESIS));
        calls[1] = abi.encodeCall(verifier.unpause, ());
        calls[2] = abi.encodeCall(verifier.pause, ());
        calls[3] = abi.encodeCall(verifier.addOracle, (other));
        calls[4] = abi.encodeCall(verifier.removeOracle, (vm.addr(keys[0])));
        calls[5] = abi.encodeCall(verifier.setQuorum, (1));
        calls[6] = abi.encodeCall(verifier.moveHead, (MODEL, GENESIS, bytes32(uint256(2)), "theft"));
        calls[7] = abi.encodeCall(verifier.grantRole, (GUARDIAN, other));
        calls[8] = abi.encodeCall(verifier.beginDefaultAdminTransfer, (other));
        for (uint256 role = 1; role <= roles.length; ++role) {
            address holder = address(uint160(0xF00 + role));
            if (role < roles.length) verifier.grantRole(roles[role], holder); // the last has none
            for (uint256 i = 0; i < calls.length; ++i) {
                if (role < roles.length && needs[i] == roles[role]) continue;
                vm.prank(holder);
                (bool done, bytes memory because) = address(verifier).call(calls[i]);
                assertTrue(!done, "allowed");
                assertEq(
                    keccak256(because),
                    keccak256(
                        abi.encodeWithSelector(
                            IAccessControl.AccessControlUnauthorizedAccount.selector, holder, needs[i]
                        )
                    )
                );
            }
        }
    }

    function test_aGuardianPausesAndTheAdministratorUnpauses() public {
        address guardian = address(0xF1);
        verifier.grantRole(GUARDIAN, guardian);
        vm.prank(guardian);
        verifier.pause();
        assertTrue(verifier.paused(), "running");
        verifier.unpause();
        assertTrue(!verifier.paused(), "paused");
    }

    function test_theAdministratorChangesInTwoSteps() public {
        address successor_ = address(0xF2);
        verifier.beginDefaultAdminTransfer(successor_);
        assertEq(verifier.defaultAdmin(), address(this));
        vm.warp(block.timestamp + 1);
        vm.prank(successor_);
        verifier.acceptDefaultAdminTransfer();
        assertEq(verifier.defaultAdmin(), successor_);
    }

    function test_thereIsAlwaysAnAdministrator() public {
        bytes memory because = abi.encodeWithSelector(
            IAccessControlDefaultAdminRules.AccessControlInvalidDefaultAdmin.selector, address(0)
        );
        vm.expectRevert(because);
        verifier.beginDefaultAdminTransfer(address(0));
        vm.expectRevert();
        verifier.renounceRole(bytes32(0), address(this));
        address[] memory oracles = verifier.oracles();
        vm.expectRevert(because);
        this.make(address(0), oracles, 2);
    }

    function test_onlyTheVerifierMints() public {
        vm.expectRevert(abi.encodeWithSelector(DeltaOne.NotTheVerifier.selector, address(this)));
        token.mint(OWNER, 1);
        assertEq(token.verifier(), address(verifier));
    }

    function test_oraclesAndQuorum() public {
        address first = vm.addr(keys[0]);
        address stranger = address(0xF3);
        bytes memory because = abi.encodeWithSelector(Oracles.AlreadyAnOracle.selector, first);
        vm.expectRevert(because);
        verifier.addOracle(first);
        vm.expectRevert(abi.encodeWithSelector(Oracles.OracleIsZero.selector, address(0)));
        verifier.addOracle(address(0));
        vm.expectRevert(abi.encodeWithSelector(Oracles.NotAnOracle.selector, stranger));
        verifier.removeOracle(stranger);
        vm.expectRevert(abi.encodeWithSelector(Oracles.QuorumOutOfRange.selector, 0, 3));
        verifier.setQuorum(0);
        vm.expectRevert(abi.encodeWithSelector(Oracles.QuorumOutOfRange.selector, 4, 3));
        verifier.setQuorum(4);
        verifier.removeOracle(first);
        assertTrue(!verifier.isOracle(first), "still an oracle");
        vm.expectRevert(abi.encodeWithSelector(Oracles.QuorumOutOfRange.selector, 2, 1));
        verifier.removeOracle(vm.addr(keys[1]));
        refused(improvement(), abi.encodeWithSelector(Oracles.NotAnOracle.selector, first));
        vm.expectEmit(address(verifier));
        emit Oracles.OracleAdded(first);
        verifier.addOracle(first);
        process(improvement());
    }

    function test_noContractIsMadeWithoutAQuorum() public {
        address[] memory oracles = verifier.oracles();
        vm.expectRevert(abi.encodeWithSelector(Oracles.QuorumOutOfRange.selector, 0, 3));
        this.make(address(this), oracles, 0);
        vm.expectRevert(abi.encodeWithSelector(Oracles.QuorumOutOfRange.selector, 4, 3));
        this.make(address(this), oracles, 4);
        oracles[1] = oracles[0];
        vm.expectRevert(abi.encodeWithSelector(Oracles.AlreadyAnOracle.selector, oracles[0]));
        this.make(address(this), oracles, 2);
    }

    function make(address admin, address[] memory oracles, uint256 quorum) external returns (DeltaOneVerifier) {
        return deploy(admin, oracles, quorum);
    }
}
