"""Compares words as they are printed: white space, and a hyphen where a line may end, count for nothing."""

import re
import unicodedata

# Between Chinese characters, and beside them, the end of a line is no blank.
WIDE = "[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]"
BLANK_BY_WIDE = re.compile(f"(?<={WIDE}) | (?={WIDE})")
HYPHEN = re.compile(r"[-\u00ad\u2010]\s*")


def fold(text: str) -> str:
    """Returns the words of a text with one blank between them."""
    words = BLANK_BY_WIDE.sub("", " ".join(text.split()))
    return " ".join(HYPHEN.sub("", unicodedata.normalize("NFKC", words)).split())


def stands_on(quote: str, pages: list[str], number: int) -> bool:
    """Whether a quote stands word for word on a page (the first is 1), or begins there and goes on overleaf.

    A quote that stands on the next page alone is not on this one.
    """
    words, page = fold(quote), fold(pages[number - 1])
    if words in page:
        return True
    if number == len(pages):
        return False
    overleaf = fold(pages[number])
    return words not in overleaf and _runs_on(words, page, overleaf)


def _runs_on(words: str, page: str, overleaf: str) -> bool:
    """Whether the words begin in a page's last half and end in the next one's first.

    Between the parts stand a footer and a header, or notes.
    """
    begun, gone_on = page[len(page) // 2 :], overleaf[: len(overleaf) // 2]
    ends = (at for at in range(1, len(words)) if words[:at] in begun)
    return any(words[at:].strip() in gone_on for at in ends)
