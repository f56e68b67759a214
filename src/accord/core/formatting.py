"""Numbers as one reads them."""

from __future__ import annotations

import math

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 4) -> str:
    """A number to so many digits that count; very large and very small ones by a power of ten, none as a dash.

    >>> [number(value) for value in (0.33219, 12345.678, -2.5, 0.0, 5.24e-9, 1e-8, float("nan"))]
    ['0.3322', '12,346', '−2.500', '0', '5.240×10⁻⁹', '10⁻⁸', '–']
    """
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    size = int(exponent)
    if -4 < size < 7:
        return f"{value:,.{max(digits - 1 - size, 0)}f}".replace("-", "−")
    return power(size) if float(mantissa) == 1 else f"{mantissa.replace('-', '−')}×{power(size)}"


def power(exponent: int) -> str:
    """A power of ten.

    >>> power(-8)
    '10⁻⁸'
    """
    return f"10{str(exponent).translate(SUPERSCRIPTS)}"


def count(value: float) -> str:
    """A count, with its thousands apart; it may be a mean of counts.

    >>> count(12345), count(12.53)
    ('12,345', '12.5')
    """
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
