"""Which bytes a request asks for."""

import pytest

from rag_workloads.web.ranges import RangeNotSatisfiable, asked_for, names

SIZE = 10


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=0-4", (0, 5)),
        ("bytes=4-4", (4, 5)),
        ("bytes=4-", (4, 10)),
        ("bytes=4-999", (4, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-999", (0, 10)),
        ("Bytes= 1-2 ", (1, 3)),
        ("", None),
        ("bytes=5-4", None),
        ("bytes=0-1,3-4", None),
        ("bytes=-", None),
        ("bytes=x-y", None),
        ("bytes=١-٢", None),
        ("pages=1-2", None),
        (f"bytes={'9' * 5000}-", None),
    ],
)
def test_one_range_or_the_whole(header: str, found: tuple[int, int] | None) -> None:
    assert asked_for(header, SIZE) == found


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_a_range_outside_of_the_file(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as refused:
        asked_for(header, SIZE)
    assert refused.value.headers == {"Content-Range": "bytes */10"}


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ("*", True),
        ("", False),
        ('"b"', False),
        ("a", False),
    ],
)
def test_entity_tags(header: str, known: bool) -> None:
    assert names(header, '"a"') is known
