// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Method, ModelConfig} from "./Models.sol";
import {Oracles} from "./Oracles.sol";
import {Kind, PairedImprovement, PairedSums} from "./PairedImprovement.sol";
import {Claim, ProofVerifier} from "./ProofVerifier.sol";
import {Rewards} from "./Rewards.sol";
import {Improvement, Maintenance, Signed} from "./Signed.sol";

/// @notice The part of a reward that vests only when the improvement is maintained.
struct Holding {
    bytes32 improvement; // struct hash of the improvement
    uint128 amount; // wei; zero: nothing is held
    uint64 from; // first second at which a maintenance measurement counts
}

/// @title DeltaOneVerifier
/// @notice Pays for measured improvements of models. What is paid is recomputed here from sums that
/// a quorum of oracles signed, that were proven, or both, as the model asks for; nothing else can mint
/// DeltaOnes.
///
/// Roles. The administrator (handed over in two steps, never to nobody) configures models, unpauses,
/// and grants the others. GUARDIAN_ROLE can only pause. REGISTRAR_ROLE decides who is an oracle and
/// how many must sign: whoever holds it can make a quorum. MAINTAINER_ROLE moves a model's head
/// without payment, after a promotion below the payment minimum or a rollback. That is trust: a
/// maintainer who puts back a weak head lets a later candidate be paid for ground already covered.
/// It mints nothing, leaves an event, and never makes a candidate payable that was seen before.
contract DeltaOneVerifier is Oracles, Rewards {
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");

    /// @notice Checks proofs, and keeps their keys and the commitments to labels.
    ProofVerifier public immutable proofs = new ProofVerifier();

    /// @notice What is held back of an improvement, by its evidence.
    mapping(bytes32 evidence => Holding) public holdings;

    event ImprovementRecorded(
        bytes32 indexed modelId,
        bytes32 indexed evidence,
        bytes32 indexed candidate,
        uint256 measuredBps,
        uint256 reward,
        uint256 ownerReward,
        Improvement improvement
    );
    event RewardHeld(bytes32 indexed modelId, bytes32 indexed evidence, uint256 amount, uint64 from);
    event MaintenanceRecorded(
        bytes32 indexed modelId,
        bytes32 indexed evidence,
        bool indexed maintained,
        int256 measuredBps,
        uint256 amount,
        uint256 ownerReward,
        Maintenance maintenance
    );

    error MetricIsAnother(bytes32 expected, bytes32 given);
    error Expired(uint256 deadline, uint256 now_);
    error TooFewSamples(uint64 n, uint64 minimum);
    error NotSignificant(int256 improvementWad, uint32 minBps, uint32 z2FloorE6);
    error BelowMinimum(uint32 paidBps, uint32 minBps);
    error PaidAboveMeasured(uint32 paidBps, int256 measuredBps);
    error ProofUnexpected(Method method);
    error SignaturesUnexpected(uint256 signatures);
    error NothingHeld(bytes32 evidence);
    error ImprovementIsAnother(bytes32 expected, bytes32 given);
    error TooEarly(uint256 from, uint256 now_);

    /// @param admin Administrator; also the first registrar, guardian and maintainer.
    /// @param adminDelay Seconds between announcing and accepting another administrator.
    /// @param oracles_ First oracles.
    /// @param quorum_ How many of them must sign.
    constructor(address admin, uint48 adminDelay, address[] memory oracles_, uint256 quorum_)
        AccessControlDefaultAdminRules(adminDelay, admin)
        EIP712("DeltaOneVerifier", "1")
        Oracles(oracles_, quorum_)
    {
        _grantRole(GUARDIAN_ROLE, admin);
        _grantRole(REGISTRAR_ROLE, admin);
        _grantRole(MAINTAINER_ROLE, admin);
    }

    // ------------------------------------------------------------------ improvements

    /// @notice Record an improvement and pay for it: contributors 70 %, the owner 30 %, each less
    /// what the model holds back.
    /// @dev Anyone may send it; only what the oracles signed counts.
    /// @param improvement What was signed.
    /// @param signatures EIP-712 signatures of at least `quorum` oracles, by ascending signer.
    /// @return reward Wei of DeltaOne granted in total.
    function processImprovement(Improvement calldata improvement, bytes[] calldata signatures)
        external
        whenNotPaused
        returns (uint256 reward)
    {
        return _process(improvement, signatures, msg.data[0:0]);
    }

    /// @notice The same for a model whose sums must be proven.
    /// @param improvement What was proven.
    /// @param signatures As the model's method asks for: none, of the part that oracles see, or of all.
    /// @param proven `Proven` of `ProofVerifier`, ABI-encoded.
    function processProvenImprovement(
        Improvement calldata improvement,
        bytes[] calldata signatures,
        bytes calldata proven
    ) external whenNotPaused returns (uint256 reward) {
        return _process(improvement, signatures, proven);
    }

    /// @notice What `processImprovement` would grant now; reverts exactly where it would.
    function verifyAndCalculateReward(Improvement calldata improvement, bytes[] calldata signatures)
        external
        view
        whenNotPaused
        returns (uint256 reward)
    {
        (, reward,) = _verify(improvement, signatures, msg.data[0:0]);
    }

    /// @notice What `processProvenImprovement` would grant now; reverts exactly where it would.
    function verifyProvenAndCalculateReward(
        Improvement calldata improvement,
        bytes[] calldata signatures,
        bytes calldata proven
    ) external view whenNotPaused returns (uint256 reward) {
        (, reward,) = _verify(improvement, signatures, proven);
    }

    /// @notice Decide what becomes of the held part of a reward, by a later measurement of the same
    /// two models: it is paid when the model's minimum is still met, else it returns to the budget.
    /// @dev Anyone may send it; only what the oracles signed counts.
    /// @param improvement The improvement, exactly as it was recorded.
    /// @param maintenance What was signed.
    /// @param signatures EIP-712 signatures of at least `quorum` oracles, by ascending signer.
    /// @return maintained Whether it was paid.
    function recordMaintenance(
        Improvement calldata improvement,
        Maintenance calldata maintenance,
        bytes[] calldata signatures
    ) external whenNotPaused returns (bool maintained) {
        int256 measuredBps;
        (maintained, measuredBps) = _verifyMaintenance(improvement, maintenance, signatures);
        uint256 held = holdings[maintenance.evidence].amount;
        usedEvidence[maintenance.report] = true;
        delete holdings[maintenance.evidence];
        uint256 ownerReward = 0;
        if (maintained) {
            _release(improvement.modelId, held - _toClaim(improvement, held), 0);
            ownerReward = distributeReward(improvement, held, true);
        } else {
            _release(improvement.modelId, 0, held);
        }
        emit MaintenanceRecorded(
            improvement.modelId, maintenance.evidence, maintained, measuredBps, held, ownerReward, maintenance
        );
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

    /// @notice The digest that oracles sign for an improvement.
    function improvementDigest(Improvement calldata improvement) external view returns (bytes32) {
        return _hashTypedDataV4(Signed.hash(improvement));
    }

    /// @notice The digest that oracles sign for a maintenance measurement.
    function maintenanceDigest(Maintenance calldata maintenance) external view returns (bytes32) {
        return _hashTypedDataV4(Signed.hash(maintenance));
    }

    // ------------------------------------------------------------------ administration

    /// @notice Stop improvements, maintenance, claims and moves of heads.
    function pause() external onlyRole(GUARDIAN_ROLE) {
        _pause();
    }

    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _unpause();
    }

    /// @dev Without an administrator nobody could unpause.
    function _beginDefaultAdminTransfer(address newAdmin) internal override {
        if (newAdmin == address(0)) revert AccessControlInvalidDefaultAdmin(newAdmin);
        super._beginDefaultAdminTransfer(newAdmin);
    }

    // ------------------------------------------------------------------ inside

    function _process(Improvement calldata improvement, bytes[] calldata signatures, bytes calldata proven)
        private
        returns (uint256)
    {
        (uint256 measuredBps, uint256 reward, bytes32 structHash) = _verify(improvement, signatures, proven);
        _grant(improvement, measuredBps, reward, structHash);
        return reward;
    }

    function _grant(Improvement calldata improvement, uint256 measuredBps, uint256 reward, bytes32 structHash) private {
        uint256 held = _hold(improvement, reward, structHash);
        _advance(improvement, reward, held + _toClaim(improvement, reward - held));
        uint256 ownerReward = distributeReward(improvement, reward - held, false);
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

    function _verify(Improvement calldata improvement, bytes[] calldata signatures, bytes calldata proven)
        private
        view
        returns (uint256 measuredBps, uint256 reward, bytes32 structHash)
    {
        ModelConfig storage config = _configs[improvement.modelId];
        _requireLineage(improvement);
        _requireCurrent(config, improvement.metricId, improvement.deadline);
        _requireShares(improvement);
        measuredBps = _requireImprovement(improvement, config);
        structHash = Signed.hash(improvement);
        _requireVouched(improvement, config, structHash, signatures, proven);
        reward = (uint256(improvement.paidBps) * config.tokensPerDeltaOne) / BPS_PER_DELTA_ONE;
        _requireFunds(improvement.modelId, config, reward);
    }

    function _verifyMaintenance(
        Improvement calldata improvement,
        Maintenance calldata maintenance,
        bytes[] calldata signatures
    ) private view returns (bool maintained, int256 measuredBps) {
        Holding memory holding = holdings[maintenance.evidence];
        // Nothing held is exactly zero, by `_hold`.
        // slither-disable-next-line incorrect-equality
        if (holding.amount == 0) revert NothingHeld(maintenance.evidence);
        bytes32 structHash = Signed.hash(improvement);
        if (structHash != holding.improvement) revert ImprovementIsAnother(holding.improvement, structHash);
        if (block.timestamp < holding.from) revert TooEarly(holding.from, block.timestamp);
        _requireUnused("report", maintenance.report);
        ModelConfig storage config = _configs[improvement.modelId];
        _requireCurrent(config, improvement.metricId, maintenance.deadline);
        _requireSamples(config, maintenance.sums.n);
        measuredBps = PairedImprovement.improvementBps(config.kind, maintenance.sums);
        _requireQuorum(Signed.hash(maintenance), signatures);
        maintained = measuredBps >= int256(uint256(config.minBps));
    }

    function _requireCurrent(ModelConfig storage config, bytes32 metricId, uint64 deadline) private view {
        if (metricId != config.metricId) revert MetricIsAnother(config.metricId, metricId);
        if (block.timestamp > deadline) revert Expired(deadline, block.timestamp);
    }

    function _requireSamples(ModelConfig storage config, uint64 n) private view {
        if (n < config.minSamples) revert TooFewSamples(n, config.minSamples);
    }

    function _requireImprovement(Improvement calldata improvement, ModelConfig storage config)
        private
        view
        returns (uint256)
    {
        (Kind kind, uint32 minBps, uint32 z2E6) = (config.kind, config.minBps, config.z2FloorE6);
        uint64 n = improvement.gate.n < improvement.payment.n ? improvement.gate.n : improvement.payment.n;
        _requireSamples(config, n);
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

    /// @dev By oracles, by a proof, or by both, as the model asks for; never by neither.
    function _requireVouched(
        Improvement calldata improvement,
        ModelConfig storage config,
        bytes32 structHash,
        bytes[] calldata signatures,
        bytes calldata proven
    ) private view {
        Method method = config.method;
        bytes32 signed = structHash;
        if (method != Method.Oracle) {
            Claim memory claim = Claim(
                improvement.modelId,
                improvement.champion,
                improvement.candidate,
                improvement.evaluationSet,
                _hashTypedDataV4(structHash),
                config.kind,
                method,
                improvement.gate,
                improvement.payment
            );
            bytes32 part = proofs.requireProven(claim, proven);
            if (method == Method.Hybrid) signed = part;
        } else if (proven.length > 0) {
            revert ProofUnexpected(method);
        }
        if (method != Method.Proof) _requireQuorum(signed, signatures);
        else if (signatures.length > 0) revert SignaturesUnexpected(signatures.length);
    }

    function _hold(Improvement calldata improvement, uint256 reward, bytes32 structHash)
        private
        returns (uint256 held)
    {
        ModelConfig storage config = _configs[improvement.modelId];
        held = (reward * config.holdback) / WEIGHT_TOTAL;
        if (held == 0) return 0;
        uint64 from = uint64(block.timestamp) + config.holdbackPeriod;
        holdings[improvement.evidence] = Holding(structHash, uint128(held), from);
        emit RewardHeld(improvement.modelId, improvement.evidence, held, from);
    }
}
