// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title DeltaOne
/// @notice One token is one DeltaOne: 100 basis points of measured improvement of a model at the
/// rate 1. Only the verifier that created the token can mint it.
contract DeltaOne is ERC20 {
    /// @notice The only account that can mint, fixed for ever.
    address public immutable verifier;

    error NotTheVerifier(address caller);

    constructor() ERC20("DeltaOne", "DELTA1") {
        verifier = msg.sender;
    }

    /// @notice Mint a reward.
    /// @param account Who is paid.
    /// @param amount Wei of the token, 1e18 per DeltaOne.
    function mint(address account, uint256 amount) external {
        if (msg.sender != verifier) revert NotTheVerifier(msg.sender);
        _mint(account, amount);
    }
}
