import pytest
from tests.unit.linear import PATTERNS, is_linear

from rag_workloads.api.shared_letters import shared_letters

LIBRARY = ["图书馆周一闭馆。", "镇长姓欧阳。", "图书馆很大。"]


@pytest.mark.parametrize(
    ("question", "nearest"), [("图书馆哪天闭馆？", 0), ("镇长姓什么？", 1), ("很大的图书馆？", 2)]
)
def test_the_sentence_that_shares_most_of_the_rare_pairs_has_the_largest_share(
    question: str, nearest: int
) -> None:
    shares = shared_letters(question, LIBRARY)
    assert shares.index(max(shares)) == nearest
    assert all(0 <= share <= 1 for share in shares)


@pytest.mark.parametrize("question", ["Where is the museum of Córdoba?", "2024?", "หอสมุด", ""])
def test_what_is_in_latin_letters_or_shared_by_none_counts_nothing(question: str) -> None:
    assert shared_letters(question, ["The museum of Córdoba.", "图书馆"]) == [0, 0]


def test_cyrillic() -> None:
    first, second = shared_letters(
        "Когда закрыт музей?", ["Музей закрыт по понедельникам.", "Вход: 12 евро."]
    )
    assert first > second


@pytest.mark.parametrize("pattern", [*PATTERNS, "图", "图 "])
def test_the_time_grows_no_faster_than_the_text(pattern: str) -> None:
    assert is_linear(lambda text: shared_letters("图书馆哪天闭馆？", [text]), pattern)
