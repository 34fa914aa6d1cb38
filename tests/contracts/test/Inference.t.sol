// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Draws} from "contracts/Draws.sol";
import {Groth16} from "contracts/Groth16.sol";
import {IInference, statementOf} from "contracts/IInference.sol";
import {
    Draw,
    Inferred,
    InferenceCircuit,
    InferenceTerms,
    InferenceVerifier as I
} from "contracts/InferenceVerifier.sol";
import {Proof, ProofVerifier, Proven} from "contracts/ProofVerifier.sol";
import {Improvement} from "contracts/Signed.sol";
import {Mode, VerifyingKeys} from "contracts/VerifyingKeys.sol";
import {Inferring} from "../support/Inferring.sol";
import {Trapdoor} from "../support/Trapdoor.sol";

/// @dev Predictions that are proven to come from committed weights, and every way around that.
contract InferenceTest is Inferring {
    bytes4 private constant INVALID = Groth16.ProofInvalid.selector;

    // ------------------------------------------------------------------ the way it goes

    function test_onlyInferredPredictionsPay() public {
        Improvement memory said = improvementByProof();
        Inferred memory made = inferredOf(said);
        bytes32 statement = statementOf(GENESIS, said.candidate, said.evaluationSet, made.predictions);
        bytes memory missing = abi.encodeWithSelector(I.InferenceMissing.selector, MODEL, statement);
        refusedToPay(said, missing);
        commitPredictions(made);
        refusedToPay(said, missing);
        bytes32 seed = draw(made, RANDAO);
        refusedToPay(said, missing);
        uint256[8][] memory points = pieces(made, seed);
        assertTrue(!inference.proveInference(MODEL, made, key(), one(points[0])), "complete with half of it");
        assertEq(inference.drawOf(MODEL, made.candidate).rows, SLOTS);
        refusedToPay(said, missing);
        assertTrue(inference.proveInference(MODEL, made, key(), one(points[1])), "not complete with all of it");
        assertEq(inference.drawOf(MODEL, made.candidate).rows, ROWS);
        verifier.processProvenImprovement(said, none(), abi.encode(prove(proven(said), said)));
        assertEq(token.totalSupply(), REWARD);
    }

    function test_modelsThatAreNotAskedPayWithout() public {
        InferenceTerms memory nothing = inferenceTerms();
        nothing.rows = 0;
        inference.demandInference(MODEL, nothing);
        Improvement memory said = improvementByProof();
        verifier.processProvenImprovement(said, none(), abi.encode(prove(proven(said), said)));
        assertEq(token.totalSupply(), REWARD);
    }

    function test_whatIsPaidIsWhatWasInferred() public {
        Improvement memory said = improvementByProof();
        inferAll(inferredOf(said));
        // Proven for it as a metric, but these are other predictions than were inferred.
        for (uint256 i = 0; i < 2; ++i) {
            Proof memory other = proven(said).gate[0];
            if (i == 0) other.champion += 1;
            else other.candidate += 1;
            refusedWith(said, other);
        }
        said.candidate = bytes32(uint256(77));
        refusedWith(said, proven(said).gate[0]);
    }

    /// @dev Two parts, of which the second is drawn whole, by keys of other sizes one after the other.
    function test_everyPartIsDrawnFrom() public {
        Improvement memory said = improvementByProof();
        uint256[] memory labels = new uint256[](2);
        (labels[0], labels[1]) = (7, 8);
        vm.prank(LABELS);
        said.evaluationSet = proofs.commitEvaluationSet(MODEL, 0, labels, new uint256[](0));
        Inferred memory made = inferredOf(said);
        (made.predictions, made.features) = (new uint256[3][](2), labels);
        (made.predictions[0], made.predictions[1]) = ([uint256(1_024), 11, 12], [uint256(3), 13, 14]);
        vm.prank(LABELS);
        inference.commitFeatures(MODEL, said.evaluationSet, labels);
        vm.roll(block.number + 1);
        commitPredictions(made);
        bytes32 seed = draw(made, RANDAO);
        uint256[8][] memory points = new uint256[8][](3);
        points[0] = Trapdoor.forge(inferenceInputs(made, seed, 0, 0), 1);
        points[1] = Trapdoor.forge(inferenceInputs(made, seed, 0, SLOTS), 1);
        points[2] = Trapdoor.forge(inferenceInputs(made, seed, 1, 0), 1);
        assertTrue(inference.proveInference(MODEL, made, key(), points), "not complete");
        assertEq(inference.drawOf(MODEL, made.candidate).rows, ROWS + 3);
    }

    /// @dev Progress is counted in rows, so a key of fewer slots skips none.
    function test_keysOfOtherSizesSkipNoRow() public {
        uint256[] memory small = Trapdoor.key(8);
        inference.registerKey(small, InferenceCircuit(1_024, 4, 1), Mode.Development);
        (Inferred memory made, bytes32 seed) = drawn();
        for (uint256 i = 0; i < 2; ++i) {
            uint256[] memory words = new uint256[](8);
            uint256[] memory all = inferenceInputs(made, seed, 0, i);
            for (uint256 k = 0; k < 7; ++k) {
                words[k] = all[k];
            }
            words[7] = all[7] % 1_024;
            inference.proveInference(MODEL, made, small, one(Trapdoor.forge(words, 9)));
        }
        assertEq(inference.drawOf(MODEL, made.candidate).rows, 2);
        uint256[8][] memory points = pieces(made, seed);
        refusedToProve(made, key(), points, abi.encodeWithSelector(INVALID));
        points[0] = Trapdoor.forge(inferenceInputs(made, seed, 0, 2), 3);
        points[1] = Trapdoor.forge(inferenceInputs(made, seed, 0, 2 + SLOTS), 4);
        assertTrue(inference.proveInference(MODEL, made, key(), points), "not complete");
    }

    // ------------------------------------------------------------------ the draw

    function test_drawnAsByAWholeShuffle(bytes32 seed, uint256 n, uint256 count, uint256 part) public view {
        n = within(n, 1, 300);
        count = within(count, 1, n);
        uint256[] memory order = shuffled(seed, part, n);
        uint256[] memory found = inference.rowsOf(seed, part, n, count);
        assertEq(found.length, count);
        for (uint256 i = 0; i < count; ++i) {
            assertEq(found[i], order[i]);
        }
    }

    function test_theBlockThatWasNamedDraws() public {
        Inferred memory made = inferredOf(improvementByProof());
        uint64 drawnBy = commitPredictions(made);
        assertEq(drawnBy, block.number + DELAY);
        vm.roll(drawnBy);
        refusedToDraw(made, RANDAO, abi.encodeWithSelector(I.DrawTooEarly.selector, drawnBy, drawnBy));
        vm.roll(drawnBy + 1);
        vm.setBlockhash(drawnBy - 1, keccak256(header("before")));
        vm.setBlockhash(drawnBy, keccak256(header(RANDAO)));
        // The block before; a header that was changed.
        refusedToDraw(made, "before", headerIsAnother("before", RANDAO));
        refusedToDraw(made, "wished", headerIsAnother("wished", RANDAO));
        bytes32 expected = keccak256(abi.encode(RANDAO, inference.drawOf(MODEL, made.candidate).commitment));
        assertEq(inference.fixDraw(MODEL, made.candidate, header(RANDAO)), expected);
        refusedToDraw(made, RANDAO, abi.encodeWithSelector(I.DrawIsFixed.selector, expected));
    }

    function test_aDrawThatLapsedCounts() public {
        Inferred memory made = inferredOf(improvementByProof());
        uint64 drawnBy = commitPredictions(made);
        bytes memory standing = abi.encodeWithSelector(I.PredictionsAlreadyCommitted.selector, made.candidate, drawnBy);
        refusedToCommit(made, standing);
        vm.roll(drawnBy + 256);
        refusedToCommit(made, standing);
        vm.roll(drawnBy + 257);
        refusedToDraw(made, RANDAO, abi.encodeWithSelector(I.DrawLapsed.selector, drawnBy, drawnBy + 257));
        drawnBy = commitPredictions(made);
        draw(made, RANDAO);
        vm.roll(drawnBy + 1_000);
        // Drawn is drawn, however long ago.
        refusedToCommit(made, abi.encodeWithSelector(I.PredictionsAlreadyCommitted.selector, made.candidate, drawnBy));
        made.candidate = bytes32(uint256(3));
        refusedToCommit(made, abi.encodeWithSelector(I.TooManyDraws.selector, GENESIS, 3));
    }

    // ------------------------------------------------------------------ commitments

    function test_featuresAreTheLabelOwnersAndComeFirst() public {
        bytes32 set = improvementByProof().evaluationSet;
        vm.expectRevert(abi.encodeWithSelector(I.NotTheLabelOwner.selector, address(this), LABELS));
        inference.commitFeatures(MODEL, set, features());
        vm.expectRevert(abi.encodeWithSelector(I.FeaturesAlreadyCommitted.selector, set, block.number - 1));
        vm.prank(LABELS);
        inference.commitFeatures(MODEL, set, features());
        vm.expectRevert(abi.encodeWithSelector(I.EvaluationSetUnknown.selector, MODEL, bytes32(uint256(9))));
        vm.prank(LABELS);
        inference.commitFeatures(MODEL, bytes32(uint256(9)), features());

        uint256[] memory labels = new uint256[](1);
        labels[0] = 5;
        vm.prank(LABELS);
        set = proofs.commitEvaluationSet(MODEL, 0, labels, new uint256[](0));
        Inferred memory made = inferredOf(improvementByProof());
        made.evaluationSet = set;
        refusedToCommit(made, abi.encodeWithSelector(I.FeaturesUnknown.selector, MODEL, set));
        vm.prank(LABELS);
        vm.expectRevert(abi.encodeWithSelector(I.PartCount.selector, 0, 512));
        inference.commitFeatures(MODEL, set, new uint256[](0));
        vm.prank(LABELS);
        inference.commitFeatures(MODEL, set, features());
        refusedToCommit(made, abi.encodeWithSelector(I.FeaturesTooLate.selector, set, block.number + 1, block.number));
        vm.roll(block.number + 1);
        made.features[0] += 1;
        refusedToCommit(
            made,
            abi.encodeWithSelector(
                I.FeaturesAreOthers.selector,
                keccak256(abi.encodePacked(features())),
                keccak256(abi.encodePacked(made.features))
            )
        );
        made.features = features();
        made.predictions = new uint256[3][](2);
        refusedToCommit(made, abi.encodeWithSelector(I.PartCount.selector, 2, 1));
    }

    function test_aModelHasOneSetOfWeights() public {
        Inferred memory made = inferredOf(improvementByProof());
        made.championWeights += 1;
        refusedToCommit(made, abi.encodeWithSelector(I.WeightsAreOthers.selector, GENESIS, 0x3e1, 0x3e2));
        made.championWeights -= 1;
        made.candidateWeights = 0;
        refusedToCommit(made, abi.encodeWithSelector(I.NotAField.selector, 0));
        made.candidateWeights = Trapdoor.R;
        refusedToCommit(made, abi.encodeWithSelector(I.NotAField.selector, Trapdoor.R));
        made.candidateWeights = 0x3e2;
        uint64 drawnBy = commitPredictions(made);
        vm.roll(drawnBy + 257);
        made.candidateWeights = 0x3e3;
        refusedToCommit(made, abi.encodeWithSelector(I.WeightsAreOthers.selector, made.candidate, 0x3e2, 0x3e3));
        vm.expectRevert(abi.encodeWithSelector(I.NotTheModelOwner.selector, address(this), MODELS));
        inference.commitWeights(MODEL, GENESIS, 1);
        vm.expectRevert(abi.encodeWithSelector(I.NotTheModelOwner.selector, address(this), MODELS));
        inference.commitPredictions(MODEL, made);
        made.champion = bytes32(uint256(9));
        refusedToCommit(made, abi.encodeWithSelector(I.ChampionIsAnother.selector, GENESIS, made.champion));
        verifier.moveHead(MODEL, GENESIS, made.champion, "unpaid");
        refusedToCommit(made, abi.encodeWithSelector(I.WeightsUnknown.selector, MODEL, made.champion));
    }

    // ------------------------------------------------------------------ proofs

    function test_everyPublicInputOfInference() public {
        (Inferred memory made, bytes32 seed) = drawn();
        for (uint256 i = 0; i < INPUTS; ++i) {
            uint256[] memory words = inferenceInputs(made, seed, 0, 0);
            words[i] ^= 1;
            refusedToProve(made, key(), one(Trapdoor.forge(words, 5)), abi.encodeWithSelector(INVALID));
        }
        bytes32 commitment = inference.commitmentOf(MODEL, made);
        for (uint256 i = 0; i < 9; ++i) {
            Inferred memory other = inferredOf(improvementByProof());
            if (i == 0) other.champion = bytes32(uint256(9));
            else if (i == 1) other.evaluationSet = bytes32(uint256(9));
            else if (i == 2) other.championWeights += 1;
            else if (i == 3) other.candidateWeights += 1;
            else if (i == 4) other.features[0] += 1;
            else if (i < 8) other.predictions[0][i - 5] += 1;
            else other.features = new uint256[](2);
            refusedToProve(
                other,
                key(),
                pieces(other, seed),
                abi.encodeWithSelector(I.CommitmentIsAnother.selector, commitment, inference.commitmentOf(MODEL, other))
            );
        }
    }

    function test_everyWordOfAnInferenceProof() public {
        (Inferred memory made, bytes32 seed) = drawn();
        for (uint256 i = 0; i < 8; ++i) {
            uint256[8][] memory points = pieces(made, seed);
            points[0][i] ^= 1;
            refusedToProve(made, key(), points, abi.encodeWithSelector(Groth16.PointInvalid.selector));
            points = pieces(made, seed);
            points[1][i] = Trapdoor.Q;
            refusedToProve(made, key(), points, abi.encodeWithSelector(Groth16.NotACoordinate.selector, Trapdoor.Q));
        }
    }

    function test_proofsOfAnotherDrawOrPlace() public {
        (Inferred memory made, bytes32 seed) = drawn();
        refusedToProve(made, key(), pieces(made, keccak256("wished")), abi.encodeWithSelector(INVALID));
        uint256[8][] memory points = pieces(made, seed);
        (points[0], points[1]) = (points[1], points[0]);
        refusedToProve(made, key(), points, abi.encodeWithSelector(INVALID));
        points = pieces(made, seed);
        points[1] = points[0];
        refusedToProve(made, key(), points, abi.encodeWithSelector(INVALID));
        refusedToProve(made, key(), new uint256[8][](0), abi.encodeWithSelector(I.ProofCount.selector, 0, 0));
        uint256[8][] memory more = new uint256[8][](3);
        (more[0], more[1]) = (pieces(made, seed)[0], pieces(made, seed)[1]);
        refusedToProve(made, key(), more, abi.encodeWithSelector(I.ProofCount.selector, 3, 2));
        inference.proveInference(MODEL, made, key(), pieces(made, seed));
        refusedToProve(made, key(), one(pieces(made, seed)[0]), abi.encodeWithSelector(I.ProofCount.selector, 1, 0));
    }

    function test_replayOfInference() public {
        (Inferred memory made, bytes32 seed) = drawn();
        uint256[8][] memory points = pieces(made, seed);
        // Another candidate with the same weights and predictions.
        Inferred memory other = inferredOf(improvementByProof());
        other.candidate = bytes32(uint256(3));
        commitPredictions(other);
        draw(other, RANDAO);
        refusedToProve(other, key(), points, abi.encodeWithSelector(INVALID));
        vm.chainId(31_338);
        refusedToProve(
            made,
            key(),
            points,
            abi.encodeWithSelector(
                I.CommitmentIsAnother.selector,
                inference.drawOf(MODEL, made.candidate).commitment,
                inference.commitmentOf(MODEL, made)
            )
        );
    }

    function test_beforeTheDrawNothingIsProven() public {
        Inferred memory made = inferredOf(improvementByProof());
        refusedToProve(
            made, key(), pieces(made, 0), abi.encodeWithSelector(I.NothingCommitted.selector, MODEL, made.candidate)
        );
        refusedToDraw(made, RANDAO, abi.encodeWithSelector(I.NothingCommitted.selector, MODEL, made.candidate));
        commitPredictions(made);
        refusedToProve(made, key(), pieces(made, 0), abi.encodeWithSelector(I.NotDrawn.selector, made.candidate));
    }

    function test_partsOfAnySize() public {
        Inferred memory made = inferredOf(improvementByProof());
        made.predictions[0][0] = 1_025;
        commitPredictions(made);
        bytes32 seed = draw(made, RANDAO);
        refusedToProve(made, key(), pieces(made, seed), abi.encodeWithSelector(I.PartOutOfRange.selector, 1_025, 1_024));
        made.candidate = bytes32(uint256(3));
        made.predictions[0][0] = 0;
        commitPredictions(made);
        draw(made, RANDAO);
        refusedToProve(made, key(), new uint256[8][](1), abi.encodeWithSelector(I.PartOutOfRange.selector, 0, 1_024));
    }

    // ------------------------------------------------------------------ keys and terms

    function test_keysOfInference() public {
        (Inferred memory made, bytes32 seed) = drawn();
        uint256[] memory other = Trapdoor.key(INPUTS);
        other[14] = other[16];
        other[15] = other[17];
        bytes32 digest = keccak256(abi.encodePacked(other));
        refusedToProve(
            made, other, pieces(made, seed), abi.encodeWithSelector(VerifyingKeys.KeyUnknown.selector, digest)
        );
        // For commitments of another form.
        InferenceCircuit memory wide = InferenceCircuit(1_024, 5, uint32(SLOTS));
        inference.registerKey(other, wide, Mode.Auditor);
        refusedToProve(
            made, other, pieces(made, seed), abi.encodeWithSelector(I.InferenceCircuitOutOfRange.selector, wide)
        );
        digest = inference.keyHash(key());
        inference.revokeKey(digest);
        refusedToProve(
            made, key(), pieces(made, seed), abi.encodeWithSelector(VerifyingKeys.KeyUnknown.selector, digest)
        );
        uint256[] memory words = key();
        vm.chainId(1);
        vm.expectRevert(abi.encodeWithSelector(VerifyingKeys.DevelopmentKey.selector, digest, 1));
        inference.registerKey(words, sizes(), Mode.Development);
        vm.expectRevert(abi.encodeWithSelector(VerifyingKeys.KeyUnknown.selector, digest));
        inference.registerKey(words, sizes(), Mode.Unknown);
        vm.expectRevert(abi.encodeWithSelector(Groth16.KeyLength.selector, 36, 34));
        inference.registerKey(words, InferenceCircuit(1_024, 4, 48), Mode.Auditor);
        for (uint256 i = 0; i < 4; ++i) {
            wide = sizes();
            if (i == 0) wide.slots = 0;
            else if (i == 1) wide.slots = 1_025;
            else if (i == 2) wide.bits = 0;
            else wide.bits = 33;
            vm.expectRevert(abi.encodeWithSelector(I.InferenceCircuitOutOfRange.selector, wide));
            inference.registerKey(words, wide, Mode.Auditor);
        }
    }

    function test_termsOfInference() public {
        uint256[] memory words = key();
        InferenceTerms memory wrong = inferenceTerms();
        wrong.delay = 0;
        refusedTerms(wrong, "delay", 0, 200);
        wrong.delay = 201;
        refusedTerms(wrong, "delay", 201, 200);
        (wrong.delay, wrong.maxDraws) = (1, 0);
        refusedTerms(wrong, "maxDraws", 0, 1);
        (wrong.maxDraws, wrong.modelOwner) = (1, address(0));
        refusedTerms(wrong, "modelOwner", 0, 1);
        bytes memory because = abi.encodeWithSelector(VerifyingKeys.NotTheAdministrator.selector, LABELS);
        vm.expectRevert(because);
        vm.prank(LABELS);
        inference.demandInference(MODEL, inferenceTerms());
        vm.expectRevert(because);
        vm.prank(LABELS);
        inference.registerKey(words, sizes(), Mode.Auditor);
        vm.expectRevert(because);
        vm.prank(LABELS);
        proofs.setInference(inference);
        vm.expectRevert(abi.encodeWithSelector(ProofVerifier.InferenceAlreadySet.selector, inference));
        proofs.setInference(inference);
        assertEq(inference.terms(MODEL).rows, ROWS);
    }

    function test_inferenceOfAnotherVerifier() public {
        ProofVerifier before = proofs;
        address[] memory oracles = new address[](1);
        oracles[0] = address(1);
        proofs = deploy(address(this), oracles, 1).proofs();
        vm.expectRevert(abi.encodeWithSelector(ProofVerifier.InferenceOfAnother.selector, inference, before));
        proofs.setInference(IInference(inference));
    }

    // ------------------------------------------------------------------ helpers

    function key() private view returns (uint256[] memory) {
        return Trapdoor.key(INPUTS);
    }

    function one(uint256[8] memory point) private pure returns (uint256[8][] memory points) {
        points = new uint256[8][](1);
        points[0] = point;
    }

    function drawn() private returns (Inferred memory made, bytes32 seed) {
        made = inferredOf(improvementByProof());
        commitPredictions(made);
        seed = draw(made, RANDAO);
    }

    function inferAll(Inferred memory made) private {
        commitPredictions(made);
        inference.proveInference(MODEL, made, key(), pieces(made, draw(made, RANDAO)));
    }

    function refusedToPay(Improvement memory said, bytes memory because) private {
        refused(said, none(), prove(proven(said), said), because);
    }

    function refusedWith(Improvement memory said, Proof memory other) private {
        uint256[3][] memory predictions = new uint256[3][](1);
        predictions[0] = [other.n, other.champion, other.candidate];
        bytes32 statement = statementOf(said.champion, said.candidate, said.evaluationSet, predictions);
        bytes memory because = abi.encodeWithSelector(I.InferenceMissing.selector, MODEL, statement);
        Proven memory made = proven(said);
        made.gate[0] = other;
        refused(said, none(), prove(made, said), because);
    }

    function refusedToCommit(Inferred memory made, bytes memory because) private {
        vm.prank(MODELS);
        cheaply(abi.encodeCall(inference.commitPredictions, (MODEL, made)), because);
    }

    function refusedToDraw(Inferred memory made, bytes32 randao, bytes memory because) private {
        cheaply(abi.encodeCall(inference.fixDraw, (MODEL, made.candidate, header(randao))), because);
    }

    function refusedToProve(
        Inferred memory made,
        uint256[] memory with,
        uint256[8][] memory points,
        bytes memory because
    ) private {
        cheaply(abi.encodeCall(inference.proveInference, (MODEL, made, with, points)), because);
    }

    function refusedTerms(InferenceTerms memory wrong, string memory field, uint256 given, uint256 bound) private {
        vm.expectRevert(abi.encodeWithSelector(I.InferenceTermsOutOfRange.selector, field, given, bound));
        inference.demandInference(MODEL, wrong);
    }

    /// @dev Refused with this because, and without taking all the gas there is.
    function cheaply(bytes memory call_, bytes memory because) private {
        uint256 before = gasleft();
        (bool done, bytes memory told) = address(inference).call{gas: 20_000_000}(call_);
        assertTrue(before - gasleft() < 1_500_000, "a refusal burns gas");
        assertTrue(!done, "not refused");
        assertEq(keccak256(told), keccak256(because));
    }

    function headerIsAnother(bytes32 given, bytes32 expected) private pure returns (bytes memory) {
        return
            abi.encodeWithSelector(
                Draws.HeaderIsAnother.selector, keccak256(header(expected)), keccak256(header(given))
            );
    }
}
