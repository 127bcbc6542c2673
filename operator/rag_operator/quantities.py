"""Kubernetes quantities, such as 250m or 1.5Gi, as numbers."""

from collections.abc import Callable
from decimal import Decimal
from math import ceil

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


def same_amount(one: str, other: str) -> bool:
    """Return whether two amounts are the same to an API server, which rounds up to thousandths."""
    numbers = [parse_quantity(text) for text in (one, other)]
    return None not in numbers and len({ceil(1000 * number) for number in numbers if number is not None}) == 1


def at_least(least: int, sentence: str) -> Callable[[str], str]:
    """Return a check that a text is a quantity of at least so much; its ValueError says the sentence."""

    def check(text: str) -> str:
        number = parse_quantity(text)
        if number is None or number < least:
            raise ValueError(f"it {sentence}")
        return text

    return check
