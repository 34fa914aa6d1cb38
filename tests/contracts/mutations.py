"""The table of breaks: source, text, what replaces it."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """One break of one source."""

    name: str
    source: str
    before: str
    after: str


def _removed(name: str, source: str, text: str) -> Mutant:
    return Mutant(name, source, text, "")


TOKEN, SIGNED, ORACLES = "DeltaOne.sol", "Signed.sol", "Oracles.sol"
MODELS, REWARDS, VERIFIER = "Models.sol", "Rewards.sol", "DeltaOneVerifier.sol"
SUMS = "PairedImprovement.sol"
GROTH16, PROOFS, PROVEN = "Groth16.sol", "ProofVerifier.sol", "ProvenSums.sol"
KEYS, INFERENCE, DRAWS = "VerifyingKeys.sol", "InferenceVerifier.sol", "Draws.sol"

MUTANTS = (
    _removed(
        "anybody mints", TOKEN, "if (msg.sender != verifier) revert NotTheVerifier(msg.sender);"
    ),
    # ------------------------------------------------------------------ what is signed
    Mutant(
        "evaluation set unsigned", SIGNED, "improvement.evaluationSet,", "improvement.candidate,"
    ),
    Mutant("look unsigned", SIGNED, "improvement.look,", "uint32(1),"),
    Mutant("root unsigned", SIGNED, "improvement.claimsRoot,", "bytes32(0),"),
    Mutant("deadline unsigned", SIGNED, "improvement.deadline\n", "uint64(0)\n"),
    Mutant("payment unsigned", SIGNED, "_hash(improvement.payment),", "_hash(improvement.gate),"),
    Mutant("report unsigned", SIGNED, "maintenance.report,", "maintenance.evidence,"),
    # ------------------------------------------------------------------ oracles
    Mutant(
        "one signature less",
        ORACLES,
        "signatures.length < quorum)",
        "signatures.length + 1 < quorum)",
    ),
    Mutant("one oracle signs twice", ORACLES, "signer <= previous", "signer < previous"),
    _removed("signers in any order", ORACLES, "previous = signer;"),
    _removed(
        "strangers sign",
        ORACLES,
        "if (!_oracles.contains(signer)) revert NotAnOracle(signer);",
    ),
    _removed(
        "fewer oracles than the quorum",
        ORACLES,
        "if (_oracles.length() < quorum) revert QuorumOutOfRange(quorum, _oracles.length());",
    ),
    Mutant("no quorum at all", ORACLES, "quorum_ == 0 || ", ""),
    Mutant("a quorum nobody makes", ORACLES, " || quorum_ > _oracles.length()", ""),
    Mutant(
        "anybody adds oracles",
        ORACLES,
        "addOracle(address oracle) external onlyRole(REGISTRAR_ROLE)",
        "addOracle(address oracle) external",
    ),
    Mutant(
        "the guardian sets the quorum",
        ORACLES,
        "setQuorum(uint256 quorum_) external onlyRole(REGISTRAR_ROLE)",
        'setQuorum(uint256 quorum_) external onlyRole(keccak256("GUARDIAN_ROLE"))',
    ),
    # ------------------------------------------------------------------ lineage
    _removed(
        "any head",
        MODELS,
        "if (improvement.champion != state.head) "
        "revert HeadIsAnother(modelId, state.head, improvement.champion);",
    ),
    _removed(
        "loops",
        MODELS,
        "if (seen[modelId][improvement.candidate]) "
        "revert CandidateSeen(modelId, improvement.candidate);",
    ),
    _removed("evidence twice", MODELS, "if (usedEvidence[digest]) revert EvidenceUsed(digest);"),
    _removed("no evidence", MODELS, "if (digest == 0) revert ZeroValue(field);"),
    _removed(
        "no evaluation set",
        MODELS,
        'if (improvement.evaluationSet == 0) revert ZeroValue("evaluationSet");',
    ),
    _removed("no look", MODELS, 'if (improvement.look == 0) revert ZeroValue("look");'),
    _removed(
        "no candidate", MODELS, 'if (improvement.candidate == 0) revert ZeroValue("candidate");'
    ),
    _removed("evidence not kept", MODELS, "usedEvidence[improvement.evidence] = true;"),
    _removed(
        "candidate not kept", MODELS, "seen[improvement.modelId][improvement.candidate] = true;"
    ),
    _removed("head stays", MODELS, "state.head = improvement.candidate;"),
    _removed("unpaid head may be paid", MODELS, "seen[modelId][to] = true;"),
    _removed("genesis may be paid", MODELS, "seen[modelId][genesisChampion] = true;"),
    Mutant(
        "genesis written again", MODELS, "state.genesis != genesisChampion", "genesisChampion == 0"
    ),
    Mutant(
        "anybody moves heads",
        MODELS,
        "whenNotPaused\n        onlyRole(MAINTAINER_ROLE)",
        "whenNotPaused",
    ),
    Mutant(
        "heads move while paused",
        MODELS,
        "whenNotPaused\n        onlyRole(MAINTAINER_ROLE)",
        "onlyRole(MAINTAINER_ROLE)",
    ),
    _removed(
        "stale moves",
        MODELS,
        "if (state.head != from) revert HeadIsAnother(modelId, state.head, from);",
    ),
    # ------------------------------------------------------------------ budget and terms
    Mutant("budget less one wei", MODELS, "reward > left)", "reward >= left)"),
    Mutant(
        "budget without what is reserved",
        MODELS,
        "config.budget - state.minted - state.reserved",
        "config.budget - state.minted",
    ),
    Mutant("no budget", MODELS, "if (reward > left) ", "if (reward > left * 2) "),
    Mutant("cap less one wei", MODELS, "reward > leftToday)", "reward >= leftToday)"),
    _removed(
        "no cap",
        MODELS,
        "if (reward > leftToday) revert DailyCapExceeded(modelId, reward, leftToday);",
    ),
    Mutant(
        "cap for ever",
        MODELS,
        "state.today == _day() ? state.grantedToday : 0",
        "state.grantedToday",
    ),
    Mutant(
        "only the last counts for the cap",
        MODELS,
        "uint128(_grantedToday(state) + reward)",
        "uint128(reward)",
    ),
    Mutant("paid later counts as paid", MODELS, "uint128(reward - later)", "uint128(reward)"),
    Mutant("returned counts as paid", MODELS, "+= uint128(paid);", "+= uint128(paid + returned);"),
    _removed(
        "budget below what was granted",
        MODELS,
        '_requireAtLeast("budget", config.budget, uint256(state.minted) + state.reserved);',
    ),
    _removed(
        "no least effect",
        MODELS,
        '_requireAtLeast("minBps", config.minBps, MIN_IMPROVEMENT_BPS);',
    ),
    _removed(
        "no least significance",
        MODELS,
        '_requireAtLeast("z2FloorE6", config.z2FloorE6, MIN_Z2_E6);',
    ),
    _removed(
        "no least n", MODELS, '_requireAtLeast("minSamples", config.minSamples, MIN_SAMPLES);'
    ),
    Mutant("all held back", MODELS, "config.holdback >= WEIGHT_TOTAL", "config.holdback > 10_000"),
    Mutant(
        "held back from who cannot measure",
        MODELS,
        "config.holdback > 0 && (",
        "config.holdback > 10_000 && (",
    ),
    Mutant(
        "anybody sets terms",
        MODELS,
        "external\n        onlyRole(DEFAULT_ADMIN_ROLE)\n",
        "external\n",
    ),
    # ------------------------------------------------------------------ paying
    Mutant(
        "contributors get 69 %", REWARDS, "CONTRIBUTORS_PERCENT = 70", "CONTRIBUTORS_PERCENT = 69"
    ),
    Mutant("201 in one call", REWARDS, "MAX_CONTRIBUTORS = 200", "MAX_CONTRIBUTORS = 201"),
    Mutant(
        "one address twice",
        REWARDS,
        "contributors[i] <= previous",
        "contributors[i] < previous",
    ),
    _removed("no weight", REWARDS, "if (weights[i] == 0) revert ZeroWeight(contributors[i]);"),
    Mutant("weights above one", REWARDS, "sum != WEIGHT_TOTAL", "sum < WEIGHT_TOTAL"),
    Mutant("weights below one", REWARDS, "sum != WEIGHT_TOTAL", "sum > WEIGHT_TOTAL"),
    Mutant(
        "the owner is paid everybody's part",
        REWARDS,
        "ownerReward -= part;\n            _pay(",
        "_pay(",
    ),
    _removed(
        "the owner is not paid",
        REWARDS,
        "_pay(modelId, evidence, _configs[modelId].owner, ownerReward, true);",
    ),
    Mutant(
        "a list and a tree",
        REWARDS,
        "contributors.length + weights.length == 0",
        "improvement.claimsRoot != 0",
    ),
    # ------------------------------------------------------------------ claims
    _removed(
        "claims without proof",
        REWARDS,
        "if (!MerkleProof.verifyCalldata(proof, pool.root, leaf)) "
        "revert ShareNotInTree(evidence, leaf);",
    ),
    _removed("claimed for ever", REWARDS, "claimed[evidence][leaf] = before + amount;"),
    Mutant(
        "paid before it is noted",
        REWARDS,
        "claimed[evidence][leaf] = before + amount;",
        "_pay(pool.modelId, evidence, share.account, 0, false); "
        "claimed[evidence][leaf] = before + amount;",
    ),
    _removed("the pool is endless", REWARDS, "pool.claimed += uint128(amount);"),
    Mutant("shares beyond the line", REWARDS, " || share.end > SHARE_TOTAL", ""),
    Mutant("shares from end to start", REWARDS, "share.start >= share.end || ", ""),
    _removed(
        "more than the pool",
        REWARDS,
        "if (amount > left) revert ClaimsExhausted(evidence, amount, left);",
    ),
    Mutant(
        "both parts rounded together",
        REWARDS,
        "_stretch(pool.atOnce, share) + _stretch(pool.vested, share)",
        "_stretch(uint256(pool.atOnce) + pool.vested, share)",
    ),
    Mutant(
        "claims while paused",
        REWARDS,
        "external\n        whenNotPaused\n        returns (uint256 amount)",
        "external\n        returns (uint256 amount)",
    ),
    Mutant(
        "leaves hashed once",
        REWARDS,
        "keccak256(bytes.concat(keccak256(abi.encode(share.account, share.start, share.end))))",
        "keccak256(abi.encode(share.account, share.start, share.end))",
    ),
    # ------------------------------------------------------------------ the verifier
    Mutant(
        "paid without signatures",
        VERIFIER,
        "if (method != Method.Proof) _requireQuorum(signed, signatures);",
        "if (method != Method.Proof) signatures;",
    ),
    Mutant(
        "vests without signatures",
        VERIFIER,
        "_requireQuorum(Signed.hash(maintenance), signatures);",
        "signatures;",
    ),
    _removed(
        "any metric",
        VERIFIER,
        "if (metricId != config.metricId) revert MetricIsAnother(config.metricId, metricId);",
    ),
    Mutant("a second early", VERIFIER, "block.timestamp > deadline", "block.timestamp >= deadline"),
    _removed(
        "no deadline",
        VERIFIER,
        "if (block.timestamp > deadline) revert Expired(deadline, block.timestamp);",
    ),
    Mutant("one sample more", VERIFIER, "n < config.minSamples", "n <= config.minSamples"),
    Mutant(
        "the payment's n is not looked at",
        VERIFIER,
        "improvement.gate.n < improvement.payment.n ? improvement.gate.n : improvement.payment.n",
        "improvement.gate.n",
    ),
    Mutant(
        "the gate's n is not looked at",
        VERIFIER,
        "improvement.gate.n < improvement.payment.n ? improvement.gate.n : improvement.payment.n",
        "improvement.payment.n",
    ),
    Mutant(
        "the payment's significance",
        VERIFIER,
        "isSignificant(kind, improvement.gate,",
        "isSignificant(kind, improvement.payment,",
    ),
    Mutant(
        "paid by the gate's sums",
        VERIFIER,
        "PairedImprovement.improvementBps(kind, improvement.payment)",
        "PairedImprovement.improvementBps(kind, improvement.gate)",
    ),
    Mutant(
        "the minimum is too little",
        VERIFIER,
        "improvement.paidBps < minBps",
        "improvement.paidBps <= minBps",
    ),
    Mutant(
        "all that was measured is too much",
        VERIFIER,
        "int256(uint256(improvement.paidBps)) > measured",
        "int256(uint256(improvement.paidBps)) >= measured",
    ),
    Mutant(
        "one basis point too much",
        VERIFIER,
        "int256(uint256(improvement.paidBps)) > measured",
        "int256(uint256(improvement.paidBps)) > measured + 1",
    ),
    _removed("vests for ever", VERIFIER, "delete holdings[maintenance.evidence];"),
    _removed("reports used again", VERIFIER, "usedEvidence[maintenance.report] = true;"),
    _removed(
        "vests to others",
        VERIFIER,
        "if (structHash != holding.improvement) "
        "revert ImprovementIsAnother(holding.improvement, structHash);",
    ),
    Mutant(
        "vests a second late",
        VERIFIER,
        "block.timestamp < holding.from",
        "block.timestamp <= holding.from",
    ),
    Mutant(
        "vests a second early",
        VERIFIER,
        "block.timestamp < holding.from",
        "block.timestamp + 1 < holding.from",
    ),
    Mutant(
        "the minimum does not last",
        VERIFIER,
        "maintained = measuredBps >= ",
        "maintained = measuredBps > ",
    ),
    Mutant(
        "everything lasts",
        VERIFIER,
        "maintained = measuredBps >= int256(uint256(config.minBps))",
        "maintained = true",
    ),
    Mutant(
        "pays while paused",
        VERIFIER,
        "whenNotPaused\n        returns (uint256 reward)\n    {\n        return _process(",
        "returns (uint256 reward)\n    {\n        return _process(",
    ),
    Mutant(
        "pays what is proven while paused",
        VERIFIER,
        "external whenNotPaused returns (uint256 reward) {\n        return _process(",
        "external returns (uint256 reward) {\n        return _process(",
    ),
    Mutant(
        "vests while paused",
        VERIFIER,
        "external whenNotPaused returns (bool maintained)",
        "external returns (bool maintained)",
    ),
    Mutant(
        "the guardian unpauses",
        VERIFIER,
        "unpause() external onlyRole(DEFAULT_ADMIN_ROLE)",
        "unpause() external onlyRole(GUARDIAN_ROLE)",
    ),
    Mutant(
        "anybody pauses", VERIFIER, "pause() external onlyRole(GUARDIAN_ROLE)", "pause() external"
    ),
    _removed(
        "no administrator",
        VERIFIER,
        "if (newAdmin == address(0)) revert AccessControlInvalidDefaultAdmin(newAdmin);",
    ),
    # ------------------------------------------------------------------ sums
    Mutant("contradictory spreads", SUMS, "spreadB < 0 || spreadC < 0", "spreadC < 0"),
    Mutant(
        "contradictory products",
        SUMS,
        "highLeft > highRight || (highLeft == highRight && lowLeft > lowRight)",
        "highLeft > highRight",
    ),
    Mutant("sums of any size", SUMS, "sums.n > MAX_N || ", ""),
    Mutant("losses below zero", SUMS, "total > 0 && ", ""),
    Mutant(
        "no least effect in the test",
        SUMS,
        "difference - int256(uint256(minBps)) * (SCORE_UNIT / 10_000) * n",
        "difference",
    ),
    Mutant(
        "half the standard error",
        SUMS,
        "* 1e6 >= uint256(z2E6) * uint256(scatter)",
        "* 4e6 >= uint256(z2E6) * uint256(scatter)",
    ),
    # ------------------------------------------------------------------ proofs
    _removed("any proof", GROTH16, "if (!_pairing(pairs, PAIRING_GAS)) revert ProofInvalid();"),
    _removed(
        "inputs above the order", GROTH16, "if (inputs[i] >= R) revert NotAScalar(inputs[i]);"
    ),
    _removed(
        "coordinates above the field",
        GROTH16,
        "if (proof[i] >= Q) revert NotACoordinate(proof[i]);",
    ),
    Mutant("gamma may be delta", GROTH16, "key[9] == key[13]", "key[9] == key[13] + 1"),
    _removed(
        "key points off the curve",
        GROTH16,
        "_requireOnCurve(key[i], key[i + 1]);",
    ),
    _removed(
        "any key of the right length",
        PROOFS,
        "if (digest != agreed) revert KeyIsAnother(agreed, digest);",
    ),
    _removed(
        "development keys abroad",
        KEYS,
        "_requireAllowed(key, mode); // a chain that forks gets another id",
    ),
    Mutant(
        "development keys come abroad",
        KEYS,
        "_requireAllowed(key, mode);\n        modes[key] = mode;",
        "modes[key] = mode;",
    ),
    _removed(
        "any evaluation set",
        PROOFS,
        "if (found != claim.evaluationSet) revert "
        "EvaluationSetIsAnother(claim.evaluationSet, found);",
    ),
    _removed(
        "labels nobody committed to",
        PROOFS,
        "if (since == 0) revert EvaluationSetUnknown(claim.modelId, found);",
    ),
    _removed(
        "labels committed to late",
        PROOFS,
        "if (block.number < from) revert CommittedTooLate(found, from, block.number);",
    ),
    _removed(
        "anybody commits to labels",
        PROOFS,
        "if (msg.sender != labelOwner) revert NotTheLabelOwner(msg.sender, labelOwner);",
    ),
    _removed(
        "anybody registers keys",
        KEYS,
        "if (!verifier.hasRole(0x00, msg.sender)) revert NotTheAdministrator(msg.sender);",
    ),
    Mutant("a chunk twice", PROOFS, "commitments[i] <= previous", "commitments[i] < previous"),
    _removed(
        "a chunk missing",
        PROOFS,
        "if (proofs.length != labels.length) revert ProofCount(proofs.length, labels.length);",
    ),
    Mutant(
        "any context", PROOFS, "uint256(claim.digest) >> 8;", "uint256(claim.evaluationSet) >> 8;"
    ),
    _removed(
        "the gate's sums unproven",
        PROOFS,
        "_requireSums(claim.gate, ProvenSums.sums(tally, circuit, agreed.score, agreed.positive));",
    ),
    _removed("pay unproven", PROOFS, "_requireSums(claim.payment, claim.gate);"),
    _removed(
        "a part that outweighs",
        PROOFS,
        "_requirePart(shown[0], tally[0], agreed.maxPartPercent);",
    ),
    _removed(
        "a proof that outweighs",
        PROOFS,
        "_requirePart(proven, tally[0], agreed.maxPartPercent);",
    ),
    _removed("oracles' impossible rows", PROOFS, "ProvenSums.requireConsistent(shown, circuit);"),
    _removed(
        "no rows", PROVEN, "if (n == 0 || n > circuit.capacity) revert CountOutOfRange(0, n);"
    ),
    Mutant(
        "oracles not asked where both are",
        VERIFIER,
        "if (method != Method.Proof) _requireQuorum",
        "if (method < Method.Proof || method == Method.Hybrid) _requireQuorum",
    ),
    Mutant(
        "oracles sign all of a hybrid",
        VERIFIER,
        "if (method == Method.Hybrid) signed = part;",
        "",
    ),
    # ------------------------------------------------------------------ inference
    _removed(
        "predictions of no model",
        PROOFS,
        "inference.requireInferred(claim.modelId, _statement(claim, proven));",
    ),
    Mutant(
        "the candidate's predictions are not asked about",
        PROOFS,
        "predictions[i] = [proof.n, proof.champion, proof.candidate];",
        "predictions[i] = [proof.n, proof.champion, proof.champion];",
    ),
    Mutant(
        "payment's predictions are not asked about",
        PROOFS,
        "new uint256[3][](gate + proven.payment.length)",
        "new uint256[3][](gate)",
    ),
    _removed(
        "another contract for inference",
        PROOFS,
        "if (address(inference) != address(0)) revert InferenceAlreadySet(inference);",
    ),
    _removed(
        "anybody's inference contract",
        PROOFS,
        "if (asks != address(this)) revert InferenceOfAnother(given, asks);",
    ),
    _removed(
        "any features",
        INFERENCE,
        "if (given != expected) revert FeaturesAreOthers(expected, given);",
    ),
    _removed(
        "features together with predictions",
        INFERENCE,
        "if (block.number < from) revert FeaturesTooLate(said.evaluationSet, from, block.number);",
    ),
    _removed(
        "features again",
        INFERENCE,
        "if (since != 0) revert FeaturesAlreadyCommitted(evaluationSet, since);",
    ),
    _removed(
        "anybody's features",
        INFERENCE,
        "if (msg.sender != labelOwner) revert NotTheLabelOwner(msg.sender, labelOwner);",
    ),
    _removed(
        "anybody's predictions",
        INFERENCE,
        "if (msg.sender != agreed.modelOwner) revert NotTheModelOwner(msg.sender, "
        "agreed.modelOwner);",
    ),
    _removed(
        "other weights of a model",
        INFERENCE,
        "if (known != 0 && known != given) revert WeightsAreOthers(model, known, given);",
    ),
    Mutant(
        "other weights of the champion",
        INFERENCE,
        "if (known != said.championWeights)",
        "if (known == 0)",
    ),
    _removed(
        "any champion",
        INFERENCE,
        "if (said.champion != head) revert ChampionIsAnother(head, said.champion);",
    ),
    Mutant("a second draw", INFERENCE, "draw.commitment != 0 && (draw.seed", "false && (draw.seed"),
    Mutant("a draw forgotten too soon", INFERENCE, "block.number <= draw.blockNumber + ", "0 < "),
    _removed(
        "draws without end",
        INFERENCE,
        "if (drawn > agreed.maxDraws) revert TooManyDraws(said.champion, drawn);",
    ),
    _removed("a draw fixed twice", INFERENCE, "if (draw.seed != 0) revert DrawIsFixed(draw.seed);"),
    Mutant(
        "the block of the commitment draws",
        INFERENCE,
        "uint64(block.number) + agreed.delay",
        "uint64(block.number)",
    ),
    Mutant(
        "one draw for all",
        INFERENCE,
        "abi.encode(Draws.randomness(draw.blockNumber, header), draw.commitment)",
        "abi.encode(Draws.randomness(draw.blockNumber, header))",
    ),
    _removed(
        "any commitment",
        INFERENCE,
        "if (run.commitment != draw.commitment) revert "
        "CommitmentIsAnother(draw.commitment, run.commitment);",
    ),
    _removed(
        "proofs before the draw",
        INFERENCE,
        "if (draw.seed == 0) revert NotDrawn(said.candidate);",
    ),
    _removed("any key of inference", INFERENCE, "_requireKnown(key);"),
    _removed("keys of other sizes", INFERENCE, "_requireFits(modelId, run.circuit);"),
    _removed(
        "unread proofs",
        INFERENCE,
        "if (run.used == 0 || run.used != points.length) revert "
        "ProofCount(points.length, run.used);",
    ),
    Mutant("half is enough", INFERENCE, "run.progress == run.end;", "run.progress * 2 >= run.end;"),
    Mutant(
        "any context of inference",
        INFERENCE,
        "uint256(commitment) >> 8;",
        "uint256(said.candidate) >> 8;",
    ),
    Mutant(
        "the last part only",
        INFERENCE,
        "if (run.progress >= run.end || run.used",
        "if (part > 0 || run.used",
    ),
    _removed(
        "any header",
        DRAWS,
        "if (given != expected) revert HeaderIsAnother(expected, given);",
    ),
    Mutant("the hash draws", DRAWS, "BEFORE_RANDOMNESS = 13", "BEFORE_RANDOMNESS = 3"),
    Mutant("one draw for all parts", DRAWS, "abi.encode(seed, part)", "abi.encode(seed)"),
    Mutant("rows twice", DRAWS, "% (n - k)", "% n"),
)
