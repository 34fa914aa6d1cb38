// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev A verifying key whose making was not forgotten, and the forgeries that follow from it: valid
/// proofs of anything. This is what a development key cannot protect from, and what the contract is
/// tested with, so that any statement, true or not, can come with a proof that holds.
library Trapdoor {
    uint256 internal constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    uint256 internal constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;

    // alpha = 3, beta = 5, gamma = 7, delta = 11; the point of input i is 100 + i.
    uint256 private constant INVERSE_OF_11 =
        7959361044305190989907783907366281850381223418333103397708437886027566725679;

    function key(uint256 inputs) internal view returns (uint256[] memory words) {
        words = new uint256[](14 + 2 * (inputs + 1));
        (words[0], words[1]) = times(3);
        put(words, 2, beta());
        put(words, 6, gamma());
        put(words, 10, delta());
        for (uint256 i = 0; i <= inputs; ++i) {
            (words[14 + 2 * i], words[15 + 2 * i]) = times(100 + i);
        }
    }

    /// @dev Of any inputs; `a` makes another proof of the same.
    function forge(uint256[] memory inputs, uint256 a) internal view returns (uint256[8] memory proof) {
        uint256 sum = 100;
        for (uint256 i = 0; i < inputs.length; ++i) {
            sum = addmod(sum, mulmod(101 + i, inputs[i], R), R);
        }
        uint256 rest = addmod(a, R - addmod(15, mulmod(7, sum, R), R), R);
        (proof[0], proof[1]) = times(a);
        uint256[4] memory one = generator();
        for (uint256 i = 0; i < 4; ++i) {
            proof[2 + i] = one[i];
        }
        (proof[6], proof[7]) = times(mulmod(rest, INVERSE_OF_11, R));
    }

    function times(uint256 factor) internal view returns (uint256, uint256) {
        uint256[3] memory term = [uint256(1), 2, factor];
        uint256[2] memory point;
        assembly {
            if iszero(staticcall(gas(), 7, term, 0x60, point, 0x40)) { revert(0, 0) }
        }
        return (point[0], point[1]);
    }

    function put(uint256[] memory words, uint256 place, uint256[4] memory point) internal pure {
        for (uint256 i = 0; i < 4; ++i) {
            words[place + i] = point[i];
        }
    }

    function generator() internal pure returns (uint256[4] memory) {
        return [
            11559732032986387107991004021392285783925812861821192530917403151452391805634,
            10857046999023057135944570762232829481370756359578518086990519993285655852781,
            4082367875863433681332203403145435568316851327593401208105741076214120093531,
            8495653923123431417604973247489272438418190587263600148770280649306958101930
        ];
    }

    function beta() internal pure returns (uint256[4] memory) {
        return [
            4540444681147253467785307942530223364530218361853237193970751657229138047649,
            20954117799226682825035885491234530437475518021362091509513177301640194298072,
            11631839690097995216017572651900167465857396346217730511548857041925508482915,
            21508930868448350162258892668132814424284302804699005394342512102884055673846
        ];
    }

    function gamma() internal pure returns (uint256[4] memory) {
        return [
            18551411094430470096460536606940536822990217226529861227533666875800903099477,
            15512671280233143720612069991584289591749188907863576513414377951116606878472,
            1711576522631428957817575436337311654689480489843856945284031697403898093784,
            13376798835316611669264291046140500151806347092962367781523498857425536295743
        ];
    }

    function delta() internal pure returns (uint256[4] memory) {
        return [
            15624790064206502667756020446826209080711344272800176518784649088946231692936,
            8472151341754925747860535367990505955708751825377817860727104273184244800723,
            19488077321171448217727198730828487286865984357780136663388739985720647978898,
            1196137947243150610106053819405501111182787323156221967342356892090037828244
        ];
    }
}
