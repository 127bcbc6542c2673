"""Kubernetes quantities, such as 250m or 1.5Gi, as numbers."""

from decimal import Decimal

from kubernetes import utils


def parse_quantity(text: str) -> Decimal | None:
    """Return the number that a quantity stands for (bytes, cores), or None if the text is no quantity."""
    try:
        number: Decimal = utils.parse_quantity(text)
    except ValueError:
        return None
    return number if number.is_finite() else None  # to Python, "nan" and "Infinity" are numbers too


def to_bytes(text: str) -> int:
    """Return a size in bytes; raise ValueError if the text is no quantity."""
    return int(utils.parse_quantity(text))
