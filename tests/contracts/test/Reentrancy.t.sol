// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DeltaOneVerifier} from "contracts/DeltaOneVerifier.sol";
import {ModelConfig} from "contracts/Models.sol";
import {Share} from "contracts/Rewards.sol";
import {Improvement, Maintenance} from "contracts/Signed.sol";
import {Base} from "../support/Base.sol";
import {Tree} from "../support/Tree.sol";

/// @dev Stands where the token stands, and calls back whenever it mints. The real token calls
/// nobody; this is how things would go if it did.
contract CallingToken {
    uint256[8] private _leftByTheRealOne;
    mapping(address => uint256) public balanceOf;
    uint256 public totalSupply;
    bytes private _call;
    bool private _inside;
    uint256 public accepted;

    function arm(bytes calldata call_) external {
        _call = call_;
    }

    function mint(address account, uint256 amount) external {
        balanceOf[account] += amount;
        totalSupply += amount;
        if (_inside) return;
        _inside = true;
        (bool done,) = msg.sender.call(_call);
        if (done) ++accepted;
        _inside = false;
    }
}

contract ReentrancyTest is Base {
    CallingToken private calling;

    function setUp() public override {
        super.setUp();
        vm.etch(address(token), address(new CallingToken()).code);
        calling = CallingToken(address(token));
    }

    function test_improvements() public {
        Improvement memory said = improvement();
        bytes[] memory signatures = attest(said);
        calling.arm(abi.encodeCall(verifier.processImprovement, (said, signatures)));
        verifier.processImprovement(said, signatures);
        assertEq(calling.accepted(), 0);
        assertEq(calling.totalSupply(), REWARD);
        assertEq(stateOf(MODEL).minted, REWARD);
    }

    function test_theNextImprovementMayComeFromInside() public {
        // It is signed and payable: whether it comes from inside changes no sum.
        Improvement memory said = improvement();
        Improvement memory next = successor(said);
        calling.arm(abi.encodeCall(verifier.processImprovement, (next, attest(next))));
        process(said);
        assertEq(calling.accepted(), 1);
        assertEq(calling.totalSupply(), 2 * REWARD);
        assertEq(stateOf(MODEL).minted, 2 * REWARD);
        assertEq(verifier.head(MODEL), next.candidate);
    }

    function test_claims() public {
        Share[] memory shares = Tree.shares(3, 1);
        bytes32[] memory nodes = Tree.nodes(shares);
        Improvement memory said = improvement();
        (said.contributors, said.weights) = (new address[](0), new uint16[](0));
        said.claimsRoot = nodes[0];
        process(said);
        uint256 before = calling.totalSupply();
        calling.arm(abi.encodeCall(verifier.claim, (said.evidence, shares[1], Tree.proof(nodes, 1))));
        uint256 paid = verifier.claim(said.evidence, shares[1], Tree.proof(nodes, 1));
        assertEq(calling.accepted(), 0);
        assertEq(calling.totalSupply(), before + paid);
    }

    function test_maintenance() public {
        ModelConfig memory config = terms();
        config.holdback = 5_000;
        configure(config);
        Improvement memory said = improvement();
        process(said);
        Maintenance memory later = maintenance();
        bytes[] memory signatures = attest(later);
        calling.arm(abi.encodeCall(verifier.recordMaintenance, (said, later, signatures)));
        verifier.recordMaintenance(said, later, signatures);
        assertEq(calling.accepted(), 0);
        assertEq(calling.totalSupply(), REWARD);
    }
}
