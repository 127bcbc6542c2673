import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from tokenizers import Encoding, Tokenizer, models, normalizers, pre_tokenizers, processors

from rag_workloads.jobs.payloads import Chunk
from rag_workloads.worker import pieces
from rag_workloads.worker.chunking import Chunker
from rag_workloads.worker.context import MOST_HEADINGS
from rag_workloads.worker.measure import Measure
from rag_workloads.worker.pages import Block, Kind, paragraphs

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
    measure = Measure(tokenizer or words_tokenizer())
    return chunk_blocks([paragraphs(page) for page in pages], size, overlap, measure)


def chunk_blocks(
    pages: Sequence[Sequence[Block]], size: int, overlap: int, measure: Measure | None = None
) -> list[Chunk]:
    chunker = Chunker(measure or Measure(words_tokenizer()), size, overlap)
    full = [
        c
        for number, blocks in enumerate(pages, 1)
        for piece in pieces.pieces(blocks)
        for c in chunker.feed(number, piece)
    ]
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
    assert only.page_starts == [[1, 0], [3, 10]]
    assert only.text[10:] == "Three four."


@pytest.mark.parametrize(
    ("above", "below", "joined"),
    [
        ("The keeper winds each of the clocks\nin the museum of the city of", "Ulm every morning.", "\n"),
        ("The keeper winds each of the clocks\nin the museum", "of the city.", "\n"),
        ("The keeper winds each of the clocks\nin the museum", "The next morning", "\n\n"),
        ("Fig. 1: The clock", "Fig. 2: The same clock", "\n\n"),
        ("1. The mayor wound it once.", "in the museum of the city.", "\n\n"),
        ("博物馆馆长每天早上都要给所有的钟上发条，然后才打开大门迎接从城里", "来的客人。", "\n"),
        ("第一章：钟", "博物馆馆长每天早上都要给所有的钟上发条。", "\n\n"),
    ],
)
def test_a_sentence_goes_on_overleaf_where_a_paragraph_does(above: str, below: str, joined: str) -> None:
    (only,) = chunk([above, below], 100, 5)
    assert only.text == above + joined + below
    apart = chunk([above, "", below], 100, 5)
    assert apart[0].text == f"{above}\n\n{below}"


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

    def encode(self, text: str, add_special_tokens: bool = True) -> Encoding:
        self.lengths.append(len(text))
        return self._tokenizer.encode(text, add_special_tokens=add_special_tokens)


@pytest.mark.parametrize("sentences", [ENGLISH, CHINESE, ENGLISH.replace(" ", "\n")])
def test_a_long_page_is_tokenized_in_slices_with_the_same_result(
    sentences: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [sentences, sentences * 40, "", sentences * 20]
    whole = chunk(pages, 60, 15)
    monkeypatch.setattr(pieces, "PIECE_CHARACTERS", 100)
    counting = CountingTokenizer(words_tokenizer())
    assert chunk(pages, 60, 15, counting) == whole  # type: ignore[arg-type]
    assert max(counting.lengths) < len(pages[1]) / 4


@pytest.mark.parametrize("pages", [[], [""], [" \n ", "\n"]])
def test_no_text_gives_no_chunk(pages: list[str]) -> None:
    assert chunk(pages, 20, 5) == []


def test_overlap_must_be_less_than_size() -> None:
    with pytest.raises(ValueError, match="overlap 20"):
        Chunker(Measure(words_tokenizer()), 20, 20)


def numbered(count: int, kind: Kind = "paragraph", **more: Any) -> list[Block]:
    return [Block(kind, f"This is number {number:02} of them.", **more) for number in range(count)]


def test_a_heading_begins_a_chunk_where_one_is_near() -> None:
    sections = [[Block("heading", f"Part {at}", level=1), *numbered(4)] for at in range(6)]
    chunks = chunk_blocks([[block for section in sections for block in section]], 120, 30)
    assert [c.text.split("\n")[0] for c in chunks] == [f"Part {at}" for at in range(6)]


def test_small_sections_share_a_chunk() -> None:
    sections = [[Block("heading", f"Part {at}", level=1), *numbered(1)] for at in range(6)]
    chunks = chunk_blocks([[block for section in sections for block in section]], 90, 0)
    assert [re.findall(r"Part (\d)", c.text) for c in chunks] == [["0", "1", "2"], ["3", "4", "5"]]


def test_a_heading_is_never_the_end_of_a_chunk() -> None:
    for before in range(1, 8):
        blocks = [*numbered(before), Block("heading", "Part", level=1), Block("heading", "Of it", level=2)]
        chunks = chunk_blocks([[*blocks, *numbered(9)]], 100, 20)
        assert not any(c.text.endswith(("Part", "Of it")) for c in chunks)


def test_a_chunk_knows_the_headings_that_it_stands_under() -> None:
    blocks = [
        Block("heading", "Book", level=1),
        Block("heading", "Chapter\none", level=2),
        Block("heading", "Section", level=4),
        *numbered(7),
        Block("heading", "Chapter two", level=2),
        *numbered(8),
    ]
    chunks = chunk_blocks([blocks], 100, 0, Measure(words_tokenizer()))
    by_text = {c.text.split("\n")[0]: c.headings for c in chunks}
    assert by_text["Book"] == []
    assert by_text["Chapter two"] == ["Book"]
    assert by_text["This is number 03 of them."] == ["Book", "Chapter one", "Section"]
    assert chunks[-1].headings == ["Book", "Chapter two"]


def test_headings_take_a_bounded_part_of_a_chunk() -> None:
    tokenizer = words_tokenizer()
    headings = [Block("heading", f"{9 - at} {'long ' * 6 * at}", level=9 - at) for at in range(8, 0, -1)]
    chunks = chunk_blocks([[*headings, *numbered(90)]], 200, 0, Measure(tokenizer, 220))
    assert all(len(c.headings) <= MOST_HEADINGS for c in chunks)
    assert all(len(heading) <= 100 for c in chunks for heading in c.headings)
    assert chunks[-1].headings[-1] == f"8{' long' * 6}"
    assert all(len(tokenizer.encode(c.context, add_special_tokens=False)) <= 200 / 3 for c in chunks)


HEADER = "Place\tOpens"
ROWS = [Block("table_row", f"Ulm {at:02}\t{at % 12} o'clock", table_header=HEADER) for at in range(40)]


def test_a_row_is_never_cut_and_a_chunk_that_begins_with_one_has_its_header() -> None:
    table = [Block("table_row", HEADER), *ROWS]
    chunks = chunk_blocks([[*numbered(3), *table, *numbered(3)]], 100, 20)
    rows = {row.text for row in table}
    for c in chunks:
        assert {line for line in c.text.split("\n") if "\t" in line} <= rows
        begins_within = c.text.split("\n")[0] in rows - {HEADER}
        assert c.table_header == (HEADER if begins_within else "")
        assert not c.text.endswith(HEADER)
    assert sum(bool(c.table_header) for c in chunks) > 3


def test_a_row_that_is_longer_than_a_chunk_is_cut_between_its_cells() -> None:
    cells = [f"the cell number {at}" for at in range(40)]
    chunks = chunk_blocks([[Block("table_row", HEADER), Block("table_row", "\t".join(cells))]], 60, 0)
    assert all(set(c.text.split("\t")) <= {*cells, *HEADER.split("\t")} for c in chunks[1:])
    assert "\t".join(c.text for c in chunks).endswith("\t".join(cells[-10:]))


def test_items_of_a_list_are_not_torn() -> None:
    items = [Block("list_item", f"• Item {at}. It has two sentences. Or three.") for at in range(30)]
    chunks = chunk_blocks([items], 100, 0)
    lines = [line for c in chunks for line in c.text.split("\n")]
    assert all(line.startswith("•") and line.endswith("three.") for line in lines)


def test_a_chunk_of_a_file_with_lines_says_where_each_block_begins() -> None:
    blocks = [Block("paragraph", "One two.", line=1), Block("code", "a\nb", line=5), *numbered(1, line=9)]
    (only,) = chunk_blocks([blocks], 100, 0)
    assert only.line_starts == [[1, 0], [5, 11], [9, 17]]
    later = chunk_blocks([numbered(30, line=7)], 40, 0)[-1]
    assert later.line_starts[0] == [7, 0]


def test_a_sentence_that_runs_over_a_page_is_no_better_a_cut_than_a_word() -> None:
    sentences = ["One is this long one.", "The second runs\fover the page.", "The third one ends."]
    chunks = chunk(" ".join(sentences).split("\f"), 32, 0)
    assert [c.text.replace("\n", "\f") for c in chunks] == sentences


def marks_tokenizer() -> Tokenizer:
    """XLM-R's way: words are what white space parts, so that a Chinese sentence is a single one."""
    tokenizer = words_tokenizer()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    characters = sorted({"▁", *string.printable, *CHINESE})
    tokenizer.model = models.Unigram(
        [("<unk>", 0.0), *((c, -1.0) for c in characters)], 0, byte_fallback=False
    )
    return tokenizer


@pytest.mark.parametrize("tokenizer", [words_tokenizer(), marks_tokenizer()], ids=["bert", "xlm-r"])
def test_chinese_is_cut_between_sentences(tokenizer: Tokenizer) -> None:
    chunks = chunk([CHINESE * 20], 40, 0, tokenizer)
    assert all(c.text.endswith("。") for c in chunks)


def growing_tokenizer() -> Tokenizer:
    """A word of more than 400 letters is one token, and a shorter one has one a letter."""
    tokenizer = words_tokenizer()
    vocabulary = tokenizer.get_vocab()
    tokenizer.model = models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=400)
    return tokenizer


def without_space(texts: Iterable[str]) -> str:
    return re.sub(r"\s", "", "".join(texts))


ADVERSARIES = {
    "bert": words_tokenizer,
    "bytes": bytes_tokenizer,
    "xlm-r": marks_tokenizer,
    "growing": growing_tokenizer,
}


@pytest.mark.parametrize("kind", ADVERSARIES)
@pytest.mark.parametrize(("size", "limit"), [(200, 256), (64, 64), (500, 64), (16, 24)])
def test_what_the_model_reads_is_never_too_long(kind: str, size: int, limit: int) -> None:
    tokenizer = ADVERSARIES[kind]()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 1), ("[CLS]", 0))
    prompt = "passage: "
    blocks = [
        Block("heading", "The keepers of Ulm and all their clocks " * 5, level=1),
        Block("paragraph", "x" * 3000),
        Block("paragraph", ENGLISH * 20 + CHINESE * 20 + "é\u0301🕰️" * 40),
        Block("table_row", HEADER * 60),
        *(replace(row, table_header=HEADER * 60) for row in ROWS),
        Block("table_row", "\t".join(["cell"] * 300), table_header=HEADER * 60),
    ]
    chunks = chunk_blocks([blocks, blocks], size, size // 5, Measure(tokenizer, limit, (prompt,)))
    read = [len(tokenizer.encode(prompt + c.context + c.text)) for c in chunks]
    assert max(read) <= limit
    whole = chunk_blocks([blocks], size, 0, Measure(tokenizer, limit))
    assert without_space(c.text for c in whole) == without_space(block.text for block in blocks)
