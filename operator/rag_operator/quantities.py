"""Kubernetes quantities, such as 250m or 1.5Gi, as numbers."""

import re
from decimal import Decimal

_FACTORS = {
    "m": Decimal("0.001"),
    "": Decimal(1),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50,
}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|)")


def parse_quantity(text: str) -> Decimal | None:
    """Return the number that a quantity stands for (bytes, cores), or None if the text is no quantity."""
    match = _QUANTITY.fullmatch(text)
    return Decimal(match[1]) * _FACTORS[match[2]] if match else None


def to_bytes(text: str) -> int:
    """Return a size in bytes; raise ValueError if the text is no quantity."""
    number = parse_quantity(text)
    if number is None:
        raise ValueError(f"{text!r} is no quantity")
    return int(number)
