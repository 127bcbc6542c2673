"""What passages and questions weigh by their words."""

import pytest

from rag_workloads.text.bm25 import AVERAGE_WORDS, K1, B, Weights, weigh_passages, weigh_question


def score(question: str, passage: Weights) -> float:
    """As the store has it, but that all words are as rare."""
    return sum(passage.get(word, 0) * weight for word, weight in weigh_question(question).items())


def weigh(text: str) -> Weights:
    (weights,) = weigh_passages([text])
    return weights


@pytest.mark.parametrize(
    ("question", "passage"),
    [
        ("How are the policies maintained?", "The maintainer of this policy has to maintain it."),
        (
            "Wann wurden die Leuchttürme gebaut?",
            "Der Leuchtturm von Hirtshals ist alt, und er wurde nicht neu.",
        ),
        ("Où sont les chevaux de l'homme ?", "C'est le cheval de cet homme, dans un pré."),
        ("Где маяки города?", "Этот маяк и был в городе."),
        ("图书馆什么时候关门？", "市图书馆在星期一关门。"),
        ("図書館はいつですか", "ここは図書館です"),
        ("dpkg-buildpackage 64", "Run dpkg-buildpackage on the 64-bit host."),
        ("ＡＢＣ１２３", "The code is abc123."),
    ],
)
def test_a_question_finds_a_passage_in_other_forms_of_its_words(question: str, passage: str) -> None:
    assert score(question, weigh(passage)) > 0


@pytest.mark.parametrize(
    ("question", "passage"),
    [
        ("What is it and where was it?", "It is what it was, and where it was."),
        ("的 什么 是", "这是什么的。"),
        ("图", "书"),
    ],
)
def test_stop_words_and_other_words_find_nothing(question: str, passage: str) -> None:
    assert score(question, weigh(passage)) == 0


def test_the_weight_of_a_word_follows_the_formula() -> None:
    weights = weigh(" ".join(["lighthouse"] * 3 + ["sea"]))
    norm = K1 * (1 - B + B * 4 / AVERAGE_WORDS)
    assert sorted(weights.values()) == pytest.approx([(K1 + 1) / (1 + norm), 3 * (K1 + 1) / (3 + norm)])
    assert all(0 <= word < 1 << 32 for word in weights)


def test_a_passage_without_stop_words_is_in_the_language_of_its_document() -> None:
    _, table = weigh_passages(["Die Preise der Häuser sind hier.", "Häuser: 12, Gärten: 3"])
    assert score("Wie viele Gärten und welches Haus hat das?", table) == pytest.approx(
        score("Gärten Häuser", table)
    )


def test_a_question_without_stop_words_is_looked_for_in_every_language() -> None:
    assert score("Leuchttürme", weigh("Der Leuchtturm und das Meer sind hier.")) > 0
    assert score("lighthouses", weigh("The lighthouse and the sea are here.")) > 0


def test_nothing_weighs_nothing() -> None:
    assert weigh("…") == weigh_question("?!") == {}
    assert weigh_passages([]) == []
