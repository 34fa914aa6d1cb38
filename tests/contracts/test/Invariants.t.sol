// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DeltaOneVerifier} from "contracts/DeltaOneVerifier.sol";
import {ModelConfig, ModelState} from "contracts/Models.sol";
import {Improvement} from "contracts/Signed.sol";
import {Handler} from "../support/Handler.sol";
import {Test} from "../support/Vm.sol";

/// @dev What holds after whatever was done to the contract.
contract InvariantsTest is Test {
    Handler private handler;
    DeltaOneVerifier private verifier;

    function setUp() public {
        handler = new Handler();
        verifier = handler.contracts();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_everything() public view {
        uint256 minted = 0;
        for (uint256 i = 0; i < 3; ++i) {
            bytes32 id = handler.models(i);
            (ModelConfig memory config, ModelState memory state) = verifier.model(id);
            assertTrue(uint256(state.minted) + state.reserved <= config.budget, "above the budget");
            assertEq(state.reserved, _owed(id));
            assertEq(state.head, handler.heads(id));
            assertTrue(verifier.seen(id, state.head), "a head that could be paid again");
            uint256 granted = handler.granted(id, block.timestamp / 1 days);
            assertTrue(granted <= handler.highestCap(id), "above the daily cap");
            if (state.today == block.timestamp / 1 days) assertEq(state.grantedToday, granted);
            minted += state.minted;
        }
        assertEq(verifier.token().totalSupply(), minted);
        assertEq(minted, handler.paid());
        assertEq(handler.forgeries(), 0);
        assertTrue(verifier.quorum() >= 1, "no quorum");
        assertTrue(verifier.quorum() <= verifier.oracles().length, "a quorum that nobody can make");
    }

    /// @dev What was granted of a model and waits: unclaimed shares, and holdings.
    function _owed(bytes32 id) private view returns (uint256 owed) {
        for (uint256 i = 0; i < handler.count(); ++i) {
            Improvement memory said = handler.done(i);
            if (said.modelId != id) continue;
            (,, uint256 atOnce, uint256 vested, uint256 claimed) = verifier.pools(said.evidence);
            (, uint256 held,) = verifier.holdings(said.evidence);
            assertTrue(claimed <= atOnce + vested, "claimed too much");
            assertTrue(!handler.returned(said.evidence) || vested + held == 0, "returned and kept");
            owed += atOnce + vested - claimed + held;
        }
    }
}
