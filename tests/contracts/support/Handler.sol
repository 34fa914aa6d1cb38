// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DeltaOneVerifier} from "contracts/DeltaOneVerifier.sol";
import {Method, ModelConfig} from "contracts/Models.sol";
import {Proof, Proven} from "contracts/ProofVerifier.sol";
import {Share} from "contracts/Rewards.sol";
import {Improvement, Maintenance, PublicPart} from "contracts/Signed.sol";
import {Proving} from "./Proving.sol";
import {Trapdoor} from "./Trapdoor.sol";
import {Tree} from "./Tree.sol";
import {Typed} from "./Typed.sol";

/// @dev Everything that people do with the contract, in any order, honest or not. It keeps books of
/// its own; what the contract does must agree with them.
contract Handler is Proving {
    bytes32 private constant SHOWN = bytes32(uint256(0x5e7));

    /// @dev Oracles vouch for the first two; for the last whoever `demandOf` says.
    bytes32[3] public models = [keccak256("visits"), keccak256("faces"), MODEL];
    uint256 public paid; // wei, by what was asked for and accepted
    uint256 public forgeries; // accepted, which must stay none
    mapping(bytes32 model => bytes32) public heads;
    mapping(bytes32 model => mapping(uint256 day => uint256)) public granted;
    mapping(bytes32 model => uint256) public highestCap;
    mapping(bytes32 evidence => bool) public provenOf;

    Improvement[] private _done;
    mapping(bytes32 evidence => Share[]) private _shares;
    mapping(bytes32 evidence => bool) public returned;
    uint256 private _made = 100;
    bytes private _lastProof;

    constructor() {
        setUp();
        verifier.configureModel(models[0], terms(), GENESIS);
        verifier.configureModel(models[1], terms(), GENESIS);
        Proven memory shown = proven(improvementByProof());
        shown.shown = SHOWN;
        commit(shown);
        vm.roll(block.number + 1);
        for (uint256 i = 0; i < 3; ++i) {
            heads[models[i]] = GENESIS;
            highestCap[models[i]] = terms().dailyCap;
        }
    }

    /// @dev Once; the tool that makes the calls finds this one too.
    function setUp() public override {
        if (address(verifier) == address(0)) super.setUp();
    }

    function contracts() external view returns (DeltaOneVerifier) {
        return verifier;
    }

    function count() external view returns (uint256) {
        return _done.length;
    }

    function done(uint256 i) external view returns (Improvement memory) {
        return _done[i];
    }

    // ------------------------------------------------------------------ honest

    function improve(uint256 which, uint256 bps, uint256 payees, uint256 seed) external {
        Improvement memory said = _next(which, bps);
        Share[] memory shares;
        if (seed % 3 == 0) {
            shares = Tree.shares(within(payees, 1, 5), seed);
            (said.contributors, said.weights) = (new address[](0), new uint16[](0));
            said.claimsRoot = Tree.nodes(shares)[0];
        } else {
            (said.contributors, said.weights) = people(within(payees, 1, 5));
        }
        if (!_send(abi.encodeCall(verifier.processImprovement, (said, _attest(said))))) return;
        for (uint256 i = 0; i < shares.length; ++i) {
            _shares[said.evidence].push(shares[i]);
        }
        _record(said);
    }

    /// @dev By whoever vouches for the last model: oracles, a proof, one for each part, or both.
    function improveByProof(uint256 bps, uint256 payees) external {
        (Improvement memory said, bytes[] memory signatures, Proven memory made) = _vouched(bps, payees);
        bytes memory call_ = abi.encodeCall(verifier.processProvenImprovement, (said, signatures, abi.encode(made)));
        if (methodOf() == Method.Oracle) {
            call_ = abi.encodeCall(verifier.processImprovement, (said, signatures));
        }
        if (!_send(call_)) return;
        if (methodOf() != Method.Oracle) {
            _lastProof = abi.encode(made);
            provenOf[said.evidence] = true;
        }
        _record(said);
    }

    function claim(uint256 which, uint256 leaf) external {
        if (_done.length == 0) return;
        bytes32 evidence = _done[which % _done.length].evidence;
        Share[] memory shares = _shares[evidence];
        if (shares.length == 0) return;
        leaf %= shares.length;
        uint256 before = token.balanceOf(shares[leaf].account);
        bytes32[] memory proof = Tree.proof(Tree.nodes(shares), leaf);
        if (!_send(abi.encodeCall(verifier.claim, (evidence, shares[leaf], proof)))) return;
        (uint256 atOnce, uint256 vested,) = poolOf(evidence);
        uint256 due = (atOnce * shares[leaf].end) / 1e18 - (atOnce * shares[leaf].start) / 1e18;
        due += (vested * shares[leaf].end) / 1e18 - (vested * shares[leaf].start) / 1e18;
        // Of this leaf all that is due by now, whatever it was paid before.
        assertEq(verifier.claimed(evidence, Tree.leaf(shares[leaf])), due);
        paid += token.balanceOf(shares[leaf].account) - before;
    }

    function maintain(uint256 which, bool lasts) external {
        if (_done.length == 0) return;
        Improvement memory said = _done[which % _done.length];
        Maintenance memory later =
            Maintenance(said.evidence, bytes32(++_made), lasts ? hits(300, 225, 230) : hits(300, 225, 225), FAR);
        uint256 held = heldOf(said.evidence);
        if (!_send(abi.encodeCall(verifier.recordMaintenance, (said, later, attest(later))))) return;
        if (!lasts) returned[said.evidence] = true;
        else paid += said.claimsRoot == 0 ? held : held - (held * 70) / 100;
    }

    function moveHead(uint256 which, uint256 to) external {
        bytes32 id = models[which % 3];
        if (_send(abi.encodeCall(verifier.moveHead, (id, heads[id], bytes32(within(to, 1, 30)), "any")))) {
            heads[id] = bytes32(within(to, 1, 30));
        }
    }

    function configure(uint256 which, uint128 budget, uint128 cap, uint16 holdback, uint128 rate) external {
        ModelConfig memory config = terms();
        config.budget = uint128(within(budget, 0, 60e18));
        config.dailyCap = uint128(within(cap, 0, 30e18));
        config.holdback = holdback % 3 == 0 ? uint16(within(holdback, 1, 9_999)) : 0;
        config.tokensPerDeltaOne = uint128(within(rate, 100, 2e18));
        bytes32 id = models[which % 2];
        if (!_send(abi.encodeCall(verifier.configureModel, (id, config, GENESIS)))) return;
        if (config.dailyCap > highestCap[id]) highestCap[id] = config.dailyCap;
    }

    function demandOf(uint256 who, uint128 budget, uint16 holdback) external {
        ModelConfig memory config = terms();
        config.method = Method(who % 4);
        config.budget = uint128(within(budget, 0, 200e18));
        config.dailyCap = highestCap[MODEL] < 30e18 ? uint128(highestCap[MODEL]) : 30e18;
        config.holdback = holdback % 5 == 0 ? uint16(within(holdback, 1, 9_999)) : 0;
        _send(abi.encodeCall(verifier.configureModel, (MODEL, config, GENESIS)));
    }

    function oracles(uint256 which, bool add, uint256 quorum) external {
        address oracle = vm.addr(within(which, 1, 3));
        if (add) _send(abi.encodeCall(verifier.addOracle, (oracle)));
        else _send(abi.encodeCall(verifier.removeOracle, (oracle)));
        _send(abi.encodeCall(verifier.setQuorum, (within(quorum, 0, 4))));
    }

    function pauseOrNot(uint256 which) external {
        _send(which % 4 == 0 ? abi.encodeCall(verifier.pause, ()) : abi.encodeCall(verifier.unpause, ()));
    }

    function sleep(uint256 seconds_) external {
        vm.warp(block.timestamp + within(seconds_, 1, 2 days));
    }

    // ------------------------------------------------------------------ not honest

    function forge(uint256 which, uint256 key, uint256 how) external {
        Improvement memory said = _next(which, 500);
        bytes[] memory signatures = new bytes[](within(how, 0, 3));
        bytes32 digest = verifier.improvementDigest(said);
        for (uint256 i = 0; i < signatures.length; ++i) {
            // At most one of them is an oracle's.
            signatures[i] = signed(i == 0 && verifier.quorum() > 1 ? within(key, 1, 3) : 50 + i, digest);
        }
        _forged(abi.encodeCall(verifier.processImprovement, (said, signatures)));
    }

    function replay(uint256 which, uint256 how) external {
        if (_done.length == 0) return;
        Improvement memory said = _done[which % _done.length];
        bytes32 head = heads[said.modelId];
        if (how % 4 == 1) said.champion = head;
        if (how % 4 == 2) (said.champion, said.evidence) = (head, bytes32(++_made));
        if (how % 4 == 3) {
            (said.champion, said.evidence, said.candidate) = (head, bytes32(++_made), head);
        }
        _forged(abi.encodeCall(verifier.processImprovement, (said, _attest(said))));
    }

    /// @dev Whatever of a proof that counts is changed, it counts no more.
    function tamper(uint256 how, uint256 place, uint256 bps) external {
        (Improvement memory said, bytes[] memory signatures, Proven memory made) = _vouched(bps, 2);
        bytes memory given = "";
        how %= 11;
        if (how == 0) made.gate[0].points[place % 8] += 1;
        if (how == 1) made.gate[0].counts[place % 3] += 1; // no proof of these
        if (how == 2) {
            made.gate[0].counts[place % 3] += 1; // proven, but not the sums
            made = prove(made, said);
        }
        if (how == 3) made.gate[0].counts[place % 3] += Trapdoor.R; // the same in the field
        if (how == 4) {
            made.gateLabels[0] += 1 + (place % 1_000); // nobody committed to these
            said.evaluationSet = idOf(made);
            made = prove(made, said);
        }
        if (how == 5) made.key[place % made.key.length] += 1;
        if (how == 6) said.evidence = bytes32(++_made); // of another improvement
        if (how == 7) {
            made.gate[0].n = 1_025 + (place % 1_000); // more rows than there is room for
            made = prove(made, said);
        }
        if (how == 8) made.gate = new Proof[](0);
        if (how == 9) signatures = signatures.length == 0 ? _signedByAll(bytes32(place)) : new bytes[](0);
        if (how == 10) {
            if (_lastProof.length == 0) return;
            given = _lastProof; // replayed
        }
        if (how < 10) given = abi.encode(made);
        _forged(abi.encodeCall(verifier.processProvenImprovement, (said, signatures, given)));
        // Where a proof is asked for, all oracles together cannot do without.
        if (methodOf() != Method.Oracle) _forged(abi.encodeCall(verifier.processImprovement, (said, _attest(said))));
    }

    function mint(address account, uint256 amount) external {
        (bool minted,) = address(token).call(abi.encodeCall(token.mint, (account, amount)));
        if (minted) ++forgeries;
    }

    // ------------------------------------------------------------------ inside

    function _next(uint256 which, uint256 bps) private returns (Improvement memory said) {
        said = improvement();
        said.modelId = models[which % 2];
        said.champion = heads[said.modelId];
        said.evidence = bytes32(++_made);
        said.candidate = bytes32(++_made);
        said.paidBps = uint32(within(bps, 10, 500));
    }

    function methodOf() public view returns (Method) {
        (ModelConfig memory config,) = verifier.model(MODEL);
        return config.method;
    }

    /// @dev An improvement of the last model, with all that its method asks for.
    function _vouched(uint256 bps, uint256 payees)
        private
        returns (Improvement memory said, bytes[] memory signatures, Proven memory made)
    {
        Method method = methodOf();
        said = improvementByProof();
        made = proven(said);
        said.champion = heads[MODEL];
        (said.evidence, said.candidate) = (bytes32(++_made), bytes32(++_made));
        said.paidBps = uint32(within(bps, 10, 500));
        (said.contributors, said.weights) = people(within(payees, 1, 5));
        if (method == Method.Both || method == Method.Hybrid) made.shown = SHOWN;
        if (method == Method.Hybrid) {
            made.gateShown = new uint256[](4);
            (made.gateShown[0], made.gateShown[1], made.gateShown[2], made.gateShown[3]) = (100, 75, 80, 75);
            said.gate = hits(500, 375, 410);
            said.payment = said.gate;
        }
        said.evaluationSet = idOf(made);
        made = prove(made, said);
        if (method == Method.Oracle || method == Method.Both) signatures = _attest(said);
        if (method == Method.Hybrid) {
            PublicPart memory part = PublicPart(verifier.improvementDigest(said), made.gateShown, made.paymentShown);
            signatures = _signedByAll(Typed.digest(domain(), Typed.hash(part)));
        }
    }

    function _record(Improvement memory said) private {
        _done.push(said);
        heads[said.modelId] = said.candidate;
        (ModelConfig memory config,) = verifier.model(said.modelId);
        uint256 reward = (uint256(said.paidBps) * config.tokensPerDeltaOne) / 100;
        granted[said.modelId][block.timestamp / 1 days] += reward;
        uint256 held = (reward * config.holdback) / 10_000;
        paid += reward - held;
        if (said.claimsRoot != 0) paid -= ((reward - held) * 70) / 100;
    }

    /// @dev By all who are oracles now, ascending.
    function _attest(Improvement memory said) private view returns (bytes[] memory) {
        return _signedByAll(verifier.improvementDigest(said));
    }

    function _signedByAll(bytes32 digest) private view returns (bytes[] memory signatures) {
        signatures = new bytes[](verifier.oracles().length);
        uint256 found = 0;
        for (uint256 i = 0; i < keys.length; ++i) {
            if (verifier.isOracle(vm.addr(keys[i]))) signatures[found++] = signed(keys[i], digest);
        }
    }

    function _send(bytes memory call_) private returns (bool sent) {
        bool paused = verifier.paused();
        uint256 supply = token.totalSupply();
        (sent,) = address(verifier).call(call_);
        if (paused) assertEq(token.totalSupply(), supply);
        if (!sent) assertEq(token.totalSupply(), supply);
    }

    function _forged(bytes memory call_) private {
        if (_send(call_)) ++forgeries;
    }
}
