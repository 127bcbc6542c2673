"""The marks of an answer, such as [1]: each points at a citation by its place among them.

Marks of the model stand where they name a citation. A sentence that has none gets the mark of the citation
whose sentences have most of its words, if they have enough: a small model writes no marks, and copies.
"""

import re
from collections import defaultdict
from collections.abc import Iterable

from rag_workloads.api.evidence import Source
from rag_workloads.api.refusals import is_refusal
from rag_workloads.text.sentences import BEFORE_NAMES, CLOSERS, ENDS, INITIALS, WIDE_ENDS
from rag_workloads.text.units import units

# A mark with what parts it from the words before it, and our fence, which a small model may copy.
MARK = re.compile(r"(?P<blanks>\s*)(?:\[(?P<numbers>\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]|</?passages>)")
# What may become one with the next piece; blanks, too, belong to what follows.
UNSETTLED = re.compile(r"\s*(?:\[[\d,;\s]{0,20}|</?p?[a-z]{0,7})?\Z")
# The end of a sentence or a line, once something follows. `text.sentences` knows more, of a whole text.
END = re.compile(
    rf"(?<=[^\s{ENDS}])[{ENDS}]++[{CLOSERS}]*+(?=\s+[^\sa-z])|[{WIDE_ENDS}]++[{CLOSERS}]*+(?=\s*\S)"
    r"|(?<=\S)(?=[^\S\n]*\n\s*\S)"
)
LAST_WORD = re.compile(r"[\w.]*\Z")
# Of a sentence's words, those that a citation must have.
LEAST_SHARE = 0.6


class Marks:
    """Puts the marks of an answer right while it comes in pieces. A refusal has none."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._words = defaultdict[int, set[str]](set)
        for source in sources:
            self._words[source.number].update(units(source.text))
        # What came and is not settled; the sentence under way, as it is read, and whether it has a mark.
        self._unsettled, self._sentence, self._marked = "", "", False
        self._begun = self.refused = False

    def feed(self, piece: str) -> str:
        """As much of the answer as is settled with this piece."""
        text = self._unsettled + piece
        unsettled = UNSETTLED.search(text)
        at = unsettled.start() if unsettled else len(text)
        self._unsettled = text[at:]
        out = self._settled(text[:at])
        if not self._begun:  # blanks, and a fence that the model went on from, begin no answer
            out = out.lstrip()
            self._begun = bool(out)
        return out

    def end(self) -> str:
        """What is left once the last piece has come."""
        return (self._settled(self._unsettled) + self._mark_of(self._sentence)).rstrip()

    def _settled(self, text: str) -> str:
        out, at = list[str](), 0
        for mark in MARK.finditer(text):
            out += [self._words_of(text[at : mark.start()]), self._known(mark)]
            at = mark.end()
        return "".join([*out, self._words_of(text[at:])])

    def _words_of(self, text: str) -> str:
        """Words with the marks of the sentences that end among them."""
        out = ""
        while (end := _end_of_first(self._sentence + text)) is not None:
            at = max(0, end - len(self._sentence))
            out += text[:at] + self._mark_of((self._sentence + text)[:end])
            text, self._sentence, self._marked = text[at:], "", False
        self._sentence += text
        return out + text

    def _known(self, mark: re.Match[str]) -> str:
        """The model's own mark, as far as there are such citations."""
        numbers = map(int, re.findall(r"\d+", mark["numbers"] or ""))
        known = [number for number in numbers if number in self._words]
        if not known or self._is_refused(self._sentence):
            return ""
        self._marked = True
        return mark["blanks"] + "".join(f"[{number}]" for number in known)

    def _mark_of(self, sentence: str) -> str:
        """The mark that a sentence lacks."""
        if self._is_refused(sentence) or self._marked or not (wanted := set(units(sentence))):
            return ""
        shares = {number: len(wanted & found) / len(wanted) for number, found in self._words.items()}
        best = max(shares, key=shares.__getitem__, default=0)
        return f" [{best}]" if shares.get(best, 0) >= LEAST_SHARE else ""

    def _is_refused(self, sentence: str) -> bool:
        self.refused = self.refused or is_refusal(sentence)
        return self.refused


def _end_of_first(text: str) -> int | None:
    """Where the first sentence of a text ends; None as long as it may go on."""
    for end in END.finditer(text):
        word = LAST_WORD.search(text[: end.start()])
        letters = word[0].casefold() if word and end[0] == "." else ""
        if letters not in BEFORE_NAMES and not letters.isdigit() and not INITIALS.fullmatch(letters):
            return end.end()
    return None
