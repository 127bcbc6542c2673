"""Kubernetes quantities as numbers."""

from decimal import Decimal

import pytest

from rag_operator.quantities import parse_quantity, same_amount, to_bytes


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("250m", Decimal("0.25")),
        ("1.5", Decimal("1.5")),
        ("1k", Decimal(1000)),
        ("1e3", Decimal(1000)),
        ("1.5Gi", Decimal(3 * 2**29)),
        ("2E", Decimal(2 * 10**18)),
    ],
)
def test_a_quantity_is_a_number(text: str, number: Decimal) -> None:
    assert parse_quantity(text) == number


@pytest.mark.parametrize("text", ["", "Gi", "1ki", "many", "nan", "Infinity"])
def test_other_texts_are_none(text: str) -> None:
    assert parse_quantity(text) is None


def test_a_size_that_is_no_quantity_is_an_error() -> None:
    assert to_bytes("100Mi") == 100 * 2**20
    with pytest.raises(ValueError, match="many"):
        to_bytes("many")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("0.5", "500m", True),
        ("0.5m", "1m", True),
        ("1.0001Gi", "1073849198183m", True),
        ("1024Mi", "1Gi", True),
        ("1G", "1Gi", False),
        ("1", "many", False),
    ],
)
def test_amounts_are_compared_as_an_api_server_keeps_them(one: str, other: str, same: bool) -> None:
    assert same_amount(one, other) is same
