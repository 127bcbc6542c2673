import dataclasses
import re
import string

import pytest
from tokenizers import Encoding, Tokenizer, models, normalizers, pre_tokenizers

from rag_workloads.jobs.payloads import Chunk
from rag_workloads.worker import chunking
from rag_workloads.worker.chunking import Chunker

ENGLISH = "The quick brown fox jumps over the lazy dog. It runs away. "
CHINESE = "软件包必须声明它的依赖关系。每个软件包都有维护者。"


def words_tokenizer() -> Tokenizer:
    """BERT's way with words in small: Latin words are a token a letter, other characters a token each."""
    letters = string.ascii_letters + string.digits + string.punctuation
    pieces = ["[UNK]", *letters, *(f"##{letter}" for letter in letters)]
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def bytes_tokenizer() -> Tokenizer:
    """One token a byte, and no words: a Chinese character is three tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return tokenizer


def chunk(pages: list[str], size: int, overlap: int, tokenizer: Tokenizer | None = None) -> list[Chunk]:
    chunker = Chunker(tokenizer or words_tokenizer(), size, overlap)
    full = [c for number, text in enumerate(pages, 1) for c in chunker.feed(number, text)]
    return [*full, *chunker.finish()]


@pytest.mark.parametrize("sentences", [ENGLISH, CHINESE, ENGLISH + CHINESE])
@pytest.mark.parametrize(("size", "overlap"), [(60, 0), (60, 15), (50, 49)])
def test_chunks_are_slices_that_cover_the_text_in_order(sentences: str, size: int, overlap: int) -> None:
    # Numbered, so that no two sentences are the same.
    text = "".join(re.sub("[.。]", rf" {number:03}\g<0>", sentences) for number in range(40))
    chunks = chunk([text], size, overlap)
    at = end = 0
    for c in chunks:
        at = text.index(c.text, at)
        assert not text[end:at].strip(), "nothing is left out between two chunks"
        end = at + len(c.text)
        at += 1
    assert not text[end:].strip()
    assert [c.index for c in chunks] == list(range(len(chunks)))


def test_a_chunk_has_at_most_its_size_in_tokens() -> None:
    tokenizer = words_tokenizer()
    counts = [len(tokenizer.encode(c.text).ids) for c in chunk([ENGLISH * 40], 60, 15)]
    assert max(counts) <= 60
    assert min(counts[:-1]) > 40


def test_cuts_prefer_the_ends_of_sentences() -> None:
    chunks = chunk([ENGLISH * 40], 60, 15)
    assert all(c.text.endswith(".") for c in chunks)


def test_words_stay_whole() -> None:
    text = "supercalifragilistic expialidocious " * 30
    for c in chunk([text], 50, 20):
        assert set(re.findall(r"\w+", c.text)) <= {"supercalifragilistic", "expialidocious"}


def test_a_text_without_words_is_cut_between_characters() -> None:
    chunks = chunk([CHINESE * 10], 20, 0, bytes_tokenizer())
    assert "".join(c.text for c in chunks) == CHINESE * 10
    assert all(len(c.text.encode()) <= 20 for c in chunks)


def test_a_chunk_over_pages_says_where_each_begins() -> None:
    (only,) = chunk(["One two.", "", "Three four."], 50, 5)
    assert only.text == "One two.\n\nThree four."
    assert only.page == 1
    assert only.page_starts == [[1, 0], [2, 9], [3, 10]]
    assert only.text[10:] == "Three four."


def test_pieces_of_a_page_give_the_chunks_of_the_page() -> None:
    pages = [ENGLISH * 40, CHINESE * 20]
    chunker = Chunker(words_tokenizer(), 60, 15)
    pieces = [
        (number, page[at : at + 590]) for number, page in enumerate(pages) for at in range(0, 2360, 590)
    ]
    full = [c for number, piece in pieces for c in chunker.feed(number, piece)]
    assert [*full, *chunker.finish()] == [
        dataclasses.replace(c, page=c.page - 1, page_starts=[[page - 1, at] for page, at in c.page_starts])
        for c in chunk(pages, 60, 15)
    ]


@pytest.mark.parametrize("size", [20, 200])
@pytest.mark.parametrize("run", ["0123456789abcdef" * 8_000, "x" * 999_983], ids=["hex", "x"])
def test_a_long_run_is_cut_and_both_its_neighbours_are_found(size: int, run: str) -> None:
    before, after = "The log of Ulm begins here.", "The keeper of Ulm is Jonas Eber."
    tokenizer = words_tokenizer()
    chunks = chunk([f"{before} {run} {after}"], size, size // 5, tokenizer)
    longest = max(1024, 16 * size)
    assert max(len(c.text) for c in chunks) <= longest
    assert max(len(tokenizer.encode(c.text).ids) for c in chunks) <= size
    assert len(chunks) < 2 * len(run) / longest + 3
    # Of a size that a sentence fits in, one holds each whole.
    text = " ".join(c.text for c in chunks)
    assert all(sentence in text for sentence in (before, after)) or size == 20


def test_text_that_has_no_tokens_takes_no_room() -> None:
    nothing = "\u0301" * 50_000
    tokenizer = words_tokenizer()
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=True)
    chunks = chunk([f"One. {nothing} Two.", nothing, "Three."], 20, 5, tokenizer)
    text = "".join(c.text for c in chunks)
    assert all(sentence in text for sentence in ("One.", "Two.", "Three."))
    assert max(len(c.text) for c in chunks) <= 1024


def test_later_chunks_know_their_page() -> None:
    pages = [f"{ENGLISH * 3}Page {number}. " for number in range(1, 30)]
    chunks = chunk(pages, 60, 15)
    for c in chunks:
        for number in map(int, re.findall(r"Page (\d+)", c.text)):
            at = c.text.index(f"Page {number}")
            assert [page for page, start in c.page_starts if start <= at][-1] == number
        assert c.page == c.page_starts[0][0]


class CountingTokenizer:
    """Keeps the length of every text that it was given."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.lengths: list[int] = []

    def encode(self, text: str, add_special_tokens: bool) -> Encoding:
        self.lengths.append(len(text))
        return self._tokenizer.encode(text, add_special_tokens=add_special_tokens)


@pytest.mark.parametrize("sentences", [ENGLISH, CHINESE, ENGLISH.replace(" ", "\n")])
def test_a_long_page_is_tokenized_in_slices_with_the_same_result(
    sentences: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [sentences, sentences * 40, "", sentences * 20]
    whole = chunk(pages, 60, 15)
    monkeypatch.setattr(chunking, "SLICE_CHARACTERS", 100)
    counting = CountingTokenizer(words_tokenizer())
    assert chunk(pages, 60, 15, counting) == whole  # type: ignore[arg-type]
    assert max(counting.lengths) <= 100


@pytest.mark.parametrize("pages", [[], [""], [" \n ", "\n"]])
def test_no_text_gives_no_chunk(pages: list[str]) -> None:
    assert chunk(pages, 20, 5) == []


def test_overlap_must_be_less_than_size() -> None:
    with pytest.raises(ValueError, match="overlap 20"):
        Chunker(words_tokenizer(), 20, 20)
