"""With the model's own vocabulary, which tells words from parts of words."""

import pytest
from tests.data import DATA
from tests.expected import load_tokenizer, read_pages
from tests.unit.linear import PATTERNS, is_linear
from tokenizers import Tokenizer

from rag_workloads.worker.hyphens import WORDS_KEPT, WordJoiner


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_tokenizer()


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("a gas that is driving cli-\nmate change", "a gas that is driving climate change"),
        ("Infor-\nmation and ar-\nchitecture", "Information and architecture"),
        ("Immobi-\nlien und Verwal-\ntungen", "Immobilien und Verwaltungen"),
        ("based on price-\ndetermining factors", "based on price-determining factors"),
        ("a low-\nlevel tool", "a low-level tool"),
        ("state-of-the-\nart, well-estab-\nlished", "state-of-the-art, well-established"),
        ("order RX-\n4711, pages 12-\n15", "order RX-4711, pages 12-15"),
        ("in Nord-\nSüd-Richtung", "in Nord-Süd-Richtung"),
        ("INFOR-\nMATION in US-\nASCII", "INFORMATION in US-ASCII"),
        ("pre-\nand postfix, Vor-\nund Nachteile", "pre-\nand postfix, Vor-\nund Nachteile"),
        ("see /usr/share/foo-\nbar and --with-\nthem", "see /usr/share/foo-bar and --with-them"),
        ("one -\ntwo, three --\nfour", "one -\ntwo, three --\nfour"),
        ("(semi-\n)automatic", "(semi-\n)automatic"),
        ("an e\u2010\nmail", "an email"),
        ("- one\n- two", "- one\n- two"),
        ("", ""),
    ],
)
def test_broken_words(tokenizer: Tokenizer, broken: str, whole: str) -> None:
    assert WordJoiner(tokenizer).join(broken) == whole


def test_a_word_is_written_as_it_is_elsewhere_in_the_document(tokenizer: Tokenizer) -> None:
    joiner = WordJoiner(tokenizer)
    joiner.join("Subdirectories of a righthand side. Use e-mail and a minimal-version.")
    broken = "sub-\ndirectories, e-\nmail, minimal-\nversion"
    assert joiner.join(broken) == "subdirectories, e-mail, minimal-version"


def test_of_a_document_only_so_many_words_are_kept(tokenizer: Tokenizer) -> None:
    joiner = WordJoiner(tokenizer)
    letters = str.maketrans("0123456789", "abcdefghij")
    joiner.join(" ".join(f"x{number}".translate(letters) for number in range(WORDS_KEPT)) + " e-mail")
    assert joiner.join("e-\nmail") == "email"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("02-hyphen.pdf", ["driving climate change"]),
        ("03-real-hyphen.pdf", ["price-determining factors", "RX-4711 are printed"]),
        ("04-soft-hyphen.pdf", ["bei Immobilien und", "Der Wertpapierindex fiel."]),
    ],
)
def test_pdfs_with_broken_words(tokenizer: Tokenizer, name: str, words: list[str]) -> None:
    (page,) = read_pages(DATA / name)
    text = WordJoiner(tokenizer).join(page.text)
    assert all(word in text for word in words)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_time_grows_no_faster_than_the_text(tokenizer: Tokenizer, pattern: str) -> None:
    assert is_linear(WordJoiner(tokenizer).join, pattern)
