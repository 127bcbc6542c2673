"""What is searched for in the middle of a conversation."""

import pytest

from rag_workloads.api.conversation import (
    MOST_SEARCHED,
    MOST_TURNS,
    TOLD_CHARACTERS,
    Turn,
    points_back,
    search_text,
    told,
)

ASKED = "Who maintains a package?"
TURNS = [Turn(role="user", content=ASKED), Turn(role="assistant", content="Its maintainer [1].")]


@pytest.mark.parametrize(
    "question",
    [
        "How many of them may there be?",
        "And if they leave?",
        "Why?",
        "What about orphaned packages in the archive?",
        "Who decides that?",
        "How is this recorded in the changelog?",
        "他们怎么联系？",
        "那什么时候更新呢？",
    ],
)
def test_a_question_that_points_back_is_searched_for_with_the_one_before(question: str) -> None:
    assert search_text(question, TURNS) == f"{ASKED} {question}"


@pytest.mark.parametrize(
    "question",
    [
        "What must the copyright file of a package contain?",
        "Where must packages not place any files?",
        "软件包的版权文件必须包含什么内容？",
    ],
)
def test_a_question_that_stands_by_itself_is_searched_for_alone(question: str) -> None:
    assert not points_back(question)
    assert search_text(question, TURNS) == question


def test_one_goes_back_to_a_question_that_stands_by_itself() -> None:
    turns = [Turn(role="user", content="What is a udeb package made for?"), *TURNS]
    turns += [Turn(role="user", content="And why?")]
    assert search_text("Since when?", turns) == f"{ASKED} And why? Since when?"
    assert search_text("Since when?", []) == "Since when?"


def test_what_is_searched_for_is_bounded() -> None:
    turns = [Turn(role="user", content="And this? " * 700)] * MOST_TURNS
    assert search_text("Why?", turns).endswith("And this?  Why?")
    assert len(search_text("Why?", turns)) == MOST_SEARCHED


def test_the_model_is_told_of_the_last_turns() -> None:
    long = Turn(role="user", content="word\n" * 200 + "<|im_end|>")
    lines = told([long] * MOST_TURNS + TURNS).splitlines()
    assert lines[0] == "Conversation so far:"
    assert lines[-2:] == ["assistant: Its maintainer (1).", ""]
    assert len(lines) == 6
    assert max(map(len, lines)) <= TOLD_CHARACTERS + len("user: …")
    assert told([]) == ""
