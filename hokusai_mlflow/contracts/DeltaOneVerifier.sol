// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControlDefaultAdminRules} from
    "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {DeltaOne} from "./DeltaOne.sol";
import {Kind, PairedImprovement, PairedSums} from "./PairedImprovement.sol";

/// @notice An improvement as the oracles sign it.
struct Improvement {
    bytes32 modelId; // keccak256 of the model's name
    bytes32 evidence; // digest of the evidence document: paid once
    bytes32 champion; // commitment to the model that was beaten: the lineage's head
    bytes32 candidate; // commitment to the model that replaces it
    bytes32 evaluationSet; // commitment to the examples of the gate
    bytes32 metricId; // keccak256 of the metric's name
    PairedSums gate; // sums of the sealed hold-out that decided
    PairedSums payment; // sums of the examples that pay are measured on
    uint32 paidBps; // basis points asked for
    uint32 look; // which look at the hold-out this was, from 1
    address[] contributors; // strictly ascending
    uint16[] weights; // their shares in 1e-4, summing to 10 000
    uint64 deadline; // last second at which this may be processed
}

/// @notice What the administrator sets per model.
struct ModelConfig {
    bytes32 metricId; // the only metric that pays
    Kind kind; // how improvement follows from the sums of that metric
    address owner; // gets 30 % and what rounding leaves
    uint32 minBps; // least improvement that pays, and the least effect tested against
    uint32 z2FloorE6; // z squared x 1e6 that the gate's sums must reach
    uint64 minSamples; // least n of the gate's and of the payment's sums
    uint128 tokensPerDeltaOne; // wei of DeltaOne for 100 basis points
    uint128 budget; // wei that this model may ever be paid
    uint128 dailyCap; // wei that this model may be paid within one UTC day
}

/// @notice What the contract keeps per model.
struct ModelState {
    bytes32 genesis; // the first champion, written once; zero: not configured
    bytes32 head; // the champion now
    uint128 minted;
    uint128 mintedToday;
    uint64 today; // day of `mintedToday`, counted from 1970
}

/// @title DeltaOneVerifier
/// @notice Pays for measured improvements of models. What is paid is recomputed here from sums that
/// a quorum of oracles signed; nothing else can mint DeltaOnes.
///
/// Roles. The administrator (handed over in two steps) configures models, unpauses, and grants the
/// others. GUARDIAN_ROLE can only pause. REGISTRAR_ROLE decides who is an oracle and how many must
/// sign: whoever holds it can make a quorum. MAINTAINER_ROLE moves a model's head without payment,
/// after a promotion below the payment minimum or a rollback. That is trust: a maintainer who puts
/// back a weak head lets a later candidate be paid for ground already covered. It mints nothing,
/// leaves an event, and never makes a candidate payable that was seen before.
contract DeltaOneVerifier is AccessControlDefaultAdminRules, EIP712, Pausable {
    using EnumerableSet for EnumerableSet.AddressSet;

    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");
    bytes32 public constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");
    bytes32 public constant MAINTAINER_ROLE = keccak256("MAINTAINER_ROLE");

    /// @notice No model pays for less than 10 basis points (0.1 %).
    uint32 public constant MIN_IMPROVEMENT_BPS = 10;
    /// @notice No model's z floor is below one-sided 10 % (z = 1.28155).
    uint32 public constant MIN_Z2_E6 = 1_642_374;
    uint64 public constant MIN_SAMPLES = 30;
    uint256 public constant BPS_PER_DELTA_ONE = 100;
    uint256 public constant CONTRIBUTORS_PERCENT = 70;
    uint256 public constant WEIGHT_TOTAL = 10_000;
    uint256 public constant MAX_CONTRIBUTORS = 200;

    bytes32 private constant SUMS_TYPEHASH =
        keccak256("PairedSums(uint64 n,int256 b,int256 c,uint256 bb,uint256 cc,int256 bc)");
    bytes32 private constant IMPROVEMENT_TYPEHASH = keccak256(
        "Improvement(bytes32 modelId,bytes32 evidence,bytes32 champion,bytes32 candidate,bytes32 evaluationSet,"
        "bytes32 metricId,PairedSums gate,PairedSums payment,uint32 paidBps,uint32 look,address[] contributors,"
        "uint16[] weights,uint64 deadline)"
        "PairedSums(uint64 n,int256 b,int256 c,uint256 bb,uint256 cc,int256 bc)"
    );

    /// @notice The token that rewards are paid in, created with this contract.
    DeltaOne public immutable token;

    /// @notice How many oracles must sign.
    uint256 public quorum;

    /// @notice Evidence digests that were paid.
    mapping(bytes32 evidence => bool) public usedEvidence;

    /// @notice Commitments that were ever a model's champion or paid candidate.
    mapping(bytes32 modelId => mapping(bytes32 commitment => bool)) public seen;

    mapping(bytes32 modelId => ModelConfig) private _configs;
    mapping(bytes32 modelId => ModelState) private _states;
    EnumerableSet.AddressSet private _oracles;

    event OracleAdded(address indexed oracle);
    event OracleRemoved(address indexed oracle);
    event QuorumSet(uint256 quorum);
    event ModelConfigured(bytes32 indexed modelId, ModelConfig config, bytes32 genesisChampion);
    event HeadMoved(
        bytes32 indexed modelId, bytes32 indexed from, bytes32 indexed to, string reason, address maintainer
    );
    event ImprovementRecorded(
        bytes32 indexed modelId,
        bytes32 indexed evidence,
        bytes32 indexed candidate,
        uint256 measuredBps,
        uint256 reward,
        uint256 ownerReward,
        Improvement improvement
    );
    event RewardDistributed(
        bytes32 indexed modelId, bytes32 indexed evidence, address indexed account, uint256 amount, bool toOwner
    );

    error AlreadyAnOracle(address oracle);
    error NotAnOracle(address account);
    error QuorumOutOfRange(uint256 quorum, uint256 oracles);
    error ConfigOutOfRange(string field, uint256 given, uint256 least);
    error GenesisAlreadyWritten(bytes32 modelId, bytes32 genesis, bytes32 given);
    error ModelUnknown(bytes32 modelId);
    error ZeroValue(string field);
    error HeadIsAnother(bytes32 modelId, bytes32 head, bytes32 given);
    error HeadUnchanged(bytes32 modelId, bytes32 head);
    error EvidenceUsed(bytes32 evidence);
    error CandidateSeen(bytes32 modelId, bytes32 candidate);
    error MetricIsAnother(bytes32 expected, bytes32 given);
    error Expired(uint256 deadline, uint256 now_);
    error TooFewSamples(uint64 n, uint64 minimum);
    error NotSignificant(int256 improvementWad, uint32 minBps, uint32 z2FloorE6);
    error BelowMinimum(uint32 paidBps, uint32 minBps);
    error PaidAboveMeasured(uint32 paidBps, int256 measuredBps);
    error ContributorCount(uint256 contributors, uint256 weights, uint256 most);
    error ContributorsNotAscending(address previous, address contributor);
    error ZeroWeight(address contributor);
    error WeightsNotWhole(uint256 sum, uint256 expected);
    error QuorumMissing(uint256 signatures, uint256 quorum);
    error SignersNotAscending(address previous, address signer);
    error BudgetExceeded(bytes32 modelId, uint256 reward, uint256 left);
    error DailyCapExceeded(bytes32 modelId, uint256 reward, uint256 leftToday);

    /// @param admin Administrator; also the first registrar, guardian and maintainer.
    /// @param adminDelay Seconds between announcing and accepting another administrator.
    /// @param oracles_ First oracles.
    /// @param quorum_ How many of them must sign.
    constructor(address admin, uint48 adminDelay, address[] memory oracles_, uint256 quorum_)
        AccessControlDefaultAdminRules(adminDelay, admin)
        EIP712("DeltaOneVerifier", "1")
    {
        token = new DeltaOne();
        _grantRole(GUARDIAN_ROLE, admin);
        _grantRole(REGISTRAR_ROLE, admin);
        _grantRole(MAINTAINER_ROLE, admin);
        for (uint256 i = 0; i < oracles_.length; ++i) {
            _addOracle(oracles_[i]);
        }
        _setQuorum(quorum_);
    }

    // ------------------------------------------------------------------ improvements

    /// @notice Record an improvement and pay for it: contributors 70 %, the owner 30 %.
    /// @dev Anyone may send it; only what the oracles signed counts.
    /// @param improvement What was signed.
    /// @param signatures EIP-712 signatures of at least `quorum` oracles, by ascending signer.
    /// @return reward Wei of DeltaOne paid in total.
    function processImprovement(Improvement calldata improvement, bytes[] calldata signatures)
        external
        whenNotPaused
        returns (uint256 reward)
    {
        uint256 measuredBps;
        (measuredBps, reward) = _verify(improvement, signatures);

        ModelState storage state = _states[improvement.modelId];
        usedEvidence[improvement.evidence] = true;
        seen[improvement.modelId][improvement.candidate] = true;
        state.head = improvement.candidate;
        state.minted += uint128(reward);
        state.mintedToday = uint128(_mintedToday(state) + reward);
        state.today = _day();

        uint256 ownerReward = distributeReward(improvement, reward);
        emit ImprovementRecorded(
            improvement.modelId,
            improvement.evidence,
            improvement.candidate,
            measuredBps,
            reward,
            ownerReward,
            improvement
        );
    }

    /// @notice What `processImprovement` would pay now; reverts exactly where it would.
    function verifyAndCalculateReward(Improvement calldata improvement, bytes[] calldata signatures)
        external
        view
        whenNotPaused
        returns (uint256 reward)
    {
        (, reward) = _verify(improvement, signatures);
    }

    /// @notice Improvement from paired sums x 1e18, as it counts here.
    function improvementWad(Kind kind, PairedSums calldata sums) external pure returns (int256) {
        return PairedImprovement.improvementWad(kind, sums);
    }

    /// @notice Improvement from paired sums in whole basis points, as it is paid here.
    function improvementBps(Kind kind, PairedSums calldata sums) external pure returns (int256) {
        return PairedImprovement.improvementBps(kind, sums);
    }

    /// @notice Significance from paired sums, as it is judged here.
    function isSignificant(Kind kind, PairedSums calldata sums, uint32 minBps, uint32 z2E6)
        external
        pure
        returns (bool)
    {
        return PairedImprovement.isSignificant(kind, sums, minBps, z2E6);
    }

    /// @notice The digest that oracles sign.
    function improvementDigest(Improvement calldata improvement) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                bytes.concat(
                    abi.encode(
                        IMPROVEMENT_TYPEHASH,
                        improvement.modelId,
                        improvement.evidence,
                        improvement.champion,
                        improvement.candidate,
                        improvement.evaluationSet,
                        improvement.metricId
                    ),
                    abi.encode(
                        keccak256(abi.encode(SUMS_TYPEHASH, improvement.gate)),
                        keccak256(abi.encode(SUMS_TYPEHASH, improvement.payment)),
                        improvement.paidBps,
                        improvement.look,
                        keccak256(abi.encodePacked(improvement.contributors)),
                        keccak256(abi.encodePacked(improvement.weights)),
                        improvement.deadline
                    )
                )
            )
        );
    }

    // ------------------------------------------------------------------ administration

    /// @notice Set up a model, or change its terms.
    /// @param genesisChampion Commitment to the first champion; later calls must repeat it.
    function configureModel(bytes32 modelId, ModelConfig calldata config, bytes32 genesisChampion)
        external
        onlyRole(DEFAULT_ADMIN_ROLE)
    {
        if (modelId == 0) revert ZeroValue("modelId");
        if (genesisChampion == 0) revert ZeroValue("genesisChampion");
        if (config.metricId == 0) revert ZeroValue("metricId");
        if (config.owner == address(0)) revert ZeroValue("owner");
        _requireAtLeast("minBps", config.minBps, MIN_IMPROVEMENT_BPS);
        _requireAtLeast("z2FloorE6", config.z2FloorE6, MIN_Z2_E6);
        _requireAtLeast("minSamples", config.minSamples, MIN_SAMPLES);
        _requireAtLeast("tokensPerDeltaOne", config.tokensPerDeltaOne, BPS_PER_DELTA_ONE);

        ModelState storage state = _states[modelId];
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
    /// rollback. See the contract's notes on the trust in this role.
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

    function addOracle(address oracle) external onlyRole(REGISTRAR_ROLE) {
        _addOracle(oracle);
    }

    /// @notice Remove an oracle; refused when fewer than the quorum would be left.
    function removeOracle(address oracle) external onlyRole(REGISTRAR_ROLE) {
        if (!_oracles.remove(oracle)) revert NotAnOracle(oracle);
        if (_oracles.length() < quorum) revert QuorumOutOfRange(quorum, _oracles.length());
        emit OracleRemoved(oracle);
    }

    function setQuorum(uint256 quorum_) external onlyRole(REGISTRAR_ROLE) {
        _setQuorum(quorum_);
    }

    /// @notice Stop improvements and moves of heads.
    function pause() external onlyRole(GUARDIAN_ROLE) {
        _pause();
    }

    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _unpause();
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

    function oracles() external view returns (address[] memory) {
        return _oracles.values();
    }

    function isOracle(address account) external view returns (bool) {
        return _oracles.contains(account);
    }

    // ------------------------------------------------------------------ inside

    function _verify(Improvement calldata improvement, bytes[] calldata signatures)
        private
        view
        returns (uint256 measuredBps, uint256 reward)
    {
        ModelConfig storage config = _configs[improvement.modelId];
        _requireLineage(improvement);
        if (improvement.metricId != config.metricId) {
            revert MetricIsAnother(config.metricId, improvement.metricId);
        }
        if (block.timestamp > improvement.deadline) revert Expired(improvement.deadline, block.timestamp);
        _requireShares(improvement.contributors, improvement.weights);
        measuredBps = _requireImprovement(improvement, config);
        _requireQuorum(improvementDigest(improvement), signatures);
        reward = (uint256(improvement.paidBps) * config.tokensPerDeltaOne) / BPS_PER_DELTA_ONE;
        _requireFunds(improvement.modelId, config, reward);
    }

    function _requireLineage(Improvement calldata improvement) private view {
        bytes32 modelId = improvement.modelId;
        ModelState storage state = _states[modelId];
        if (state.genesis == 0) revert ModelUnknown(modelId);
        if (improvement.evidence == 0) revert ZeroValue("evidence");
        if (improvement.candidate == 0) revert ZeroValue("candidate");
        if (improvement.evaluationSet == 0) revert ZeroValue("evaluationSet");
        if (improvement.look == 0) revert ZeroValue("look");
        if (usedEvidence[improvement.evidence]) revert EvidenceUsed(improvement.evidence);
        if (improvement.champion != state.head) revert HeadIsAnother(modelId, state.head, improvement.champion);
        if (seen[modelId][improvement.candidate]) revert CandidateSeen(modelId, improvement.candidate);
    }

    function _requireShares(address[] calldata contributors, uint16[] calldata weights) private pure {
        if (
            contributors.length == 0 || contributors.length > MAX_CONTRIBUTORS
                || contributors.length != weights.length
        ) revert ContributorCount(contributors.length, weights.length, MAX_CONTRIBUTORS);
        address previous = address(0);
        uint256 sum = 0;
        for (uint256 i = 0; i < contributors.length; ++i) {
            // The first comparison refuses the zero address too.
            if (contributors[i] <= previous) revert ContributorsNotAscending(previous, contributors[i]);
            if (weights[i] == 0) revert ZeroWeight(contributors[i]);
            previous = contributors[i];
            sum += weights[i];
        }
        if (sum != WEIGHT_TOTAL) revert WeightsNotWhole(sum, WEIGHT_TOTAL);
    }

    function _requireImprovement(Improvement calldata improvement, ModelConfig storage config)
        private
        view
        returns (uint256)
    {
        (Kind kind, uint32 minBps, uint32 z2E6) = (config.kind, config.minBps, config.z2FloorE6);
        uint64 n = improvement.gate.n < improvement.payment.n ? improvement.gate.n : improvement.payment.n;
        if (n < config.minSamples) revert TooFewSamples(n, config.minSamples);
        if (!PairedImprovement.isSignificant(kind, improvement.gate, minBps, z2E6)) {
            revert NotSignificant(PairedImprovement.improvementWad(kind, improvement.gate), minBps, z2E6);
        }
        int256 measured = PairedImprovement.improvementBps(kind, improvement.payment);
        if (improvement.paidBps < minBps) revert BelowMinimum(improvement.paidBps, minBps);
        if (int256(uint256(improvement.paidBps)) > measured) {
            revert PaidAboveMeasured(improvement.paidBps, measured);
        }
        return uint256(measured);
    }

    function _requireQuorum(bytes32 digest, bytes[] calldata signatures) private view {
        if (signatures.length < quorum) revert QuorumMissing(signatures.length, quorum);
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            address signer = ECDSA.recover(digest, signatures[i]);
            if (signer <= previous) revert SignersNotAscending(previous, signer);
            if (!_oracles.contains(signer)) revert NotAnOracle(signer);
            previous = signer;
        }
    }

    function _requireFunds(bytes32 modelId, ModelConfig storage config, uint256 reward) private view {
        ModelState storage state = _states[modelId];
        uint256 left = _left(config.budget, state.minted);
        if (reward > left) revert BudgetExceeded(modelId, reward, left);
        uint256 leftToday = _left(config.dailyCap, _mintedToday(state));
        if (reward > leftToday) revert DailyCapExceeded(modelId, reward, leftToday);
    }

    function distributeReward(Improvement calldata improvement, uint256 reward)
        private
        returns (uint256 ownerReward)
    {
        ownerReward = reward;
        for (uint256 i = 0; i < improvement.contributors.length; ++i) {
            uint256 part = (reward * CONTRIBUTORS_PERCENT * improvement.weights[i]) / (100 * WEIGHT_TOTAL);
            ownerReward -= part;
            _pay(improvement, improvement.contributors[i], part, false);
        }
        _pay(improvement, _configs[improvement.modelId].owner, ownerReward, true);
    }

    function _pay(Improvement calldata improvement, address account, uint256 amount, bool toOwner) private {
        token.mint(account, amount);
        emit RewardDistributed(improvement.modelId, improvement.evidence, account, amount, toOwner);
    }

    function _addOracle(address oracle) private {
        if (oracle == address(0)) revert ZeroValue("oracle");
        if (!_oracles.add(oracle)) revert AlreadyAnOracle(oracle);
        emit OracleAdded(oracle);
    }

    function _setQuorum(uint256 quorum_) private {
        if (quorum_ == 0 || quorum_ > _oracles.length()) revert QuorumOutOfRange(quorum_, _oracles.length());
        quorum = quorum_;
        emit QuorumSet(quorum_);
    }

    function _requireAtLeast(string memory field, uint256 given, uint256 least) private pure {
        if (given < least) revert ConfigOutOfRange(field, given, least);
    }

    function _mintedToday(ModelState storage state) private view returns (uint256) {
        return state.today == _day() ? state.mintedToday : 0;
    }

    function _left(uint256 limit, uint256 used) private pure returns (uint256) {
        return limit > used ? limit - used : 0;
    }

    function _day() private view returns (uint64) {
        return uint64(block.timestamp / 1 days);
    }
}
