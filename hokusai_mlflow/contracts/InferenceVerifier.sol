// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Draws} from "./Draws.sol";
import {Groth16} from "./Groth16.sol";
import {IInference, statementOf} from "./IInference.sol";
import {ProofVerifier} from "./ProofVerifier.sol";
import {Mode, VerifyingKeys} from "./VerifyingKeys.sol";

/// @notice A circuit of inference: for what sizes. The shapes of the models are its key's alone.
struct InferenceCircuit {
    uint32 capacity; // rows that may be committed to
    uint32 bits; // of a prediction
    uint32 slots; // drawn rows of one proof
}

/// @notice How a model's inference is to be proven.
struct InferenceTerms {
    uint32 rows; // drawn from every part of an evaluation, or all it has; zero: nothing is asked
    uint32 delay; // blocks from commitment to the block whose randomness draws
    uint32 maxDraws; // commitments against one champion
    address modelOwner; // who commits to weights and predictions
}

/// @notice What is committed to before rows are drawn. Parts of an evaluation are the gate's chunks,
/// then the payment's, as in `Proven`.
struct Inferred {
    bytes32 champion; // the models, as improvements name them
    bytes32 candidate;
    bytes32 evaluationSet;
    uint256 championWeights;
    uint256 candidateWeights;
    uint256[3][] predictions; // of each part: rows, champion's and candidate's predictions
    uint256[] features; // of each part
}

/// @notice What is known of a candidate's inference.
struct Draw {
    bytes32 commitment; // digest of all that was committed to
    bytes32 statement; // what payment asks about
    bytes32 seed; // of the draw; zero: not fixed yet
    uint64 blockNumber; // whose randomness draws
    uint64 rows; // of those drawn that are proven, counted over all parts
    bool complete;
}

/// @dev Where the verification of proofs is.
struct Run {
    InferenceCircuit circuit;
    bytes32 commitment;
    bytes32 seed;
    uint256 most; // rows drawn from a part
    uint256 progress; // drawn rows that are proven, over all parts
    uint256 used; // proofs
    uint256 start; // drawn rows before this part
    uint256 end; // and with it
    uint256[] order; // drawn rows of this part
}

/// @title InferenceVerifier
/// @notice Zero-knowledge proofs that committed predictions come from committed weights, on rows that
/// were drawn after both were committed to.
///
/// In this order: the label owner commits to features, the model owner to the champion's weights; then
/// the model owner to the candidate's weights and to both models' predictions; then a block that nobody
/// knew draws rows; then every drawn row is proven; only then `ProofVerifier` lets the improvement pass.
///
/// One commitment counts per candidate, and `maxDraws` per champion, so that whoever dislikes a draw
/// finds no other. A commitment whose block was not read in time (`fixDraw`) lapses, and is counted.
contract InferenceVerifier is IInference, VerifyingKeys {
    uint256 public constant MAX_DELAY = 200;
    uint256 public constant MAX_PARTS = 512;

    ProofVerifier private immutable _proofs;

    mapping(bytes32 key => InferenceCircuit) public circuits;

    mapping(bytes32 modelId => InferenceTerms) private _terms;

    /// @notice Commitment to the weights of a model that improvements name; written once.
    mapping(bytes32 modelId => mapping(bytes32 model => uint256)) public weights;

    /// @notice Digest of the commitments to an evaluation set's features, and the block of that.
    mapping(bytes32 modelId => mapping(bytes32 evaluationSet => bytes32)) public features;
    mapping(bytes32 modelId => mapping(bytes32 evaluationSet => uint256)) public featuresSince;

    /// @notice How often was drawn for challengers of a champion.
    mapping(bytes32 modelId => mapping(bytes32 champion => uint256)) public draws;

    mapping(bytes32 modelId => mapping(bytes32 candidate => Draw)) private _draws;

    /// @notice Statements that are proven whole.
    mapping(bytes32 modelId => mapping(bytes32 statement => bool)) public inferred;

    event InferenceKeyRegistered(bytes32 indexed key, InferenceCircuit circuit, Mode mode);
    event InferenceDemanded(bytes32 indexed modelId, InferenceTerms terms);
    event WeightsCommitted(bytes32 indexed modelId, bytes32 indexed model, uint256 weights);
    event FeaturesCommitted(bytes32 indexed modelId, bytes32 indexed evaluationSet, uint256[] features);
    event PredictionsCommitted(bytes32 indexed modelId, bytes32 indexed candidate, uint64 drawnBy, Inferred inferred);
    event RowsDrawn(bytes32 indexed modelId, bytes32 indexed candidate, bytes32 seed);
    event InferenceProven(bytes32 indexed modelId, bytes32 indexed candidate, bytes32 key, uint256 rows, bool complete);

    error NotTheLabelOwner(address caller, address labelOwner);
    error NotTheModelOwner(address caller, address modelOwner);
    error InferenceCircuitOutOfRange(InferenceCircuit circuit);
    error InferenceTermsOutOfRange(string field, uint256 given, uint256 bound);
    error NotAField(uint256 value);
    error EvaluationSetUnknown(bytes32 modelId, bytes32 evaluationSet);
    error FeaturesAlreadyCommitted(bytes32 evaluationSet, uint256 blockNumber);
    error FeaturesUnknown(bytes32 modelId, bytes32 evaluationSet);
    error FeaturesTooLate(bytes32 evaluationSet, uint256 from, uint256 blockNumber);
    error FeaturesAreOthers(bytes32 expected, bytes32 given);
    error WeightsUnknown(bytes32 modelId, bytes32 model);
    error WeightsAreOthers(bytes32 model, uint256 expected, uint256 given);
    error ChampionIsAnother(bytes32 head, bytes32 given);
    error PartCount(uint256 parts, uint256 features);
    error PartOutOfRange(uint256 rows, uint256 capacity);
    error PredictionsAlreadyCommitted(bytes32 candidate, uint64 drawnBy);
    error TooManyDraws(bytes32 champion, uint256 draws);
    error NothingCommitted(bytes32 modelId, bytes32 candidate);
    error CommitmentIsAnother(bytes32 expected, bytes32 given);
    error DrawIsFixed(bytes32 seed);
    error DrawTooEarly(uint64 drawnBy, uint256 blockNumber);
    error DrawLapsed(uint64 drawnBy, uint256 blockNumber);
    error NotDrawn(bytes32 candidate);
    error ProofCount(uint256 given, uint256 used);
    error InferenceMissing(bytes32 modelId, bytes32 statement);

    /// @param proofs_ The contract that asks this one, by `setInference`.
    constructor(ProofVerifier proofs_) VerifyingKeys(proofs_.verifier()) {
        _proofs = proofs_;
    }

    // ------------------------------------------------------------------ keys and terms

    /// @notice Let a verifying key count for inference, of any model whose predictions fit.
    function registerKey(uint256[] calldata key, InferenceCircuit calldata circuit, Mode mode)
        external
        onlyAdministrator
    {
        bool fits =
            circuit.slots > 0 && circuit.slots <= circuit.capacity && circuit.bits > 0 && circuit.bits <= 32;
        if (!fits) revert InferenceCircuitOutOfRange(circuit);
        bytes32 digest = keyHash(key);
        _addKey(digest, mode);
        Groth16.requireSound(key, Draws.FIXED_INPUTS + Draws.rowWords(circuit.capacity, circuit.slots));
        circuits[digest] = circuit;
        emit InferenceKeyRegistered(digest, circuit, mode);
    }

    /// @notice Ask for inference proofs of a model, or, with no rows, for none.
    function demandInference(bytes32 modelId, InferenceTerms calldata given) external onlyAdministrator {
        if (given.delay == 0 || given.delay > MAX_DELAY) {
            revert InferenceTermsOutOfRange("delay", given.delay, MAX_DELAY);
        }
        if (given.maxDraws == 0) revert InferenceTermsOutOfRange("maxDraws", 0, 1);
        if (given.modelOwner == address(0)) revert InferenceTermsOutOfRange("modelOwner", 0, 1);
        _terms[modelId] = given;
        emit InferenceDemanded(modelId, given);
    }

    function terms(bytes32 modelId) external view returns (InferenceTerms memory) {
        return _terms[modelId];
    }

    function proofs() external view returns (address) {
        return address(_proofs);
    }

    // ------------------------------------------------------------------ before predictions exist

    /// @notice Commit to the features of an evaluation set, in the order of its parts; once.
    function commitFeatures(bytes32 modelId, bytes32 evaluationSet, uint256[] calldata given) external {
        address labelOwner = _proofs.terms(modelId).labelOwner;
        if (msg.sender != labelOwner) revert NotTheLabelOwner(msg.sender, labelOwner);
        if (_proofs.committed(modelId, evaluationSet) == 0) revert EvaluationSetUnknown(modelId, evaluationSet);
        uint256 since = featuresSince[modelId][evaluationSet];
        if (since != 0) revert FeaturesAlreadyCommitted(evaluationSet, since);
        if (given.length == 0 || given.length > MAX_PARTS) revert PartCount(given.length, MAX_PARTS);
        featuresSince[modelId][evaluationSet] = block.number;
        features[modelId][evaluationSet] = keccak256(abi.encodePacked(given));
        emit FeaturesCommitted(modelId, evaluationSet, given);
    }

    /// @notice Commit to the weights of a model that improvements name; once.
    function commitWeights(bytes32 modelId, bytes32 model, uint256 given) external {
        _requireModelOwner(modelId);
        _fixWeights(modelId, model, given);
    }

    // ------------------------------------------------------------------ commitment and draw

    /// @notice Commit to the candidate's weights and to both models' predictions of an evaluation set.
    /// @return drawnBy Number of the block whose randomness will draw.
    function commitPredictions(bytes32 modelId, Inferred calldata said) external returns (uint64 drawnBy) {
        InferenceTerms memory agreed = _requireModelOwner(modelId);
        _requireCommitted(modelId, said);
        Draw storage draw = _draws[modelId][said.candidate];
        if (draw.commitment != 0 && (draw.seed != 0 || block.number <= draw.blockNumber + Draws.REMEMBERED)) {
            revert PredictionsAlreadyCommitted(said.candidate, draw.blockNumber);
        }
        uint256 drawn = ++draws[modelId][said.champion];
        if (drawn > agreed.maxDraws) revert TooManyDraws(said.champion, drawn);
        _fixWeights(modelId, said.candidate, said.candidateWeights);
        drawnBy = uint64(block.number) + agreed.delay;
        bytes32 statement = statementOf(said.champion, said.candidate, said.evaluationSet, said.predictions);
        _draws[modelId][said.candidate] = Draw(commitmentOf(modelId, said), statement, 0, drawnBy, 0, false);
        emit PredictionsCommitted(modelId, said.candidate, drawnBy, said);
    }

    /// @notice Draw, by the randomness of the block that the commitment named; anyone may.
    /// @param header That block's header, RLP-encoded; at most 256 blocks old.
    function fixDraw(bytes32 modelId, bytes32 candidate, bytes calldata header) external returns (bytes32 seed) {
        Draw storage draw = _requireDraw(modelId, candidate);
        if (draw.seed != 0) revert DrawIsFixed(draw.seed);
        if (block.number <= draw.blockNumber) revert DrawTooEarly(draw.blockNumber, block.number);
        if (block.number > draw.blockNumber + Draws.REMEMBERED) revert DrawLapsed(draw.blockNumber, block.number);
        // The commitment is in the seed, so that one block serves all candidates differently.
        seed = keccak256(abi.encode(Draws.randomness(draw.blockNumber, header), draw.commitment));
        draw.seed = seed;
        emit RowsDrawn(modelId, candidate, seed);
    }

    /// @notice What is known of a candidate's inference.
    function drawOf(bytes32 modelId, bytes32 candidate) external view returns (Draw memory) {
        return _draws[modelId][candidate];
    }

    /// @notice The rows that a seed draws from one part of an evaluation, as they are proven here.
    function rowsOf(bytes32 seed, uint256 part, uint256 rows, uint256 count) external pure returns (uint256[] memory) {
        return Draws.rows(seed, part, rows, count);
    }

    // ------------------------------------------------------------------ proofs

    /// @notice Prove the next rows of those that were drawn; anyone may, with any keys that count.
    /// @param said What was committed to.
    /// @param key Words of a verifying key.
    /// @param points Proofs one after the other, each of the next `slots` rows or all that a part has left.
    /// @return complete Whether nothing is left to prove.
    function proveInference(
        bytes32 modelId,
        Inferred calldata said,
        uint256[] calldata key,
        uint256[8][] calldata points
    ) external returns (bool complete) {
        bytes32 digest = keyHash(key);
        Run memory run = _begin(modelId, said, digest);
        _verify(said, run, key, points);
        complete = run.progress == run.end;
        Draw storage draw = _draws[modelId][said.candidate];
        draw.rows = uint64(run.progress);
        if (complete) {
            draw.complete = true;
            inferred[modelId][draw.statement] = true;
        }
        emit InferenceProven(modelId, said.candidate, digest, run.progress, complete);
    }

    /// @inheritdoc IInference
    function requireInferred(bytes32 modelId, bytes32 statement) external view {
        if (_terms[modelId].rows != 0 && !inferred[modelId][statement]) revert InferenceMissing(modelId, statement);
    }

    /// @notice Digest of all that was committed to, here. What proofs are bound to is its first 31 bytes.
    function commitmentOf(bytes32 modelId, Inferred calldata said) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), modelId, said));
    }

    // ------------------------------------------------------------------ inside

    function _requireModelOwner(bytes32 modelId) private view returns (InferenceTerms memory agreed) {
        agreed = _terms[modelId];
        if (msg.sender != agreed.modelOwner) revert NotTheModelOwner(msg.sender, agreed.modelOwner);
    }

    function _requireDraw(bytes32 modelId, bytes32 candidate) private view returns (Draw storage draw) {
        draw = _draws[modelId][candidate];
        if (draw.commitment == 0) revert NothingCommitted(modelId, candidate);
    }

    function _fixWeights(bytes32 modelId, bytes32 model, uint256 given) private {
        if (given == 0 || given >= Groth16.R) revert NotAField(given);
        uint256 known = weights[modelId][model];
        if (known != 0 && known != given) revert WeightsAreOthers(model, known, given);
        if (known != 0) return;
        weights[modelId][model] = given;
        emit WeightsCommitted(modelId, model, given);
    }

    function _requireCommitted(bytes32 modelId, Inferred calldata said) private view {
        bytes32 head = IHeads(address(verifier)).head(modelId);
        if (said.champion != head) revert ChampionIsAnother(head, said.champion);
        uint256 known = weights[modelId][said.champion];
        if (known == 0) revert WeightsUnknown(modelId, said.champion);
        if (known != said.championWeights) revert WeightsAreOthers(said.champion, known, said.championWeights);
        uint256 since = featuresSince[modelId][said.evaluationSet];
        if (since == 0) revert FeaturesUnknown(modelId, said.evaluationSet);
        uint256 from = since + _proofs.terms(modelId).minCommitmentAge;
        if (block.number < from) revert FeaturesTooLate(said.evaluationSet, from, block.number);
        bytes32 expected = features[modelId][said.evaluationSet];
        bytes32 given = keccak256(abi.encodePacked(said.features));
        if (given != expected) revert FeaturesAreOthers(expected, given);
        if (said.predictions.length != said.features.length) {
            revert PartCount(said.predictions.length, said.features.length);
        }
    }

    function _begin(bytes32 modelId, Inferred calldata said, bytes32 key) private view returns (Run memory run) {
        Draw storage draw = _requireDraw(modelId, said.candidate);
        run.commitment = commitmentOf(modelId, said);
        if (run.commitment != draw.commitment) revert CommitmentIsAnother(draw.commitment, run.commitment);
        if (draw.seed == 0) revert NotDrawn(said.candidate);
        _requireKnown(key);
        run.circuit = circuits[key];
        _requireFits(modelId, run.circuit);
        (run.seed, run.progress, run.most) = (draw.seed, draw.rows, _terms[modelId].rows);
    }

    /// @dev Rows are counted over all parts, so that any keys may follow one another.
    function _verify(Inferred calldata said, Run memory run, uint256[] memory key, uint256[8][] calldata points)
        private
        view
    {
        for (uint256 part = 0; part < said.predictions.length; ++part) {
            uint256 n = said.predictions[part][0];
            if (n == 0 || n > run.circuit.capacity) revert PartOutOfRange(n, run.circuit.capacity);
            (run.start, run.end) = (run.end, run.end + (n < run.most ? n : run.most));
            if (run.progress >= run.end || run.used == points.length) continue;
            run.order = Draws.rows(run.seed, part, n, run.end - run.start);
            _verifyPart(run, _inputs(run.commitment, said, part), key, points);
        }
        if (run.used == 0 || run.used != points.length) revert ProofCount(points.length, run.used);
    }

    function _verifyPart(Run memory run, uint256[] memory inputs, uint256[] memory key, uint256[8][] calldata points)
        private
        view
    {
        (uint256 capacity, uint256 slots) = (run.circuit.capacity, run.circuit.slots);
        while (run.progress < run.end && run.used < points.length) {
            uint256[] memory words = Draws.packed(run.order, run.progress - run.start, capacity, slots);
            Groth16.requireValid(key, points[run.used++], Draws.joined(inputs, words));
            run.progress = run.progress + slots < run.end ? run.progress + slots : run.end;
        }
    }

    /// @dev Predictions are committed to in the same form as for the circuit that counts them.
    function _requireFits(bytes32 modelId, InferenceCircuit memory circuit) private view {
        // What is left out of the circuit is not needed to compare.
        // slither-disable-next-line unused-return
        (, uint32 capacity, uint32 bits,) = _proofs.circuits(_proofs.terms(modelId).key);
        if (circuit.capacity != capacity || circuit.bits != bits) revert InferenceCircuitOutOfRange(circuit);
    }

    function _inputs(bytes32 commitment, Inferred calldata said, uint256 part)
        private
        pure
        returns (uint256[] memory inputs)
    {
        inputs = new uint256[](Draws.FIXED_INPUTS);
        inputs[0] = uint256(commitment) >> 8;
        (inputs[1], inputs[2], inputs[3]) =
        (said.predictions[part][0], said.predictions[part][1], said.predictions[part][2]);
        (inputs[4], inputs[5], inputs[6]) = (said.championWeights, said.candidateWeights, said.features[part]);
    }
}

interface IHeads {
    function head(bytes32 modelId) external view returns (bytes32);
}
