"""Units of measurement: which units measure the same quantity, and how to convert between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

UNKNOWN = "blorps"
"""A word that is no unit. A reader that takes unknown units for its base unit pays numbers that stand beside it."""
QUANTITIES: tuple[Mapping[str, Fraction], ...] = (
    {"m": Fraction(1), "km": Fraction(1000), "cm": Fraction(1, 100), "mm": Fraction(1, 1000)},
    {"s": Fraction(1), "h": Fraction(3600), "min": Fraction(60), "ms": Fraction(1, 1000)},
    {"seconds": Fraction(1), "minutes": Fraction(60), "hours": Fraction(3600)},
    {"days": Fraction(1), "weeks": Fraction(7)},
    {"kg": Fraction(1), "g": Fraction(1, 1000), "mg": Fraction(1, 10**6), "t": Fraction(1000)},
    {"l": Fraction(1), "ml": Fraction(1, 1000)},
    {"L": Fraction(1), "mL": Fraction(1, 1000)},
    {"litres": Fraction(1), "millilitres": Fraction(1, 1000)},
    {"liters": Fraction(1), "milliliters": Fraction(1, 1000)},
    {"J": Fraction(1), "kJ": Fraction(1000)},
    {"W": Fraction(1), "kW": Fraction(1000)},
    {"N": Fraction(1), "kN": Fraction(1000)},
    {"Pa": Fraction(1), "kPa": Fraction(1000)},
    {"Hz": Fraction(1), "kHz": Fraction(1000), "MHz": Fraction(10**6)},
    {"m/s": Fraction(1), "km/h": Fraction(5, 18)},
)
"""Units by quantity, each as a multiple of the quantity's base unit, which comes first."""
BASES = (*(next(iter(factors)) for factors in QUANTITIES), "g")
"""Units that readers convert to: the base units, and grams, which many readers treat as a base unit."""
CURRENCIES = {"$": "€", "€": "$"}
_NEAREST = {"cm": "m", "mm": "cm", "minutes": "hours"}
"""Other units that are not the first of their quantity."""


def is_unit(text: object) -> bool:
    """Whether a text is a unit that can be exchanged for another one."""
    return isinstance(text, str) and other_unit(text) is not None


def other_unit(unit: str) -> str | None:
    """Another unit of the same quantity, or another currency; None if there is none."""
    others = [name for name in _quantity(unit) if name != unit]
    return CURRENCIES.get(unit, _NEAREST.get(unit, others[0] if others else None))


def converted(value: Fraction, unit: str) -> Iterator[Fraction]:
    """What a number in this unit is in the base units of its quantity; nothing if it is in the only one already."""
    factors = _quantity(unit)
    yield from (value * factors[unit] / factors[base] for base in BASES if base in factors and base != unit)


def _quantity(unit: str) -> Mapping[str, Fraction]:
    """The units of the quantity that this unit measures; empty if the unit is not in the table."""
    return next((factors for factors in QUANTITIES if unit in factors), {})
