"""The marks of an answer, in whatever pieces it comes."""

import pytest

from rag_workloads.api.evidence import Source
from rag_workloads.api.marks import Marks
from rag_workloads.api.refusals import REFUSALS, is_refusal, refusal

SOURCES = [
    Source(1, "The harbour museum shows ships of three centuries."),
    Source(2, "Children under seven enter free of charge."),
    Source(3, "餐厅供应鱼汤。"),
]


def marked(answer: str, size: int) -> str:
    """An answer in pieces of so many characters, as it is streamed."""
    marks = Marks(SOURCES)
    pieces = [marks.feed(answer[at : at + size]) for at in range(0, len(answer), size)]
    return "".join([*pieces, marks.end()])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        # Marks of the model stay where it has put them, if there is such a citation.
        ("It shows ships [2].", "It shows ships [2]."),
        ("It shows ships [1][2] today.", "It shows ships [1][2] today."),
        ("It shows ships [1, 2].", "It shows ships [1][2]."),
        ("It shows ships. [1] It is old.", "It shows ships. [1] It is old."),
        ("It shows cats [9].", "It shows cats."),
        ("It shows cats [0, 2].", "It shows cats [2]."),
        ("It shows cats [9", "It shows cats [9"),
        ("In [2024] it was [sic] closed.", "In [2024] it was [sic] closed."),
        # Else a sentence gets that of the citation whose words it has.
        ("The museum shows ships of three centuries.", "The museum shows ships of three centuries. [1]"),
        (
            "The museum shows ships. Children under seven enter free.\nBring a hat.",
            "The museum shows ships. [1] Children under seven enter free. [2]\nBring a hat.",
        ),
        ("It shows: \n- ships of centuries\n- cats", "It shows: \n- ships of centuries [1]\n- cats"),
        ("餐厅供应鱼汤。每天都很好吃，真的。", "餐厅供应鱼汤。 [3]每天都很好吃，真的。"),
        ("Nobody knows.", "Nobody knows."),
        # Of our fence nothing is left.
        ("<passages>\nIt shows cats.\n</passages>", "It shows cats."),
        (" \n It shows <b>cats</b>.", "It shows <b>cats</b>."),
        ("", ""),
    ],
)
def test_marks_are_put_right(answer: str, expected: str, size: int) -> None:
    assert marked(answer, size) == expected


def test_what_is_settled_does_not_wait() -> None:
    marks = Marks(SOURCES)
    assert marks.feed("It shows ships") == "It shows ships"
    assert marks.feed(" [") == ""
    assert marks.feed("2") == ""
    assert marks.feed("] of wood") == " [2] of wood"


@pytest.mark.parametrize("language", REFUSALS)
@pytest.mark.parametrize("more", ["", " [1]", " The museum shows ships of three centuries [1]."])
def test_a_refusal_has_no_marks(language: str, more: str) -> None:
    marks = Marks(SOURCES)
    text = marks.feed(REFUSALS[language]) + marks.feed(more) + marks.end()
    assert marks.refused
    assert "[" not in text


@pytest.mark.parametrize(
    ("question", "language"),
    [("Why?", "en"), ("为什么？", "zh"), ("Was ist das?", "en"), ("博物館は何時に開きますか", "en")],
)
def test_a_refusal_is_in_the_language_of_the_question(question: str, language: str) -> None:
    assert refusal(question) == REFUSALS[language]


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        ('"nothing in the documents answers this question"', True),
        ("文档中没有能回答这个问题的内容", True),
        ("Nothing in the documents is older than 1702.", False),
        ("", False),
    ],
)
def test_a_refusal_is_known_however_it_is_set(answer: str, refused: bool) -> None:
    assert is_refusal(answer) == refused
