// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DeltaOneVerifier} from "contracts/DeltaOneVerifier.sol";
import {Groth16} from "contracts/Groth16.sol";
import {Method, ModelConfig} from "contracts/Models.sol";
import {Oracles} from "contracts/Oracles.sol";
import {PairedSums} from "contracts/PairedImprovement.sol";
import {Mode, Proof, ProofTerms, ProofVerifier, Proven} from "contracts/ProofVerifier.sol";
import {Circuit, Counted, ProvenSums, Score} from "contracts/ProvenSums.sol";
import {Improvement, PublicPart} from "contracts/Signed.sol";
import {VerifyingKeys} from "contracts/VerifyingKeys.sol";
import {Proving} from "../support/Proving.sol";
import {Trapdoor} from "../support/Trapdoor.sol";
import {Typed} from "../support/Typed.sol";

/// @dev Payment by proof, and every way in which it is refused.
contract ProofsTest is Proving {
    bytes4 private constant INVALID = Groth16.ProofInvalid.selector;

    function test_aProofPays() public {
        Improvement memory said = honest();
        uint256 expected = verifier.verifyProvenAndCalculateReward(said, none(), abi.encode(given()));
        assertEq(verifier.processProvenImprovement(said, none(), abi.encode(given())), expected);
        assertEq(token.totalSupply(), REWARD);
        assertEq(verifier.head(MODEL), said.candidate);
    }

    // ------------------------------------------------------------------ public inputs

    function test_everyPublicInput() public {
        Proven memory made = given();
        made.gate[0].champion += 1;
        refused(honest(), none(), made, abi.encodeWithSelector(INVALID));
        made = given();
        made.gate[0].candidate += 1;
        refused(honest(), none(), made, abi.encodeWithSelector(INVALID));
        made = given();
        made.gate[0].n -= 1;
        refused(honest(), none(), made, abi.encodeWithSelector(INVALID));
        for (uint256 i = 0; i < 3; ++i) {
            made = given();
            made.gate[0].counts[i] += 1;
            refused(honest(), none(), made, abi.encodeWithSelector(INVALID));
        }
        // The commitment to the labels: another one, though it was committed to on chain as well.
        made = given();
        made.gateLabels[0] = LABEL + 1;
        commit(made);
        vm.roll(block.number + 1);
        Improvement memory said = honest();
        said.evaluationSet = idOf(made);
        made.gate[0].points = Trapdoor.forge(inputs(said, LABEL, made.gate[0]), 40);
        refused(said, none(), made, abi.encodeWithSelector(INVALID));
        // The context is the improvement itself: whatever of it is changed, the proof is of another.
        said = honest();
        said.contributors[0] = address(0xbad);
        refused(said, none(), given(), abi.encodeWithSelector(INVALID));
        said = honest();
        said.paidBps -= 1;
        refused(said, none(), given(), abi.encodeWithSelector(INVALID));
        said = honest();
        said.evidence = bytes32(uint256(0xe2));
        refused(said, none(), given(), abi.encodeWithSelector(INVALID));
        said = honest();
        said.candidate = bytes32(uint256(3));
        refused(said, none(), given(), abi.encodeWithSelector(INVALID));
        said = honest();
        said.deadline -= 1;
        refused(said, none(), given(), abi.encodeWithSelector(INVALID));
    }

    function test_otherSumsThanProven() public {
        Improvement memory said = honest();
        said.gate = hits(400, 300, 340);
        said.payment = said.gate;
        // Proven for this very improvement, but of other counts.
        Proven memory made = prove(given(), said);
        refused(said, none(), made, sumsUnproven(said.gate, honest().gate));
        said = honest();
        said.payment = hits(400, 300, 340);
        refused(said, none(), prove(given(), said), sumsUnproven(said.payment, honest().gate));
        said = honest();
        said.gate.n += 1;
        said.payment = said.gate;
        refused(said, none(), prove(given(), said), sumsUnproven(said.gate, honest().gate));
    }

    function test_replay() public {
        Proven memory made = given();
        verifier.processProvenImprovement(honest(), none(), abi.encode(made));
        Improvement memory next = successor(honest());
        (next.gate, next.payment, next.evaluationSet) = (honest().gate, honest().payment, honest().evaluationSet);
        refused(next, none(), made, abi.encodeWithSelector(INVALID));
        // On another chain, at another contract: another context.
        vm.chainId(31_338);
        proofs.revokeKey(keyOf());
        proofs.registerKey(made.key, circuit(), Mode.Ceremony);
        refused(next, none(), prove(made, honest()), abi.encodeWithSelector(INVALID));
    }

    function test_replayAtAnotherContract() public {
        Improvement memory said = honest();
        bytes memory made = abi.encode(given());
        address[] memory oracles = verifier.oracles();
        verifier = deploy(address(this), oracles, 2);
        (token, proofs) = (verifier.token(), verifier.proofs());
        proofs.registerKey(Trapdoor.key(8), circuit(), Mode.Development);
        demand(Method.Proof, Trapdoor.key(8));
        commit(proven(said));
        vm.roll(block.number + 1);
        refused(said, none(), made, abi.encodeWithSelector(INVALID));
        verifier.processProvenImprovement(said, none(), abi.encode(given()));
    }

    function test_theSameProofInOtherWords() public {
        // Proofs can be re-randomised, so their bytes identify nothing; evidence does.
        Proven memory made = given();
        made.gate[0].points = Trapdoor.forge(inputs(honest(), LABEL, made.gate[0]), 999);
        verifier.processProvenImprovement(honest(), none(), abi.encode(made));
        assertEq(token.totalSupply(), REWARD);
    }

    function test_fieldOverflow() public {
        uint256 r = Trapdoor.R;
        // The same in the field, and so a valid proof, were it not refused.
        Proven memory made = given();
        made.gate[0].champion += r;
        refused(honest(), none(), made, notAScalar(made.gate[0].champion));
        made = given();
        made.gate[0].candidate += r;
        refused(honest(), none(), made, notAScalar(made.gate[0].candidate));
        made = given();
        made.gate[0].n += r;
        refused(honest(), none(), made, notAScalar(made.gate[0].n));
        for (uint256 i = 0; i < 3; ++i) {
            made = given();
            made.gate[0].counts[i] += r;
            refused(honest(), none(), made, notAScalar(made.gate[0].counts[i]));
        }
        made = given();
        made.gateLabels[0] += r;
        vm.expectRevert(notAScalar(made.gateLabels[0]));
        this.commitOutside(made);
    }

    // ------------------------------------------------------------------ proof and key

    function test_everyProofWord() public {
        for (uint256 i = 0; i < 8; ++i) {
            Proven memory made = given();
            made.gate[0].points[i] += 1; // off the curve
            refused(honest(), none(), made, abi.encodeWithSelector(Groth16.PointInvalid.selector));
            made = given();
            made.gate[0].points[i] += Trapdoor.Q; // the same in the field
            bytes memory because = abi.encodeWithSelector(Groth16.NotACoordinate.selector, made.gate[0].points[i]);
            refused(honest(), none(), made, because);
            made = given();
            made.gate[0].points[i] = type(uint256).max;
            because = abi.encodeWithSelector(Groth16.NotACoordinate.selector, type(uint256).max);
            refused(honest(), none(), made, because);
        }
        Proven memory flat = given();
        for (uint256 i = 0; i < 8; ++i) {
            flat.gate[0].points[i] = 0; // points at infinity
        }
        refused(honest(), none(), flat, abi.encodeWithSelector(INVALID));
        flat = given(); // -A, a point like any other
        flat.gate[0].points[1] = Trapdoor.Q - flat.gate[0].points[1];
        refused(honest(), none(), flat, abi.encodeWithSelector(INVALID));
        flat = given(); // a point of the curve, but not of the group
        (flat.gate[0].points[2], flat.gate[0].points[3]) = (0, 1);
        refused(honest(), none(), flat, abi.encodeWithSelector(Groth16.PointInvalid.selector));
    }

    function test_otherKeys() public {
        Proven memory made = given();
        for (uint256 i = 0; i < made.key.length; ++i) {
            made = given();
            made.key[i] += 1;
            bytes32 other = proofs.keyHash(made.key);
            refused(honest(), none(), made, abi.encodeWithSelector(keyIsAnother(), keyOf(), other));
        }
        made = given(); // registered, but not the model's
        (made.key[6], made.key[7], made.key[8], made.key[9]) = (made.key[2], made.key[3], made.key[4], made.key[5]);
        proofs.registerKey(made.key, circuit(), Mode.Ceremony);
        bytes32 second = proofs.keyHash(made.key);
        refused(honest(), none(), made, abi.encodeWithSelector(keyIsAnother(), keyOf(), second));
        made = given();
        made.key = new uint256[](0);
        refused(honest(), none(), made, abi.encodeWithSelector(keyIsAnother(), keyOf(), keccak256("")));
        proofs.revokeKey(keyOf());
        refused(honest(), none(), given(), abi.encodeWithSelector(VerifyingKeys.KeyUnknown.selector, keyOf()));
        bytes32 gone = keyOf();
        vm.expectRevert(abi.encodeWithSelector(VerifyingKeys.KeyUnknown.selector, gone));
        proofs.revokeKey(gone);
    }

    function test_developmentKeysStayAtHome() public {
        uint256[] memory key = Trapdoor.key(8);
        vm.chainId(1);
        bytes memory because = abi.encodeWithSelector(VerifyingKeys.DevelopmentKey.selector, keyOf(), 1);
        refused(honest(), none(), prove(given(), honest()), because);
        vm.expectRevert(because);
        proofs.registerKey(key, circuit(), Mode.Development);
        proofs.registerKey(key, circuit(), Mode.Auditor);
        verifier.processProvenImprovement(honest(), none(), abi.encode(prove(given(), honest())));
    }

    function test_keysThatAnybodyForgesWith() public {
        uint256[] memory key = Trapdoor.key(8);
        Trapdoor.put(key, 10, Trapdoor.gamma());
        refusedKey(key, circuit(), Mode.Ceremony, abi.encodeWithSelector(Groth16.GammaIsDelta.selector));
        for (uint256 i = 2; i < 14; i += 4) {
            key = Trapdoor.key(8);
            (key[i], key[i + 1], key[i + 2], key[i + 3]) = (0, 0, 0, 0);
            refusedKey(key, circuit(), Mode.Ceremony, abi.encodeWithSelector(Groth16.KeyUnusable.selector));
        }
        for (uint256 i = 0; i < key.length; ++i) {
            key = Trapdoor.key(8);
            key[i] += 1;
            refusedKey(key, circuit(), Mode.Ceremony, abi.encodeWithSelector(Groth16.PointInvalid.selector));
            key[i] = Trapdoor.Q;
            bytes memory because = abi.encodeWithSelector(Groth16.NotACoordinate.selector, Trapdoor.Q);
            refusedKey(key, circuit(), Mode.Ceremony, because);
        }
        key = Trapdoor.key(9);
        refusedKey(key, circuit(), Mode.Ceremony, abi.encodeWithSelector(Groth16.KeyLength.selector, 34, 32));
        key = Trapdoor.key(8);
        bytes32 digest = proofs.keyHash(key);
        refusedKey(key, circuit(), Mode.Unknown, abi.encodeWithSelector(VerifyingKeys.KeyUnknown.selector, digest));
    }

    function test_circuitsThatCannotBe() public {
        refusedCircuit(Circuit(Counted.Accuracy, 0, 4, 16));
        refusedCircuit(Circuit(Counted.Accuracy, 1_024, 0, 16));
        refusedCircuit(Circuit(Counted.Accuracy, 1_024, 33, 16));
        refusedCircuit(Circuit(Counted.Accuracy, 1_024, 4, 17));
        refusedCircuit(Circuit(Counted.Accuracy, 1_024, 4, 1));
        refusedCircuit(Circuit(Counted.Confusion, 1_024, 8, 33));
        refusedCircuit(Circuit(Counted.AbsoluteLoss, 1_024, 20, 3)); // 1e9 is not three times anything
        refusedCircuit(Circuit(Counted.SquaredLoss, 1_024, 20, 31_622));
        refusedCircuit(Circuit(Counted.AbsoluteLoss, 1_024, 20, 0));
    }

    function test_onlyTheAdministrator() public {
        bytes memory because = abi.encodeWithSelector(VerifyingKeys.NotTheAdministrator.selector, LABELS);
        uint256[] memory key = Trapdoor.key(8);
        bytes32 digest = keyOf();
        vm.expectRevert(because);
        vm.prank(LABELS);
        proofs.registerKey(key, circuit(), Mode.Ceremony);
        vm.expectRevert(because);
        vm.prank(LABELS);
        proofs.revokeKey(digest);
        vm.expectRevert(because);
        vm.prank(LABELS);
        proofs.configureProof(MODEL, proofTerms(key));
    }

    function test_termsThatCannotBe() public {
        ProofTerms memory good = proofTerms(Trapdoor.key(8));
        ProofTerms memory bad = good;
        bad.key = bytes32(uint256(1));
        refusedTerms(bad, abi.encodeWithSelector(VerifyingKeys.KeyUnknown.selector, bad.key));
        bad = proofTerms(Trapdoor.key(8));
        bad.score = Score.F1;
        refusedTerms(bad, abi.encodeWithSelector(ProofVerifier.ScoreNotCounted.selector, Score.F1, Counted.Accuracy));
        bad.score = Score.Loss;
        refusedTerms(bad, abi.encodeWithSelector(ProofVerifier.ScoreNotCounted.selector, Score.Loss, Counted.Accuracy));
        bad = proofTerms(Trapdoor.key(8));
        bad.maxPartPercent = 49;
        refusedTerms(bad, abi.encodeWithSelector(ProofVerifier.TermsOutOfRange.selector, "maxPartPercent", 49, 99));
        bad.maxPartPercent = 100;
        refusedTerms(bad, abi.encodeWithSelector(ProofVerifier.TermsOutOfRange.selector, "maxPartPercent", 100, 99));
        bad = proofTerms(Trapdoor.key(8));
        bad.minCommitmentAge = 0;
        refusedTerms(bad, abi.encodeWithSelector(ProofVerifier.TermsOutOfRange.selector, "minCommitmentAge", 0, 1));
        bad = proofTerms(Trapdoor.key(8));
        bad.labelOwner = address(0);
        refusedTerms(bad, abi.encodeWithSelector(ProofVerifier.TermsOutOfRange.selector, "labelOwner", 0, 1));
    }

    // ------------------------------------------------------------------ commitments

    function test_lateCommitment() public {
        Proven memory made = given();
        made.gateLabels[0] = LABEL + 1;
        Improvement memory said = honest();
        said.evaluationSet = idOf(made);
        bytes memory because =
            abi.encodeWithSelector(ProofVerifier.EvaluationSetUnknown.selector, MODEL, said.evaluationSet);
        refused(said, none(), prove(made, said), because);
        commit(made);
        because = abi.encodeWithSelector(
            ProofVerifier.CommittedTooLate.selector, said.evaluationSet, block.number + 1, block.number
        );
        refused(said, none(), prove(made, said), because);
        vm.roll(block.number + 1);
        verifier.processProvenImprovement(said, none(), abi.encode(prove(made, said)));
    }

    function test_ageOfCommitments() public {
        ProofTerms memory patient = proofTerms(given().key);
        patient.minCommitmentAge = 7_200;
        proofs.configureProof(MODEL, patient);
        uint256 from = proofs.committed(MODEL, honest().evaluationSet) + 7_200;
        vm.roll(from - 1);
        bytes memory because =
            abi.encodeWithSelector(ProofVerifier.CommittedTooLate.selector, honest().evaluationSet, from, from - 1);
        refused(honest(), none(), given(), because);
        vm.roll(from);
        verifier.processProvenImprovement(honest(), none(), abi.encode(given()));
    }

    function test_otherEvaluationSet() public {
        Proven memory other = given();
        other.gateLabels[0] = LABEL + 1;
        commit(other);
        vm.roll(block.number + 1);
        // Of another set than the improvement names, though this one is committed to as well.
        refused(honest(), none(), prove(other, honest()), anotherSet(honest().evaluationSet, idOf(other)));
        // Of a set that was committed to for another model.
        Improvement memory said = honest();
        said.modelId = keccak256("other");
        verifier.configureModel(said.modelId, configByProof(), GENESIS);
        proofs.configureProof(said.modelId, proofTerms(given().key));
        bytes32 found = proofs.evaluationSetId(said.modelId, 0, given().gateLabels, given().paymentLabels);
        refused(said, none(), prove(given(), said), anotherSet(honest().evaluationSet, found));
        said.evaluationSet = found;
        bytes memory because = abi.encodeWithSelector(ProofVerifier.EvaluationSetUnknown.selector, said.modelId, found);
        refused(said, none(), prove(given(), said), because);
    }

    function test_whoCommitsToWhat() public {
        Proven memory made = given();
        vm.expectRevert(abi.encodeWithSelector(ProofVerifier.NotTheLabelOwner.selector, address(this), LABELS));
        proofs.commitEvaluationSet(MODEL, 0, made.gateLabels, made.paymentLabels);
        vm.expectRevert(
            abi.encodeWithSelector(ProofVerifier.AlreadyCommitted.selector, honest().evaluationSet, block.number - 1)
        );
        this.commitOutside(made);
        made.gateLabels = new uint256[](0);
        vm.expectRevert(abi.encodeWithSelector(ProofVerifier.CommitmentsMissing.selector));
        this.commitOutside(made);
        made.gateLabels = pair(5, 5);
        vm.expectRevert(abi.encodeWithSelector(ProofVerifier.CommitmentsNotAscending.selector, 5, 5));
        this.commitOutside(made);
        made.gateLabels = pair(5, 6);
        made.paymentLabels = pair(6, 5);
        vm.expectRevert(abi.encodeWithSelector(ProofVerifier.CommitmentsNotAscending.selector, 6, 5));
        this.commitOutside(made);
        made.paymentLabels = pair(0, 5);
        vm.expectRevert(abi.encodeWithSelector(ProofVerifier.CommitmentsNotAscending.selector, 0, 0));
        this.commitOutside(made);
        made.paymentLabels = new uint256[](257);
        vm.expectRevert(abi.encodeWithSelector(ProofVerifier.TooManyChunks.selector, 257, 256));
        this.commitOutside(made);
    }

    // ------------------------------------------------------------------ padding and chunks

    function test_padding() public {
        Proven memory made = given();
        made.gate[0].n = 0;
        refused(honest(), none(), prove(made, honest()), outOfRange(0, 0));
        made.gate[0].n = 1_025; // more rows than the circuit has
        refused(honest(), none(), prove(made, honest()), outOfRange(0, 1_025));
        made = given();
        made.gate[0].counts = new uint256[](4);
        refused(honest(), none(), made, abi.encodeWithSelector(ProofVerifier.CountWords.selector, 4, 3));
        // Counts that no rows have: more right by both than by one, more right than rows.
        made = given();
        made.gate[0].counts[2] = 331;
        refused(honest(), none(), prove(made, honest()), contradictory(300, 331));
        made = given();
        made.gate[0].counts[2] = 200;
        refused(honest(), none(), prove(made, honest()), contradictory(400, 430));
        made = given();
        made.gate[0].counts[0] = 401;
        refused(honest(), none(), prove(made, honest()), contradictory(400, 431));
        made = given();
        made.gate[0].counts[0] = 2 ** 128;
        refused(honest(), none(), prove(made, honest()), outOfRange(1, 2 ** 128));
    }

    function test_chunks() public {
        (Improvement memory said, Proven memory made) = chunked();
        refused(said, none(), shuffled(made, 1, 0), anotherSet(said.evaluationSet, idOf(shuffled(made, 1, 0))));
        refused(said, none(), shuffled(made, 0, 0), anotherSet(said.evaluationSet, idOf(shuffled(made, 0, 0))));
        // Proofs out of order, one twice, one missing, one more, with the commitments as they are.
        Proven memory wrong = made;
        (wrong.gate[0], wrong.gate[1]) = (made.gate[1], made.gate[0]);
        refused(said, none(), wrong, abi.encodeWithSelector(INVALID));
        (said, made) = again();
        made.gate[1] = made.gate[0];
        refused(said, none(), made, abi.encodeWithSelector(INVALID));
        (said, made) = again();
        made.gate = some(made.gate, 1);
        refused(said, none(), made, abi.encodeWithSelector(ProofVerifier.ProofCount.selector, 1, 2));
        (said, made) = again();
        made.gate = some(made.gate, 3);
        refused(said, none(), made, abi.encodeWithSelector(ProofVerifier.ProofCount.selector, 3, 2));
        (said, made) = again();
        made.payment = made.gate;
        refused(said, none(), made, abi.encodeWithSelector(ProofVerifier.ProofCount.selector, 2, 0));
        (said, made) = again();
        verifier.processProvenImprovement(said, none(), abi.encode(made));
        assertEq(token.totalSupply(), REWARD);
    }

    function test_paymentOnExamplesOfItsOwn() public {
        Improvement memory said = improvement(); // pays by 300 examples, decides by 400
        Proven memory made = proven(said);
        (made.paymentLabels, made.payment) = (new uint256[](1), new Proof[](1));
        made.paymentLabels[0] = LABEL + 9;
        made.payment[0] = Proof(300, 0xc4b, 0xcb, right(225e9, 240e9, 225e18), made.gate[0].points);
        said.evaluationSet = idOf(made);
        commit(made);
        vm.roll(block.number + 1);
        made = prove(made, said);
        Proof[] memory kept = made.payment;
        made.payment = new Proof[](0);
        refused(said, none(), made, abi.encodeWithSelector(ProofVerifier.ProofCount.selector, 0, 1));
        made.payment = made.gate; // the gate's numbers for the payment's rows
        refused(said, none(), made, abi.encodeWithSelector(INVALID));
        made.payment = kept;
        Improvement memory greedy = said;
        greedy.payment = greedy.gate;
        refused(greedy, none(), prove(made, greedy), sumsUnproven(greedy.payment, hits(300, 225, 240)));
        said.payment = hits(300, 225, 240);
        verifier.processProvenImprovement(said, none(), abi.encode(prove(made, said)));
    }

    // ------------------------------------------------------------------ methods

    function test_nothingWithoutProof() public {
        Improvement memory said = honest();
        bytes[] memory all = attest(said);
        vm.expectRevert(abi.encodeWithSelector(ProofVerifier.ProofMissing.selector));
        verifier.processImprovement(said, new bytes[](0));
        vm.expectRevert(abi.encodeWithSelector(ProofVerifier.ProofMissing.selector));
        verifier.processImprovement(said, all);
        refused(honest(), all, "", abi.encodeWithSelector(ProofVerifier.ProofMissing.selector));
        bytes memory because = abi.encodeWithSelector(DeltaOneVerifier.SignaturesUnexpected.selector, 2);
        refused(honest(), all, given(), because);
        // Where oracles are asked for, a proof says nothing.
        configure(terms());
        refused(
            honest(), none(), given(), abi.encodeWithSelector(DeltaOneVerifier.ProofUnexpected.selector, Method.Oracle)
        );
        refused(
            honest(), all, given(), abi.encodeWithSelector(DeltaOneVerifier.ProofUnexpected.selector, Method.Oracle)
        );
    }

    function test_both() public {
        demand(Method.Both, given().key);
        Proven memory made = given();
        refused(honest(), attest(honest()), made, shownExamples(Method.Both, 0, 0, 0));
        made.shown = bytes32(uint256(7));
        commit(made);
        vm.roll(block.number + 1);
        Improvement memory said = honest();
        said.evaluationSet = idOf(made);
        made = prove(made, said);
        refused(said, none(), made, abi.encodeWithSelector(Oracles.QuorumMissing.selector, 0, 2));
        bytes[] memory all = attest(said);
        vm.expectRevert(abi.encodeWithSelector(ProofVerifier.ProofMissing.selector));
        verifier.processImprovement(said, all);
        verifier.processProvenImprovement(said, all, abi.encode(made));
        assertEq(token.totalSupply(), REWARD);
    }

    function test_hybrid() public {
        (Improvement memory said, Proven memory made, PublicPart memory part) = hybrid(100);
        refused(said, none(), made, abi.encodeWithSelector(Oracles.QuorumMissing.selector, 0, 2));
        // Of all the improvement they must not have signed, for they have not seen all of it.
        Proven memory wrong = made;
        wrong.gateShown = new uint256[](0);
        refused(said, sign(part), wrong, shownExamples(Method.Hybrid, made.shown, 0, 0));
        (said, made, part) = hybridAgain(100);
        wrong = made;
        wrong.gateShown = new uint256[](3);
        refused(said, sign(part), wrong, abi.encodeWithSelector(ProvenSums.TallyLength.selector, 3, 4));
        (said, made, part) = hybridAgain(100);
        wrong = made;
        wrong.gateShown[2] += 1; // one lying submitter: neither the sums nor the signatures are these
        refused(said, sign(part), wrong, sumsUnproven(said.gate, hits1(500, 375, 411, 375)));
        (said, made, part) = hybridAgain(100);
        made.paymentShown = made.gateShown;
        refused(said, sign(part), made, shownExamples(Method.Hybrid, made.shown, 4, 4));
        (said, made, part) = hybridAgain(100);
        verifier.processProvenImprovement(said, sign(part), abi.encode(made));
        assertEq(token.totalSupply(), REWARD);
    }

    function test_neitherPartOutweighs() public {
        (Improvement memory said, Proven memory made, PublicPart memory part) = hybrid(99);
        refused(said, sign(part), made, abi.encodeWithSelector(ProofVerifier.PartTooLarge.selector, 400, 499, 80));
        (said, made, part) = hybrid(1_601);
        refused(said, sign(part), made, abi.encodeWithSelector(ProofVerifier.PartTooLarge.selector, 1_601, 2_001, 80));
        (said, made, part) = hybridAgain(1_600);
        verifier.processProvenImprovement(said, sign(part), abi.encode(made));
    }

    /// @dev One of three oracles lies: two signatures are not there. Two lie: what the contract itself
    /// recomputes still stands, and of a hybrid also what is proven.
    function test_lyingOracles() public {
        (Improvement memory said, Proven memory made, PublicPart memory part) = hybrid(100);
        made.gateShown[2] += 5; // five more right
        part.gate = made.gateShown;
        said.gate = hits1(500, 375, 415, 375);
        said.payment = said.gate;
        said.paidBps = 800;
        part.improvement = Typed.digest(domain(), Typed.hash(said));
        made = prove(made, said);
        bytes[] memory one = sign(Typed.digest(domain(), Typed.hash(part)), 1);
        refused(said, one, made, abi.encodeWithSelector(Oracles.QuorumMissing.selector, 1, 2));
        // Two of them can lie about what they see, within what rows can have, and not beyond it.
        made.gateShown[2] = 101;
        part.gate = made.gateShown;
        said.gate = hits1(500, 375, 431, 375);
        said.payment = said.gate;
        part.improvement = Typed.digest(domain(), Typed.hash(said));
        made = prove(made, said);
        refused(said, sign(part), made, contradictory(100, 101));
    }

    // ------------------------------------------------------------------ inside

    function honest() private view returns (Improvement memory) {
        return improvementByProof();
    }

    function given() private view returns (Proven memory) {
        return prove(proven(honest()), honest());
    }

    function keyOf() private view returns (bytes32) {
        return keccak256(abi.encodePacked(Trapdoor.key(8)));
    }

    /// @dev The gate's 400 rows as two chunks.
    function chunked() private returns (Improvement memory said, Proven memory made) {
        (said, made) = again();
        commit(made);
        vm.roll(block.number + 1);
    }

    function again() private view returns (Improvement memory said, Proven memory made) {
        said = honest();
        made = proven(said);
        made.gateLabels = pair(LABEL + 3, LABEL + 4);
        made.gate = new Proof[](2);
        uint256[8] memory later;
        made.gate[0] = Proof(150, 11, 12, right(100e9, 120e9, 100e18), later);
        made.gate[1] = Proof(250, 21, 22, right(200e9, 210e9, 200e18), later);
        said.evaluationSet = idOf(made);
        made = prove(made, said);
    }

    function shuffled(Proven memory made, uint256 first, uint256 second) private pure returns (Proven memory other) {
        other.key = made.key;
        other.gateLabels = pair(made.gateLabels[first], made.gateLabels[second]);
        other.gate = new Proof[](2);
        (other.gate[0], other.gate[1]) = (made.gate[first], made.gate[second]);
    }

    function some(Proof[] memory from, uint256 count) private pure returns (Proof[] memory taken) {
        taken = new Proof[](count);
        for (uint256 i = 0; i < count; ++i) {
            taken[i] = from[i % from.length];
        }
    }

    function pair(uint256 first, uint256 second) private pure returns (uint256[] memory both) {
        both = new uint256[](2);
        (both[0], both[1]) = (first, second);
    }

    /// @dev 400 rows by proof and so many by oracles.
    function hybrid(uint256 shown)
        private
        returns (Improvement memory said, Proven memory made, PublicPart memory part)
    {
        if (proofs.committed(MODEL, idOf(shownSet())) == 0) {
            demand(Method.Hybrid, Trapdoor.key(8));
            commit(shownSet());
            vm.roll(block.number + 1);
        }
        return hybridAgain(shown);
    }

    function shownSet() private view returns (Proven memory made) {
        made = proven(honest());
        made.shown = bytes32(uint256(0x5e7));
    }

    function hybridAgain(uint256 shown)
        private
        view
        returns (Improvement memory said, Proven memory made, PublicPart memory part)
    {
        said = honest();
        made = shownSet();
        made.gateShown = new uint256[](4);
        (made.gateShown[0], made.gateShown[1]) = (shown, (shown * 3) / 4);
        (made.gateShown[2], made.gateShown[3]) = ((shown * 4) / 5, (shown * 3) / 4);
        said.gate = hits1(400 + shown, 300 + (shown * 3) / 4, 330 + (shown * 4) / 5, 300 + (shown * 3) / 4);
        said.payment = said.gate;
        said.evaluationSet = idOf(made);
        made = prove(made, said);
        part = PublicPart(Typed.digest(domain(), Typed.hash(said)), made.gateShown, made.paymentShown);
    }

    function hits1(uint256 n, uint256 b, uint256 c, uint256 both) private pure returns (PairedSums memory) {
        return PairedSums(uint64(n), int256(b * 1e9), int256(c * 1e9), b * 1e18, c * 1e18, int256(both * 1e18));
    }

    function configByProof() private pure returns (ModelConfig memory config) {
        config = terms();
        config.method = Method.Proof;
    }

    function refusedKey(uint256[] memory key, Circuit memory of_, Mode mode, bytes memory because) private {
        vm.expectRevert(because);
        proofs.registerKey(key, of_, mode);
    }

    function refusedCircuit(Circuit memory wrong) private {
        uint256[] memory key = Trapdoor.key(8);
        vm.expectRevert(abi.encodeWithSelector(ProofVerifier.CircuitOutOfRange.selector, wrong));
        proofs.registerKey(key, wrong, Mode.Ceremony);
    }

    function refusedTerms(ProofTerms memory wrong, bytes memory because) private {
        vm.expectRevert(because);
        proofs.configureProof(MODEL, wrong);
    }

    function sumsUnproven(PairedSums memory claimed, PairedSums memory found) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ProofVerifier.SumsUnproven.selector, claimed, found);
    }

    function notAScalar(uint256 value) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Groth16.NotAScalar.selector, value);
    }

    function keyIsAnother() private pure returns (bytes4) {
        return ProofVerifier.KeyIsAnother.selector;
    }

    function anotherSet(bytes32 expected, bytes32 found) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ProofVerifier.EvaluationSetIsAnother.selector, expected, found);
    }

    function outOfRange(uint256 place, uint256 count) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ProvenSums.CountOutOfRange.selector, place, count);
    }

    function contradictory(uint256 most, uint256 counted) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ProvenSums.CountsContradictory.selector, most, counted);
    }

    function shownExamples(Method method, bytes32 shown, uint256 gate, uint256 payment)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(ProofVerifier.ShownExamples.selector, method, shown, gate, payment);
    }

    function commitOutside(Proven memory made) external {
        vm.prank(LABELS);
        proofs.commitEvaluationSet(MODEL, made.shown, made.gateLabels, made.paymentLabels);
    }
}
