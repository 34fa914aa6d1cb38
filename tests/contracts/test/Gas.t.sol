// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ModelConfig} from "contracts/Models.sol";
import {Share} from "contracts/Rewards.sol";
import {Improvement, Maintenance} from "contracts/Signed.sol";
import {Base} from "../support/Base.sol";
import {Tree} from "../support/Tree.sol";
import {Typed} from "../support/Typed.sol";

/// @dev OpenZeppelin's token with nothing around it.
contract BareToken is ERC20("Bare", "BARE") {
    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }
}

/// @dev What transactions cost, everything included, three oracles signing. Compared with gas/.
/// forge-config: default.isolate = true
contract GasTest is Base {
    function test_payments() public {
        Improvement memory said = improvement();
        pay(said, "5 payees, the first of the model");
        said = successor(said);
        uint256 five = pay(said, "5 payees");
        assertTrue(five <= 250_000, "an ordinary payment costs more than 250 000");
        said = successor(said);
        (said.contributors, said.weights) = people(1);
        pay(said, "1 payee");
        said = successor(said);
        (said.contributors, said.weights) = people(200);
        pay(said, "200 payees, 195 of them new");
        said = successor(said);
        (said.contributors, said.weights) = people(200);
        uint256 all = pay(said, "200 payees");
        said = successor(said);
        (said.contributors, said.weights) = people(6);
        uint256 six = pay(said, "6 payees");
        assertTrue(six - five <= 16_000 && (all - five) / 195 <= 16_000, "a payee more costs too much");
    }

    function test_bareMint() public {
        BareToken bare = new BareToken();
        bare.mint(OWNER, 1);
        vm.snapshotGasLastCall("gas", "OpenZeppelin's bare mint, the first");
        bare.mint(OWNER, 1);
        vm.snapshotGasLastCall("gas", "OpenZeppelin's bare mint");
    }

    function test_trees() public {
        Share[] memory shares = Tree.shares(10_000, 1);
        bytes32[] memory nodes = Tree.nodes(shares);
        Improvement memory said = improvement();
        process(said);
        said = successor(said);
        (said.contributors, said.weights) = (new address[](0), new uint16[](0));
        said.claimsRoot = nodes[0];
        pay(said, "10 000 payees in a tree");
        verifier.claim(said.evidence, shares[0], Tree.proof(nodes, 0));
        verifier.claim(said.evidence, shares[9_999], Tree.proof(nodes, 9_999));
        vm.snapshotGasLastCall("gas", "claim of one of 10 000");
    }

    function test_holdings() public {
        ModelConfig memory config = terms();
        config.holdback = 3_000;
        configure(config);
        process(improvement());
        Improvement memory said = successor(improvement());
        pay(said, "5 payees, a part held back");
        Maintenance memory later = maintenance();
        later.evidence = said.evidence;
        bytes[] memory signatures = sign(Typed.digest(domain(), Typed.hash(later)), 3);
        verifier.recordMaintenance(said, later, signatures);
        vm.snapshotGasLastCall("gas", "5 payees, the held part vests");
    }

    function pay(Improvement memory said, string memory what) private returns (uint256) {
        bytes[] memory signatures = sign(Typed.digest(domain(), Typed.hash(said)), 3);
        verifier.processImprovement(said, signatures);
        return vm.snapshotGasLastCall("gas", what);
    }
}
