import pytest

from rag_workloads.embedding.tokenizing import parts


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [([], []), ([4, 6, 1], [[4, 6], [1]]), ([11, 1], [[11], [1]]), ([1, 11, 1], [[1], [11], [1]])],
)
def test_texts_are_tokenized_in_parts_of_bounded_size(lengths: list[int], expected: list[list[int]]) -> None:
    found = [[len(text) for text in part] for part in parts(["a" * length for length in lengths], 10)]
    assert found == expected
