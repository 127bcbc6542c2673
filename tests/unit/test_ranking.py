"""What becomes of the chunks that a search found."""

from dataclasses import replace

import numpy as np
import pytest

from rag_workloads.api.passages import widen
from rag_workloads.api.ranking import by_sentences, distinct, ranked
from rag_workloads.library.points import Hit, Scores, StoredChunk
from rag_workloads.library.sentence_vectors import SentenceVectors
from rag_workloads.text.overlaps import join

QUESTION = np.array([1, 0], np.float32)


def hit(index: int, text: str = "", *, cosine: float = 0.5, best: float | None = None) -> Hit:
    """A chunk whose nearest sentence is so near."""
    rows = None if best is None else np.array([[best, (1 - best**2) ** 0.5], [0, 1]], np.float32)
    return Hit(
        f"d_chunk_{index}",
        "d",
        index,
        "f.pdf",
        1,
        [[1, 0]],
        text or f"Text number {index}.",
        sentences=None if rows is None else SentenceVectors([(0, 1), (1, 2)], rows),
        scores=Scores(index + 1, cosine),
    )


def chunk(index: int, text: str) -> StoredChunk:
    return StoredChunk(f"d_chunk_{index}", "d", index, "f.pdf", 1, [[1, 0]], text)


def test_a_chunk_with_a_nearer_sentence_comes_first() -> None:
    found = by_sentences(QUESTION, [hit(0, best=0.1), hit(1, best=0.9)])
    assert found
    assert [each.chunk_index for each in found] == [1, 0]
    assert [each.scores.rank for each in found] == [2, 1]


def test_meaning_counts_as_much_where_a_model_puts_all_texts_close_together() -> None:
    """Cosines of e5 lie between 0.7 and 0.9: their differences would be lost beside those of words."""

    def order(lowest: float, span: float) -> list[int]:
        near = [1, 0, 0.8, 0.5]
        hits = [hit(i, cosine=lowest + span * by, best=lowest + span * by) for i, by in enumerate(near)]
        worded = [
            replace(each, scores=replace(each.scores, bm25=bm25))
            for each, bm25 in zip(hits, [0, 9, 8, 1], strict=True)
        ]
        return [each.chunk_index for each in by_sentences(QUESTION, worded) or []]

    assert order(0, 1) == order(0.8, 0.1) == [2, 0, 3, 1]


def test_equal_hits_stay_in_the_order_of_the_search() -> None:
    found = by_sentences(QUESTION, [hit(i, cosine=0.1 + 0.2, best=0.3) for i in range(3)])
    assert [each.chunk_index for each in found or []] == [0, 1, 2]


def test_chunks_of_an_earlier_release_stay_in_the_order_of_the_search() -> None:
    assert by_sentences(QUESTION, [hit(0), hit(1, best=0.9)]) is None


def test_equal_scores_leave_the_order() -> None:
    assert [each.chunk_index for each in ranked([hit(0), hit(1), hit(2)], [0.5, 0.7, 0.5])] == [1, 0, 2]


def test_what_says_the_same_again_is_left_out() -> None:
    same = "The lighthouse was lit for the first time in 1863."
    found = distinct([hit(0, same), hit(1, same), hit(2), hit(3)], 2)
    assert [each.chunk_index for each in found] == [0, 2]


def test_a_neighbour_belongs_to_the_best_passage_and_a_hit_to_its_own() -> None:
    near = {each.chunk_id: each for each in (chunk(i, f"Text number {i}.") for i in range(8))}
    first, second = widen([hit(5), hit(2)], near, 2)
    assert [each.chunk_index for each in first.chunks] == [3, 4, 5, 6, 7]
    assert [each.chunk_index for each in second.chunks] == [0, 1, 2]


def test_what_two_chunks_repeat_of_each_other_is_read_once() -> None:
    near = {"d_chunk_1": chunk(1, "this begins. And this is the end.")}
    (passage,) = widen([hit(0, "So this begins.")], near, 1)
    assert passage.text == "So this begins. And this is the end."


@pytest.mark.parametrize(("first", "second"), [("ends so", "so begins"), ("", "all"), ("all", "")])
def test_texts_that_repeat_nothing_stand_on_lines_of_their_own(first: str, second: str) -> None:
    assert join(first, second) == f"{first}\n{second}"
