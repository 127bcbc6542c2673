"""Passages that say the same in almost the same words."""

import pytest

from rag_workloads.text.near_duplicates import near_duplicates, wording

TEXT = "The lighthouse of Hirtshals was lit for the first time on the sixth of January 1863, and still is."
CHINESE = "图书馆周一闭馆，其余时间上午九点开门，下午六点关门。"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (TEXT, TEXT.upper().replace(",", " -"), True),
        (TEXT, TEXT.replace("sixth", "seventh"), True),
        (TEXT, f"{TEXT} The keeper lives in it with his family and two dogs.", True),
        (TEXT, TEXT[60:] + " The keeper lives in it with his family and two dogs, who bark.", False),
        (CHINESE, CHINESE.replace("六", "七"), True),
        (CHINESE, "镇长姓欧阳，他住在图书馆旁边的一栋老房子里。", False),
        ("Yes.", "Yes!", True),
        ("Yes.", "No.", False),
    ],
)
def test_near_duplicates(one: str, other: str, same: bool) -> None:
    assert near_duplicates(wording(one), wording(other)) is same
