"""Words that were broken at the end of a line, made whole; pure.

Whether "cli-/mate" is one word and "price-/determining" a compound that keeps its hyphen is told by what the
document wrote elsewhere, and else by the tokenizer: what the model knows as a word has few tokens.
"""

import re
from collections.abc import Iterable

from tokenizers import Tokenizer

from rag_workloads.worker.wide_lines import join_lines

BREAK = re.compile(r"(?<=\w)[-\u2010]\n(?=\w)")
LETTERS = re.compile(r"[^\W\d_]*")
LETTERS_AT_THE_END = re.compile(r"[^\W\d_]*$")
WORD = re.compile(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*")
LONGEST_WORD = 40
# A document's vocabulary grows ever slower, and memory should not grow with the document.
WORDS_KEPT = 20_000
# After them comes a second half of a pair: "pre- and postfix".
CONJUNCTIONS = frozenset(["and", "or", "nor", "und", "oder", "bzw", "sowie", "et", "ou"])
# What precedes a part of a path, an address or an option, in which hyphens stand for themselves.
NAMES = frozenset("/\\._@:=+$%#&~")


class WordJoiner:
    """Joins the broken words of one document, page by page in order: the same pages give the same text."""

    def __init__(self, tokenizer: Tokenizer, known: Iterable[str] = ()) -> None:
        """`known` are the words of the pages before."""
        self._tokenizer = tokenizer
        self._seen = set(known)
        self._new: list[str] = []

    def join(self, text: str) -> str:
        """The text without the breaks in its words, and without the line feeds after hyphens that stay.

        Where words have no blanks between them, any line feed may break one.
        """
        for word in WORD.finditer(text.lower()):
            if len(self._seen) == WORDS_KEPT:
                break
            if len(word[0]) <= LONGEST_WORD and word[0] not in self._seen:
                self._seen.add(word[0])
                self._new.append(word[0])
        return BREAK.sub(self._joint, join_lines(text))

    def take_new(self) -> list[str]:
        """The words that it came to know since the last call."""
        new, self._new = self._new, []
        return new

    def _joint(self, match: re.Match[str]) -> str:
        text, start, end = match.string, match.start(), match.end()
        head = LETTERS_AT_THE_END.search(text[max(0, start - LONGEST_WORD) : start])
        tail = LETTERS.match(text, end, end + LONGEST_WORD)
        if not (head and head[0] and tail and tail[0]):
            return "-"
        if tail[0] in CONJUNCTIONS:
            return match[0]
        lead = text[start - len(head[0]) - 1 : start - len(head[0])]
        return "" if self._is_one_word(lead, head[0], tail[0]) else "-"

    def _is_one_word(self, lead: str, head: str, tail: str) -> bool:
        """Whether two parts, the first of which follows the character `lead`, are one word."""
        joined, compound = head + tail, f"{head}-{tail}"
        if (joined.lower() in self._seen) != (compound.lower() in self._seen):
            return joined.lower() in self._seen
        if lead in NAMES:
            return False
        if tail[0].isupper():  # a compound of names, unless all is written in capitals
            return head.isupper() and self._tokens(joined) == 1
        if lead == "-":  # state-of-the-/art, well-estab-/lished
            return self._tokens(head) > 1
        more = self._tokens(joined) - self._tokens(compound)
        return more < 0 or (more == 0 and not self._tokens(head) == self._tokens(tail) == 1)

    def _tokens(self, word: str) -> int:
        return len(self._tokenizer.encode(word, add_special_tokens=False).ids)
