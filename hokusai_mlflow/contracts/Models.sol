// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {Kind} from "./PairedImprovement.sol";
import {Improvement} from "./Signed.sol";

/// @notice How a model's sums are vouched for; see `ProofVerifier`.
enum Method {
    Oracle, // by a quorum of oracles
    Proof, // by a proof
    Hybrid, // by oracles for some examples, by a proof for the others
    Both // by oracles and by a proof, for all examples
}

/// @notice What the administrator sets per model.
struct ModelConfig {
    bytes32 metricId; // the only metric that pays
    Kind kind; // how improvement follows from the sums of that metric
    Method method; // who vouches for the sums
    address owner; // gets 30 % and what rounding leaves
    uint32 minBps; // least improvement that pays, and the least effect tested against
    uint32 z2FloorE6; // z squared x 1e6 that the gate's sums must reach
    uint16 holdback; // share of every reward, in 1e-4, that vests only when maintained; 0: none
    uint64 minSamples; // least n of the gate's and of the payment's sums
    uint128 tokensPerDeltaOne; // wei of DeltaOne for 100 basis points
    uint32 holdbackPeriod; // seconds after which an improvement may be measured again
    uint128 budget; // wei that this model may ever be paid
    uint128 dailyCap; // wei that this model may be granted within one UTC day
}

/// @notice What the contract keeps per model.
struct ModelState {
    bytes32 genesis; // the first champion, written once; zero: not configured
    bytes32 head; // the champion now
    uint128 minted; // wei paid
    uint128 grantedToday; // wei granted on day `today`, whether paid at once or later
    uint64 today; // counted from 1970
    uint128 reserved; // wei granted that are still to be claimed or to vest
}

/// @title Models
/// @notice Terms, lineage and budget of every model. `minted + reserved <= budget` always.
abstract contract Models is AccessControlDefaultAdminRules, Pausable {
    bytes32 public constant MAINTAINER_ROLE = keccak256("MAINTAINER_ROLE");

    /// @notice No model pays for less than 10 basis points (0.1 %).
    uint32 public constant MIN_IMPROVEMENT_BPS = 10;
    /// @notice No model's z floor is below one-sided 10 % (z = 1.28155).
    uint32 public constant MIN_Z2_E6 = 1_642_374;
    uint64 public constant MIN_SAMPLES = 30;
    uint256 public constant BPS_PER_DELTA_ONE = 100;
    uint256 public constant WEIGHT_TOTAL = 10_000;

    /// @notice Evidence digests that were paid, and digests of maintenance reports.
    mapping(bytes32 evidence => bool) public usedEvidence;

    /// @notice Commitments that were ever a model's champion or paid candidate.
    mapping(bytes32 modelId => mapping(bytes32 commitment => bool)) public seen;

    mapping(bytes32 modelId => ModelConfig) internal _configs;
    mapping(bytes32 modelId => ModelState) private _states;

    event ModelConfigured(bytes32 indexed modelId, ModelConfig config, bytes32 genesisChampion);
    event HeadMoved(
        bytes32 indexed modelId, bytes32 indexed from, bytes32 indexed to, string reason, address maintainer
    );

    error ConfigOutOfRange(string field, uint256 given, uint256 bound);
    error GenesisAlreadyWritten(bytes32 modelId, bytes32 genesis, bytes32 given);
    error ModelUnknown(bytes32 modelId);
    error ZeroValue(string field);
    error HeadIsAnother(bytes32 modelId, bytes32 head, bytes32 given);
    error HeadUnchanged(bytes32 modelId, bytes32 head);
    error EvidenceUsed(bytes32 evidence);
    error CandidateSeen(bytes32 modelId, bytes32 candidate);
    error BudgetExceeded(bytes32 modelId, uint256 reward, uint256 left);
    error DailyCapExceeded(bytes32 modelId, uint256 reward, uint256 leftToday);

    // ------------------------------------------------------------------ administration

    /// @notice Set up a model, or change its terms.
    /// @param genesisChampion Commitment to the first champion; later calls must repeat it.
    function configureModel(bytes32 modelId, ModelConfig calldata config, bytes32 genesisChampion)
        external
        onlyRole(DEFAULT_ADMIN_ROLE)
    {
        if (modelId == 0) revert ZeroValue("modelId");
        if (genesisChampion == 0) revert ZeroValue("genesisChampion");
        ModelState storage state = _states[modelId];
        _requireTerms(config, state);
        if (state.genesis == 0) {
            state.genesis = genesisChampion;
            state.head = genesisChampion;
            seen[modelId][genesisChampion] = true;
        } else if (state.genesis != genesisChampion) {
            revert GenesisAlreadyWritten(modelId, state.genesis, genesisChampion);
        }
        _configs[modelId] = config;
        emit ModelConfigured(modelId, config, genesisChampion);
    }

    /// @notice Move a model's head without payment: after a promotion that pays nothing, or a
    /// rollback. See the notes of `DeltaOneVerifier` on the trust in this role.
    /// @param from The head that the caller believes to be current.
    /// @param to The head from now on; a new commitment can no longer become a paid candidate.
    /// @param reason Why, for the record.
    function moveHead(bytes32 modelId, bytes32 from, bytes32 to, string calldata reason)
        external
        whenNotPaused
        onlyRole(MAINTAINER_ROLE)
    {
        ModelState storage state = _states[modelId];
        if (state.genesis == 0) revert ModelUnknown(modelId);
        if (to == 0) revert ZeroValue("to");
        if (state.head != from) revert HeadIsAnother(modelId, state.head, from);
        if (from == to) revert HeadUnchanged(modelId, to);
        state.head = to;
        seen[modelId][to] = true;
        emit HeadMoved(modelId, from, to, reason, msg.sender);
    }

    // ------------------------------------------------------------------ reading

    /// @notice Terms and state of a model; `genesis` is zero when it is not configured.
    function model(bytes32 modelId) external view returns (ModelConfig memory config, ModelState memory state) {
        return (_configs[modelId], _states[modelId]);
    }

    /// @notice Commitment to a model's champion; zero when it is not configured.
    function head(bytes32 modelId) external view returns (bytes32) {
        return _states[modelId].head;
    }

    // ------------------------------------------------------------------ for improvements

    function _requireLineage(Improvement calldata improvement) internal view {
        bytes32 modelId = improvement.modelId;
        ModelState storage state = _states[modelId];
        if (state.genesis == 0) revert ModelUnknown(modelId);
        if (improvement.candidate == 0) revert ZeroValue("candidate");
        if (improvement.evaluationSet == 0) revert ZeroValue("evaluationSet");
        if (improvement.look == 0) revert ZeroValue("look");
        _requireUnused("evidence", improvement.evidence);
        if (improvement.champion != state.head) revert HeadIsAnother(modelId, state.head, improvement.champion);
        if (seen[modelId][improvement.candidate]) revert CandidateSeen(modelId, improvement.candidate);
    }

    function _requireUnused(string memory field, bytes32 digest) internal view {
        if (digest == 0) revert ZeroValue(field);
        if (usedEvidence[digest]) revert EvidenceUsed(digest);
    }

    function _requireFunds(bytes32 modelId, ModelConfig storage config, uint256 reward) internal view {
        ModelState storage state = _states[modelId];
        // No underflow: the terms never promise less than was granted.
        uint256 left = config.budget - state.minted - state.reserved;
        if (reward > left) revert BudgetExceeded(modelId, reward, left);
        uint256 granted = _grantedToday(state);
        uint256 leftToday = config.dailyCap > granted ? config.dailyCap - granted : 0;
        if (reward > leftToday) revert DailyCapExceeded(modelId, reward, leftToday);
    }

    /// @dev The improvement happened: nothing of it can happen again.
    /// @param reward Wei granted, within budget and daily cap.
    /// @param later Those of them that are not paid now.
    function _advance(Improvement calldata improvement, uint256 reward, uint256 later) internal {
        ModelState storage state = _states[improvement.modelId];
        usedEvidence[improvement.evidence] = true;
        seen[improvement.modelId][improvement.candidate] = true;
        state.head = improvement.candidate;
        state.grantedToday = uint128(_grantedToday(state) + reward);
        state.minted += uint128(reward - later);
        state.today = _day();
        if (later > 0) state.reserved += uint128(later);
    }

    /// @dev Of what was reserved, this much is paid now and this much returns to the budget.
    function _release(bytes32 modelId, uint256 paid, uint256 returned) internal {
        ModelState storage state = _states[modelId];
        state.reserved -= uint128(paid + returned);
        state.minted += uint128(paid);
    }

    // ------------------------------------------------------------------ inside

    function _requireTerms(ModelConfig calldata config, ModelState storage state) private view {
        if (config.metricId == 0) revert ZeroValue("metricId");
        if (config.owner == address(0)) revert ZeroValue("owner");
        _requireAtLeast("minBps", config.minBps, MIN_IMPROVEMENT_BPS);
        _requireAtLeast("z2FloorE6", config.z2FloorE6, MIN_Z2_E6);
        _requireAtLeast("minSamples", config.minSamples, MIN_SAMPLES);
        _requireAtLeast("tokensPerDeltaOne", config.tokensPerDeltaOne, BPS_PER_DELTA_ONE);
        _requireAtLeast("budget", config.budget, uint256(state.minted) + state.reserved);
        // Something is paid at once, so that an improvement that pays nothing is never recorded.
        if (config.holdback >= WEIGHT_TOTAL) {
            revert ConfigOutOfRange("holdback", config.holdback, WEIGHT_TOTAL - 1);
        }
        // Oracles measure what is held back, so they must be those who see all examples.
        if (config.holdback > 0 && (config.method == Method.Proof || config.method == Method.Hybrid)) {
            revert ConfigOutOfRange("holdback", config.holdback, 0);
        }
    }

    function _requireAtLeast(string memory field, uint256 given, uint256 least) private pure {
        if (given < least) revert ConfigOutOfRange(field, given, least);
    }

    function _grantedToday(ModelState storage state) private view returns (uint256) {
        // Days are whole numbers.
        // slither-disable-next-line incorrect-equality
        return state.today == _day() ? state.grantedToday : 0;
    }

    function _day() private view returns (uint64) {
        return uint64(block.timestamp / 1 days);
    }
}
