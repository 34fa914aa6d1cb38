// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Groth16} from "contracts/Groth16.sol";
import {Method, ModelConfig} from "contracts/Models.sol";
import {Kind, PairedSums} from "contracts/PairedImprovement.sol";
import {Mode, Proof, ProofTerms, ProofVerifier, Proven} from "contracts/ProofVerifier.sol";
import {Circuit, Counted, ProvenSums, Score} from "contracts/ProvenSums.sol";
import {Improvement} from "contracts/Signed.sol";
import {Proving} from "../support/Proving.sol";
import {Trapdoor} from "../support/Trapdoor.sol";

/// @dev What is counted besides accuracy: confusions, packed into words, and losses.
contract ProofKindsTest is Proving {
    // 400 rows of two classes; cells by target, baseline and candidate, 11 bits each.
    uint256[8] private cells = [uint256(180), 0, 15, 5, 20, 30, 0, 150];

    function test_confusionsPay() public {
        (Improvement memory said, Proven memory made) = ratio(Score.F1, 1);
        assertEq(verifier.processProvenImprovement(said, none(), abi.encode(made)), REWARD);
    }

    function test_everyRatioAndItsMean() public {
        for (uint8 score = uint8(Score.Precision); score <= uint8(Score.F1); ++score) {
            uint256 snapshot = token.totalSupply();
            (Improvement memory said, Proven memory made) = ratio(Score(score), type(uint16).max);
            verifier.verifyProvenAndCalculateReward(said, none(), abi.encode(made));
            assertEq(token.totalSupply(), snapshot);
        }
    }

    function test_cellsOutsideTheDomain() public {
        (Improvement memory said, Proven memory made) = ratio(Score.F1, 1);
        made.gate[0].counts[0] |= 1 << 88; // a ninth cell
        bytes memory because = abi.encodeWithSelector(ProvenSums.CountOutOfRange.selector, 0, made.gate[0].counts[0]);
        refused(said, none(), prove(made, said), because);
    }

    function test_cellsThatAreNotTheRows() public {
        (Improvement memory said, Proven memory made) = ratio(Score.F1, 1);
        made.gate[0].counts[0] += 1;
        because401(said, made);
        (said, made) = ratio(Score.F1, 1);
        made.gate[0].n = 401;
        refused(
            said, none(), prove(made, said), abi.encodeWithSelector(ProvenSums.CountsContradictory.selector, 401, 400)
        );
    }

    function test_scoresThatAreUndefined() public {
        (Improvement memory said, Proven memory made) = ratio(Score.F1, 1);
        made.gate[0].counts[0] = 400; // one class only, and never predicted otherwise
        bytes memory because = abi.encodeWithSelector(ProvenSums.ScoreUndefined.selector, 1);
        refused(said, none(), prove(made, said), because);
    }

    function test_otherCellsThanClaimed() public {
        (Improvement memory said, Proven memory made) = ratio(Score.F1, 1);
        uint256[8] memory worse = cells;
        (worse[5], worse[4]) = (29, 21);
        made.gate[0].counts[0] = packed(worse);
        PairedSums memory found = proofs.sumsOf(tally(worse), confusion(), Score.F1, 1);
        refused(
            said,
            none(),
            prove(made, said),
            abi.encodeWithSelector(ProofVerifier.SumsUnproven.selector, said.gate, found)
        );
    }

    function test_lossesPay() public {
        (Improvement memory said, Proven memory made) = losses();
        assertEq(verifier.processProvenImprovement(said, none(), abi.encode(made)), REWARD);
    }

    function test_everyCountOfEveryKind() public {
        (Improvement memory said, Proven memory made) = ratio(Score.F1, 1);
        for (uint256 cell = 0; cell < 8; ++cell) {
            (said, made) = ratio(Score.F1, 1);
            made.gate[0].counts[0] += 1 << (11 * cell);
            refused(said, none(), made, abi.encodeWithSelector(Groth16.ProofInvalid.selector));
        }
        (said, made) = ratio(Score.F1, 1);
        made.gate[0].counts[0] += Trapdoor.R;
        refused(said, none(), made, abi.encodeWithSelector(Groth16.NotAScalar.selector, made.gate[0].counts[0]));
        for (uint256 i = 0; i < 5; ++i) {
            (said, made) = losses();
            made.gate[0].counts[i] += 1;
            refused(said, none(), made, abi.encodeWithSelector(Groth16.ProofInvalid.selector));
            made.gate[0].counts[i] += Trapdoor.R;
            refused(said, none(), made, abi.encodeWithSelector(Groth16.NotAScalar.selector, made.gate[0].counts[i]));
        }
    }

    function test_lossesBeyondTheCap() public {
        (Improvement memory said, Proven memory made) = losses();
        made.gate[0].counts[0] = 400_001; // of 400 losses of at most 1 000 steps
        refused(
            said,
            none(),
            prove(made, said),
            abi.encodeWithSelector(ProvenSums.CountsContradictory.selector, 400_000, 400_001)
        );
        (said, made) = losses();
        made.gate[0].counts[2] = 100_000_001; // squares beyond cap times sum
        refused(
            said,
            none(),
            prove(made, said),
            abi.encodeWithSelector(ProvenSums.CountsContradictory.selector, 100_000_000, 100_000_001)
        );
        (said, made) = losses();
        made.gate[0].counts[4] = 2 ** 128;
        refused(
            said, none(), prove(made, said), abi.encodeWithSelector(ProvenSums.CountOutOfRange.selector, 5, 2 ** 128)
        );
    }

    function test_lossesAreNoScores() public {
        (Improvement memory said, Proven memory made) = losses();
        ModelConfig memory config = terms();
        config.method = Method.Proof;
        said.metricId = config.metricId;
        configure(config);
        said.gate = hits(400, 300, 330);
        said.payment = said.gate;
        refused(
            said,
            none(),
            prove(made, said),
            abi.encodeWithSelector(ProofVerifier.ScoreNotCounted.selector, Score.Loss, Counted.AbsoluteLoss)
        );
    }

    // ------------------------------------------------------------------ inside

    function because401(Improvement memory said, Proven memory made) private {
        refused(
            said, none(), prove(made, said), abi.encodeWithSelector(ProvenSums.CountsContradictory.selector, 400, 401)
        );
    }

    function confusion() private pure returns (Circuit memory) {
        return Circuit(Counted.Confusion, 1_024, 1, 2);
    }

    function ratio(Score score, uint16 positive) private returns (Improvement memory said, Proven memory made) {
        agree(confusion(), 6, score, positive, Kind.Linear);
        (said, made) = (improvement(), proven(improvement()));
        made.key = Trapdoor.key(6);
        made.gate[0].counts = new uint256[](1);
        made.gate[0].counts[0] = packed(cells);
        said.gate = proofs.sumsOf(tally(cells), confusion(), score, positive);
        (said.payment, said.evaluationSet) = (said.gate, idOf(made));
        made = prove(made, said);
    }

    function losses() private returns (Improvement memory said, Proven memory made) {
        Circuit memory circuit_ = Circuit(Counted.AbsoluteLoss, 1_024, 10, 1_000);
        agree(circuit_, 10, Score.Loss, 0, Kind.LogRatio);
        (said, made) = (improvement(), proven(improvement()));
        made.key = Trapdoor.key(10);
        // All of the champion's 250 steps, all of the candidate's 200.
        uint256[5] memory counts = [uint256(100_000), 80_000, 25_000_000, 16_000_000, 20_000_000];
        made.gate[0].counts = new uint256[](5);
        for (uint256 i = 0; i < 5; ++i) {
            made.gate[0].counts[i] = counts[i];
        }
        said.gate = PairedSums(400, 100e9, 80e9, 25e18, 16e18, 20e18);
        (said.payment, said.evaluationSet) = (said.gate, idOf(made));
        made = prove(made, said);
    }

    function agree(Circuit memory of_, uint256 inputs_, Score score, uint16 positive, Kind kind) private {
        uint256[] memory key = Trapdoor.key(inputs_);
        proofs.registerKey(key, of_, Mode.Development);
        ProofTerms memory agreed = proofTerms(key);
        (agreed.score, agreed.positive) = (score, positive);
        proofs.configureProof(MODEL, agreed);
        ModelConfig memory config = terms();
        (config.method, config.kind) = (Method.Proof, kind);
        configure(config);
    }

    function packed(uint256[8] memory counts) private pure returns (uint256 word) {
        for (uint256 i = 0; i < 8; ++i) {
            word |= counts[i] << (11 * i);
        }
    }

    function tally(uint256[8] memory counts) private pure returns (uint256[] memory made) {
        made = new uint256[](9);
        for (uint256 i = 0; i < 8; ++i) {
            made[i + 1] = counts[i];
            made[0] += counts[i];
        }
    }
}
