// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Groth16} from "./Groth16.sol";
import {IInference, statementOf} from "./IInference.sol";
import {Method} from "./Models.sol";
import {Kind, PairedSums} from "./PairedImprovement.sol";
import {Circuit, Counted, ProvenSums, Score} from "./ProvenSums.sol";
import {PublicPart, Signed} from "./Signed.sol";
import {Mode, VerifyingKeys} from "./VerifyingKeys.sol";

/// @notice Under which terms proofs count for a model.
struct ProofTerms {
    bytes32 key; // hash of the verifying key
    Score score; // the score whose sums are proven
    uint16 positive; // of precision, recall and F1: the class that is meant, or 65 535 for the mean
    uint8 maxPartPercent; // of a hybrid: most of the examples that either part may hold
    uint32 minCommitmentAge; // blocks between commitment to the labels and improvement, at least 1
    address labelOwner; // who commits to evaluation sets
}

/// @notice What an improvement says that must be proven.
struct Claim {
    bytes32 modelId;
    bytes32 champion;
    bytes32 candidate;
    bytes32 evaluationSet;
    bytes32 digest; // of all the improvement, as oracles would sign it
    Kind kind;
    Method method;
    PairedSums gate;
    PairedSums payment;
}

/// @notice One proof, about the rows of one commitment to labels.
struct Proof {
    uint256 n; // rows
    uint256 champion; // commitment to the champion's predictions
    uint256 candidate; // commitment to the candidate's
    uint256[] counts;
    uint256[8] points;
}

/// @notice What is handed in for an improvement, ABI-encoded.
struct Proven {
    bytes32 shown; // digest of the examples that oracles see; zero: none
    uint256[] gateLabels; // commitments, strictly ascending
    uint256[] paymentLabels; // likewise; none: pay is measured on the gate's examples
    Proof[] gate; // one for each commitment, in order
    Proof[] payment;
    uint256[] gateShown; // of a hybrid: tally of the examples that oracles see
    uint256[] paymentShown;
    uint256[] key;
}

/// @title ProofVerifier
/// @notice Zero-knowledge proofs about paired sums: which keys count, which labels were committed to,
/// and whether an improvement's sums are proven for them.
///
/// A proof shows that the counts are those of labels, champion's and candidate's predictions that
/// somebody who knows them committed to. It does not show that the labels are true, nor that the
/// predictions are a model's, unless `inference` is asked to. Its context is the digest of the whole improvement, so that no part of
/// it, payees included, can be changed by whoever sees it.
contract ProofVerifier is VerifyingKeys {
    uint256 public constant MAX_CHUNKS = 256;
    uint64 public constant MAX_CLASSES = 32;

    /// @notice Checks that predictions come from committed models, where a model's terms there ask for
    /// it; zero: nobody does. Written once.
    IInference public inference;

    mapping(bytes32 key => Circuit) public circuits;

    /// @notice Block in which an evaluation set was committed to; zero: never.
    mapping(bytes32 modelId => mapping(bytes32 evaluationSet => uint256)) public committed;

    mapping(bytes32 modelId => ProofTerms) private _terms;

    event KeyRegistered(bytes32 indexed key, Circuit circuit, Mode mode);
    event InferenceSet(IInference indexed inference);
    event ProofConfigured(bytes32 indexed modelId, ProofTerms terms);
    event EvaluationSetCommitted(
        bytes32 indexed modelId, bytes32 indexed evaluationSet, bytes32 shown, uint256[] gate, uint256[] payment
    );

    error NotTheLabelOwner(address caller, address labelOwner);
    error CircuitOutOfRange(Circuit circuit);
    error InferenceAlreadySet(IInference inference);
    error InferenceOfAnother(IInference inference, address proofs);
    error KeyIsAnother(bytes32 expected, bytes32 given);
    error TermsOutOfRange(string field, uint256 given, uint256 bound);
    error ScoreNotCounted(Score score, Counted counted);
    error CommitmentsMissing();
    error TooManyChunks(uint256 chunks, uint256 most);
    error CommitmentsNotAscending(uint256 previous, uint256 commitment);
    error AlreadyCommitted(bytes32 evaluationSet, uint256 blockNumber);
    error EvaluationSetIsAnother(bytes32 expected, bytes32 given);
    error EvaluationSetUnknown(bytes32 modelId, bytes32 evaluationSet);
    error CommittedTooLate(bytes32 evaluationSet, uint256 from, uint256 blockNumber);
    error ProofMissing();
    error ProofCount(uint256 proofs, uint256 chunks);
    error CountWords(uint256 words, uint256 expected);
    error ShownExamples(Method method, bytes32 shown, uint256 gate, uint256 payment);
    error PartTooLarge(uint256 part, uint256 whole, uint8 maxPercent);
    error SumsUnproven(PairedSums claimed, PairedSums proven);

    constructor() VerifyingKeys(IAccessControl(msg.sender)) {}

    // ------------------------------------------------------------------ keys and terms

    /// @notice Let a verifying key count.
    function registerKey(uint256[] calldata key, Circuit calldata circuit, Mode mode) external onlyAdministrator {
        bool loss = circuit.counted == Counted.AbsoluteLoss || circuit.counted == Counted.SquaredLoss;
        if (
            circuit.capacity == 0 || circuit.bits == 0 || circuit.bits > 32
                || (loss ? ProvenSums.lossUnit(circuit) == 0 : circuit.range < 2 || circuit.range > 2 ** circuit.bits)
                || (circuit.counted == Counted.Confusion && circuit.range > MAX_CLASSES)
        ) revert CircuitOutOfRange(circuit);
        bytes32 digest = keyHash(key);
        _addKey(digest, mode);
        Groth16.requireSound(key, 5 + ProvenSums.countWords(circuit));
        circuits[digest] = circuit;
        emit KeyRegistered(digest, circuit, mode);
    }

    /// @notice Set the terms under which proofs count for a model.
    function configureProof(bytes32 modelId, ProofTerms calldata terms_) external onlyAdministrator {
        if (modes[terms_.key] == Mode.Unknown) revert KeyUnknown(terms_.key);
        Circuit memory circuit = circuits[terms_.key];
        bool ratio = terms_.score != Score.Accuracy && terms_.score != Score.Loss;
        bool fits = ratio
            ? circuit.counted == Counted.Confusion
            : terms_.score == Score.Accuracy
                ? circuit.counted == Counted.Accuracy
                : uint8(circuit.counted) >= uint8(Counted.AbsoluteLoss);
        if (!fits) revert ScoreNotCounted(terms_.score, circuit.counted);
        if (ratio && terms_.positive != ProvenSums.MACRO && terms_.positive >= circuit.range) {
            revert TermsOutOfRange("positive", terms_.positive, circuit.range - 1);
        }
        if (terms_.maxPartPercent < 50 || terms_.maxPartPercent > 99) {
            revert TermsOutOfRange("maxPartPercent", terms_.maxPartPercent, 99);
        }
        if (terms_.minCommitmentAge == 0) revert TermsOutOfRange("minCommitmentAge", 0, 1);
        if (terms_.labelOwner == address(0)) revert TermsOutOfRange("labelOwner", 0, 1);
        _terms[modelId] = terms_;
        emit ProofConfigured(modelId, terms_);
    }

    /// @notice Name the contract that checks inference, once and for all models.
    function setInference(IInference given) external onlyAdministrator {
        if (address(inference) != address(0)) revert InferenceAlreadySet(inference);
        address asks = given.proofs();
        if (asks != address(this)) revert InferenceOfAnother(given, asks);
        inference = given;
        emit InferenceSet(given);
    }

    /// @notice Terms under which proofs count for a model; without a key there are none.
    function terms(bytes32 modelId) external view returns (ProofTerms memory) {
        return _terms[modelId];
    }

    // ------------------------------------------------------------------ labels

    /// @notice Commit to the labels of an evaluation set, before any candidate's predictions exist.
    /// @param shown Digest of the examples that oracles see; zero: none.
    /// @param gate Commitments to the labels that decide, strictly ascending.
    /// @param payment Commitments to those that pay is measured on; none: those that decide.
    /// @return evaluationSet What an improvement names it by.
    function commitEvaluationSet(bytes32 modelId, bytes32 shown, uint256[] calldata gate, uint256[] calldata payment)
        external
        returns (bytes32 evaluationSet)
    {
        address labelOwner = _terms[modelId].labelOwner;
        if (msg.sender != labelOwner) revert NotTheLabelOwner(msg.sender, labelOwner);
        if (gate.length == 0) revert CommitmentsMissing();
        _requireAscending(gate);
        _requireAscending(payment);
        evaluationSet = evaluationSetId(modelId, shown, gate, payment);
        uint256 before = committed[modelId][evaluationSet];
        if (before != 0) revert AlreadyCommitted(evaluationSet, before);
        committed[modelId][evaluationSet] = block.number;
        emit EvaluationSetCommitted(modelId, evaluationSet, shown, gate, payment);
    }

    /// @notice What an evaluation set is named by: everything that is committed to.
    function evaluationSetId(bytes32 modelId, bytes32 shown, uint256[] memory gate, uint256[] memory payment)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(modelId, shown, gate, payment));
    }

    // ------------------------------------------------------------------ improvements

    /// @notice Refuse an improvement whose sums are not proven.
    /// @param given `Proven`, ABI-encoded.
    /// @return part Hash of the `PublicPart` that oracles must have signed; of a hybrid only.
    function requireProven(Claim calldata claim, bytes calldata given) external view returns (bytes32 part) {
        if (given.length == 0) revert ProofMissing();
        Proven memory proven = abi.decode(given, (Proven));
        ProofTerms memory agreed = _terms[claim.modelId];
        Circuit memory circuit = _requireKey(agreed.key, proven.key);
        _requireCommitted(claim, agreed, proven);
        _requireShown(claim.method, proven);
        if (address(inference) != address(0)) {
            inference.requireInferred(claim.modelId, _statement(claim, proven));
        }
        if ((agreed.score == Score.Loss) != (claim.kind != Kind.Linear)) {
            revert ScoreNotCounted(agreed.score, circuit.counted);
        }

        uint256 context = uint256(claim.digest) >> 8;
        uint256[] memory tally =
            _tally(context, circuit, proven.key, proven.gateLabels, proven.gate, proven.gateShown, agreed);
        _requireSums(claim.gate, ProvenSums.sums(tally, circuit, agreed.score, agreed.positive));
        if (proven.paymentLabels.length > 0) {
            tally =
                _tally(context, circuit, proven.key, proven.paymentLabels, proven.payment, proven.paymentShown, agreed);
            _requireSums(claim.payment, ProvenSums.sums(tally, circuit, agreed.score, agreed.positive));
        } else {
            if (proven.payment.length > 0) revert ProofCount(proven.payment.length, 0);
            _requireSums(claim.payment, claim.gate);
        }
        if (claim.method == Method.Hybrid) {
            part = Signed.hash(PublicPart(claim.digest, proven.gateShown, proven.paymentShown));
        }
    }

    /// @notice The paired sums of a tally, as they are compared here.
    function sumsOf(uint256[] calldata tally, Circuit calldata circuit, Score score, uint16 positive)
        external
        pure
        returns (PairedSums memory)
    {
        uint256 expected = ProvenSums.tallyLength(circuit);
        if (tally.length != expected) revert ProvenSums.TallyLength(tally.length, expected);
        ProvenSums.requireConsistent(tally, circuit);
        return ProvenSums.sums(tally, circuit, score, positive);
    }

    // ------------------------------------------------------------------ inside

    function _requireKey(bytes32 agreed, uint256[] memory key) private view returns (Circuit memory) {
        _requireKnown(agreed);
        bytes32 digest = keyHash(key);
        if (digest != agreed) revert KeyIsAnother(agreed, digest);
        return circuits[agreed];
    }

    /// @dev What inference is asked about: whose predictions of which examples. Gate's, then payment's.
    function _statement(Claim calldata claim, Proven memory proven) private pure returns (bytes32) {
        uint256 gate = proven.gate.length;
        uint256[3][] memory predictions = new uint256[3][](gate + proven.payment.length);
        for (uint256 i = 0; i < predictions.length; ++i) {
            Proof memory proof = i < gate ? proven.gate[i] : proven.payment[i - gate];
            predictions[i] = [proof.n, proof.champion, proof.candidate];
        }
        return statementOf(claim.champion, claim.candidate, claim.evaluationSet, predictions);
    }

    function _requireCommitted(Claim calldata claim, ProofTerms memory agreed, Proven memory proven) private view {
        bytes32 found = evaluationSetId(claim.modelId, proven.shown, proven.gateLabels, proven.paymentLabels);
        if (found != claim.evaluationSet) revert EvaluationSetIsAnother(claim.evaluationSet, found);
        uint256 since = committed[claim.modelId][found];
        if (since == 0) revert EvaluationSetUnknown(claim.modelId, found);
        uint256 from = since + agreed.minCommitmentAge;
        if (block.number < from) revert CommittedTooLate(found, from, block.number);
    }

    /// @dev Oracles see no example of a proof, some of a hybrid, and all where both are demanded; only
    /// of a hybrid they state a tally of their own, of each set of examples.
    function _requireShown(Method method, Proven memory proven) private pure {
        (uint256 gate, uint256 payment) = (proven.gateShown.length, proven.paymentShown.length);
        bool hybrid = method == Method.Hybrid;
        bool apart = hybrid && proven.paymentLabels.length > 0;
        if ((proven.shown == 0) != (method == Method.Proof) || (gate > 0) != hybrid || (payment > 0) != apart) {
            revert ShownExamples(method, proven.shown, gate, payment);
        }
    }

    function _tally(
        uint256 context,
        Circuit memory circuit,
        uint256[] memory key,
        uint256[] memory labels,
        Proof[] memory proofs,
        uint256[] memory shown,
        ProofTerms memory agreed
    ) private view returns (uint256[] memory tally) {
        if (proofs.length != labels.length) revert ProofCount(proofs.length, labels.length);
        tally = new uint256[](ProvenSums.tallyLength(circuit));
        for (uint256 i = 0; i < proofs.length; ++i) {
            Groth16.requireValid(key, proofs[i].points, _inputs(context, circuit, labels[i], proofs[i]));
            ProvenSums.add(tally, circuit, proofs[i].n, proofs[i].counts);
        }
        ProvenSums.requireConsistent(tally, circuit);
        if (shown.length == 0) return tally;
        uint256 proven = tally[0];
        ProvenSums.add(tally, shown);
        ProvenSums.requireConsistent(shown, circuit);
        _requirePart(proven, tally[0], agreed.maxPartPercent);
        _requirePart(shown[0], tally[0], agreed.maxPartPercent);
    }

    function _inputs(uint256 context, Circuit memory circuit, uint256 labels, Proof memory proof)
        private
        pure
        returns (uint256[] memory inputs)
    {
        uint256 words = ProvenSums.countWords(circuit);
        if (proof.counts.length != words) revert CountWords(proof.counts.length, words);
        inputs = new uint256[](5 + words);
        (inputs[0], inputs[1], inputs[2]) = (context, proof.n, labels);
        (inputs[3], inputs[4]) = (proof.champion, proof.candidate);
        for (uint256 i = 0; i < words; ++i) {
            inputs[5 + i] = proof.counts[i];
        }
    }

    function _requirePart(uint256 part, uint256 whole, uint8 maxPercent) private pure {
        if (part * 100 > whole * maxPercent) revert PartTooLarge(part, whole, maxPercent);
    }

    function _requireSums(PairedSums calldata claimed, PairedSums memory proven) private pure {
        if (keccak256(abi.encode(claimed)) != keccak256(abi.encode(proven))) revert SumsUnproven(claimed, proven);
    }

    /// @dev So that no commitment counts twice.
    function _requireAscending(uint256[] calldata commitments) private pure {
        if (commitments.length > MAX_CHUNKS) revert TooManyChunks(commitments.length, MAX_CHUNKS);
        uint256 previous = 0;
        for (uint256 i = 0; i < commitments.length; ++i) {
            if (commitments[i] <= previous) revert CommitmentsNotAscending(previous, commitments[i]);
            if (commitments[i] >= Groth16.R) revert Groth16.NotAScalar(commitments[i]);
            previous = commitments[i];
        }
    }
}
