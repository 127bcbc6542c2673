import pytest
from tests.records import document
from tests.unit.test_chunking import words_tokenizer

from rag_workloads.jobs.payloads import EmbedBatch
from rag_workloads.library.documents import Document, ErrorCode, PageWarning
from rag_workloads.library.record_reader import Checkpoint
from rag_workloads.worker import pieces
from rag_workloads.worker.cutting import CheckpointUnreadable, Cutter
from rag_workloads.worker.measure import Measure
from rag_workloads.worker.pages import Page, paragraphs

MEASURE = Measure(words_tokenizer())
# Words that are broken at a line's end are made whole by what other pages wrote.
SENTENCE = "The climate of page {0} is a cli-\nmate of its own, and pre-\nserved in {0} words. "
PAGES = [Page(paragraphs(SENTENCE.format(number) * (number % 4))) for number in range(1, 12)]
BROKEN = PageWarning(page=4, code=ErrorCode.PARSE_CRASHED, message="Page 4 crashed the parser.")


def taken_up(batch_size: int = 2) -> Document:
    """A document whose layout and collection are frozen."""
    layout = {"chunk_size": 20, "chunk_overlap": 5, "batch_size": batch_size}
    return document(collection="manuals", revision=3, **layout)


class Attempts:
    """Cuts a document's pages, in attempts that end after each `batches` batches."""

    def __init__(self, batches: int) -> None:
        self.batches, self.cut = batches, list[EmbedBatch]()
        self.words, self.attempts, self.chunks = b"", 0, 0
        self.tally: dict[str, str | int] = {}

    def run(self, pages: list[Page]) -> None:
        checkpoint: Checkpoint | None = None
        while not self.chunks:
            self.attempts += 1
            checkpoint = self._attempt(pages, checkpoint)

    def _attempt(self, pages: list[Page], checkpoint: Checkpoint | None) -> Checkpoint | None:
        cutter, before = Cutter(taken_up(), MEASURE, checkpoint), len(self.cut)
        for page in pages[cutter.page - 1 :]:
            for piece in cutter.pieces(page):
                if batches := cutter.feed(piece):
                    self.cut += batches
                    state, words = cutter.checkpoint()
                    self.words += words
                    checkpoint = Checkpoint(state, self.words)
                    if len(self.cut) - before >= self.batches:
                        return checkpoint
        last, self.chunks = cutter.finish()
        self.cut += last
        self.tally = cutter.tally.fields()
        return None


def in_attempts(batches: int, pages: list[Page] = PAGES) -> Attempts:
    attempts = Attempts(batches)
    attempts.run(pages)
    return attempts


@pytest.mark.parametrize("batches", [1, 2, 3])
@pytest.mark.parametrize("piece", [60, 20_000])
def test_attempts_that_break_off_give_what_one_gives(
    batches: int, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "PIECE_CHARACTERS", piece)
    whole, parts = in_attempts(10**6), in_attempts(batches)
    assert whole.attempts == 1
    assert parts.attempts > 3
    assert parts.cut == whole.cut
    assert (parts.chunks, parts.tally) == (whole.chunks, whole.tally)
    assert [batch.number for batch in whole.cut] == list(range(len(whole.cut)))
    assert [c.index for batch in whole.cut for c in batch.chunks] == list(range(whole.chunks))
    assert whole.cut[-1].chunks[-1].text.endswith("in 11 words.")


def test_a_page_that_breaks_in_a_later_attempt_has_a_warning_and_costs_no_number() -> None:
    first = Cutter(taken_up(), MEASURE, None)
    cut = list[EmbedBatch]()
    page = Page(paragraphs(SENTENCE.format(1) * 40))
    pieces = first.pieces(page)
    cut += first.feed(next(pieces))
    assert cut
    second = Cutter(taken_up(), MEASURE, first.checkpoint())
    assert second.page == 1
    for piece in second.pieces(Page(warning=BROKEN)):
        cut += second.feed(piece)
    last, chunks = second.finish()
    assert [c.index for batch in [*cut, *last] for c in batch.chunks] == list(range(chunks))
    assert (second.tally.pages, second.tally.warnings) == (1, [BROKEN])


def test_the_newest_chunk_is_held_back() -> None:
    cutter = Cutter(taken_up(batch_size=1), MEASURE, None)
    (piece,) = cutter.pieces(Page(paragraphs(SENTENCE.format(1) * 3)))
    full = cutter.feed(piece)
    last, chunks = cutter.finish()
    assert len(full) >= 1
    assert len(full) + len(last) == chunks
    assert last


def test_a_batch_goes_where_its_generation_was_begun_for() -> None:
    batch = in_attempts(1).cut[0]
    assert (batch.document_id, batch.generation, batch.number) == ("doc", 1, 0)
    assert (batch.collection, batch.revision, batch.file_name) == ("manuals", 3, "a.pdf")


def test_no_chunk_no_batch() -> None:
    assert Cutter(taken_up(), MEASURE, None).finish() == ([], 0)


@pytest.mark.parametrize("missing", ["collection", "batch_size"])
def test_a_document_that_nobody_took_up_has_no_batches(missing: str) -> None:
    with pytest.raises(ValueError, match="has no layout"):
        Cutter(taken_up().model_copy(update={missing: None}), MEASURE, None)


@pytest.mark.parametrize("state", [b"", b"\xc1", b"\x81\xa4page\xa3one"])
def test_a_checkpoint_of_another_form_is_refused(state: bytes) -> None:
    with pytest.raises(CheckpointUnreadable):
        Cutter(taken_up(), MEASURE, Checkpoint(state, b""))
