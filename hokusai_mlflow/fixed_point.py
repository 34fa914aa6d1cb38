"""Integer arithmetic as the contract does it: rounding, and the fixed-point logarithm."""

from __future__ import annotations

from hokusai_mlflow.errors import InputError


def ln_wad(x: int) -> int:
    """Natural logarithm of x / 1e18, scaled by 1e18: the contract's, bit for bit.

    A port of ``lnWad`` of Solady's FixedPointMathLib (MIT): range reduction to [1, 2) and an
    (8, 8)-term rational approximation in 2**96 fixed point.

    Parameters
    ----------
    x : int
        Positive, below 2**255.

    Returns
    -------
    int
        Within two units of the exact value.
    """
    if not 0 < x < 2**255:
        raise InputError(f"a logarithm needs a positive number below 2**255, found {x}")
    leading_zeros = 256 - x.bit_length()
    x = (x << leading_zeros) >> 159
    p = x
    for coefficient in _LN_NUMERATOR[:3]:
        p = (coefficient + p) * x >> 96
    p -= _LN_NUMERATOR[3]
    for coefficient in _LN_NUMERATOR[4:6]:
        p = (p * x >> 96) - coefficient
    p = p * x - (_LN_NUMERATOR[6] << 96)
    q = x + _LN_DENOMINATOR[0]
    for coefficient in _LN_DENOMINATOR[1:]:
        q = coefficient + (x * q >> 96)
    ratio = _LN_SCALE * toward_zero(p, q)
    return (ratio + _LN_TWO * (159 - leading_zeros) + _LN_SHIFT) >> 174


_LN_NUMERATOR = (
    3273285459638523848632254066296,
    24828157081833163892658089445524,
    43456485725739037958740375743393,
    11111509109440967052023855526967,
    45023709667254063763336534515857,
    14706773417378608786704636184526,
    795164235651350426258249787498,
)
_LN_DENOMINATOR = (
    5573035233440673466300451813936,
    71694874799317883764090561454958,
    283447036172924575727196451306956,
    401686690394027663651624208769553,
    204048457590392012362485061816622,
    31853899698501571402653359427138,
    909429971244387300277376558375,
)
_LN_SCALE = 1677202110996718588342820967067443963516166
_LN_TWO = 16597577552685614221487285958193947469193820559219878177908093499208371
_LN_SHIFT = 600920179829731861736702779321621459595472258049074101567377883020018308


def toward_zero(numerator: int, denominator: int) -> int:
    """Quotient rounded toward zero, as Solidity divides."""
    quotient = abs(numerator) // denominator
    return quotient if numerator >= 0 else -quotient


def round_up(numerator: int, denominator: int) -> int:
    """Quotient rounded up."""
    return -(-numerator // denominator)


def brief(number: int) -> str:
    """A number for a message: round ones as a power of ten."""
    zeros = len(str(number)) - len(str(number).rstrip("0"))
    if number == 0 or zeros < 12:
        return str(number)
    front = number // 10**zeros
    return f"10**{zeros}" if front == 1 else f"{front}*10**{zeros}"
