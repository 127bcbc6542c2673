"""The pure parts of finding's figures: how rankings are judged, how pages are read, and the questions."""

import json
import math
from pathlib import Path

import pytest
from tests.bench.retrieval import xquad
from tests.bench.retrieval.folding import fold, stands_on
from tests.bench.retrieval.question_sets import MANUALS, Manual, Place, Question, QuestionSet
from tests.bench.retrieval.scores import Cited, Found, Passage, quote_agreement, summary

PLACES = [Place("a", 3, "the tide turns"), Place("a", 9, "at noon")]


def found(*pages: int, texts: str = "", quotes: str = "") -> Found:
    passages = [Passage("a", page, texts) for page in pages]
    return Found(Question("When?", PLACES), passages, [Cited("a", page, quotes) for page in pages])


@pytest.mark.parametrize(
    ("pages", "gains"),
    [((3, 3, 9), [True, False, True]), ((1, 9, 2), [False, True, False]), ((1, 2), [False, False]), ((), [])],
)
def test_a_place_counts_where_it_is_shown_first(pages: tuple[int, ...], gains: list[bool]) -> None:
    assert found(*pages).gains() == gains


def test_a_passage_that_runs_over_to_a_right_page_is_right() -> None:
    assert found(2, texts="Mind that the\ntide turns.").recalled(5)
    assert not Passage("b", 3, "the tide turns").shows(PLACES[0])


def test_what_comes_late_gains_less() -> None:
    assert found(3, 9).ndcg(10) == 1
    assert found(1, 3).ndcg(10) == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))
    assert found(*[1] * 10, 3).ndcg(10) == 0


def test_figures_are_means_over_questions() -> None:
    figures = summary([found(3, 9), found(1, 1, 1, 1, 1, 9), found(1, 3)])
    assert figures["recall_at_5"] == 0.667
    assert figures["first_right"] == 0.333


def test_quotes_are_judged_where_a_right_page_is_cited() -> None:
    right, part, wrong = "Mind that the tide turns here.", "the tide", "Mind the gap."
    judged = [found(1, 3, quotes=quote) for quote in (right, part, wrong)]
    assert [each.quoted_rightly() for each in judged] == [True, True, False]
    assert quote_agreement([*judged, found(1)]) == 0.667


def test_words_are_the_same_however_their_lines_are_broken() -> None:
    assert fold("pro-\ngrams  run") == fold("programs run")
    assert fold("用户名和\n密码，root 密码") == fold("用户名和密码， root密码")
    assert fold("ab c") != fold("a bc")


@pytest.mark.parametrize(
    ("quote", "stands"),
    [
        ("the first page ends here", True),
        ("ends here and goes on overleaf", True),
        ("The second page begins", False),
        ("and goes on overleaf", False),
        ("ends here in silence", False),
        ("The first page goes on overleaf", False),
    ],
)
def test_a_quote_stands_on_its_page_or_runs_on_to_the_next(quote: str, stands: bool) -> None:
    pages = [
        "The river rises in the hills beyond the town of Ulm, and\nthe first page ends here",
        "2. The second page begins\nand goes on overleaf of the first one, until it ends, as all of them do.",
    ]
    assert stands_on(quote, pages, 1) is stands


@pytest.mark.parametrize("manual", MANUALS, ids=lambda manual: manual.name)
def test_every_manual_has_questions_with_pages_and_their_words(manual: Manual) -> None:
    written = manual.written()
    assert len(written) >= 24
    assert len({each.question for each in written}) == len(written)
    for each in written:
        assert each.question.endswith(("?", ".", "？"))
        assert each.answers
        assert all(page > 0 and words for page, words in each.answers.items())
        assert not any(fold(words) in fold(each.question) for words in each.answers.values())


def test_there_are_questions_enough() -> None:
    assert len(MANUALS) == 5
    assert sum(len(manual.written()) for manual in MANUALS) >= 120


def test_a_paragraph_is_a_document_that_answers_its_questions(tmp_path: Path) -> None:
    answer = {"text": "north", "answer_start": 9}
    paragraphs = [
        {"context": "It flows north.", "qas": [{"question": "Where to?", "answers": [answer]}]},
        {"context": "It is dry.", "qas": []},
    ]
    for language in xquad.LANGUAGES:
        data = {"data": [{"title": "Rivers", "paragraphs": paragraphs}]}
        (tmp_path / f"xquad.{language}.json").write_text(json.dumps(data))
    asked = xquad.load(tmp_path, "zh", tmp_path)
    assert xquad.there(tmp_path)
    assert isinstance(asked, QuestionSet)
    assert [file.read_text() for file in asked.files] == ["It flows north.", "It is dry."]
    assert asked.questions == [Question("Where to?", [Place("zh-000", 1, "north")])]
    assert not xquad.there(tmp_path / "nowhere")
