"""The words by which a text is found: folded, without stop words, stemmed in the text's own language; pure.

Chinese has no blanks between its words: a segmenter cuts them. Other scripts that have none, and Korean,
whose words carry their grammar with them, are cut into pairs of letters.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import import_module

import Stemmer
from bm25s import stopwords

# Those of which both the stems and the stop words are known; a text that shows none is in the first one.
STOP_WORDS = {
    "english": stopwords.STOPWORDS_EN_PLUS,
    "danish": stopwords.STOPWORDS_DANISH,
    "dutch": stopwords.STOPWORDS_DUTCH,
    "french": stopwords.STOPWORDS_FRENCH,
    "german": stopwords.STOPWORDS_GERMAN,
    "italian": stopwords.STOPWORDS_ITALIAN,
    "norwegian": stopwords.STOPWORDS_NORWEGIAN,
    "portuguese": stopwords.STOPWORDS_PORTUGUESE,
    "russian": stopwords.STOPWORDS_RUSSIAN,
    "spanish": stopwords.STOPWORDS_SPANISH,
    "swedish": stopwords.STOPWORDS_SWEDISH,
    "turkish": stopwords.STOPWORDS_TURKISH,
}
CHINESE_STOP_WORDS = frozenset(stopwords.STOPWORDS_CHINESE)
# One alone may be a word that says something in another language: "sea" is a stop word in Spanish.
LEAST_VOTES = 2

HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
IN_PAIRS = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\uac00-\ud7af"
RUN = re.compile(rf"(?P<han>[{HAN}]+)|(?P<pairs>[{IN_PAIRS}]+)|[^\W_{HAN}{IN_PAIRS}]+")
# "l'homme", "the dog's", "they've": what an apostrophe cuts off says nothing.
CUT_OFF = re.compile(r"\b\w['’](?=\w)|['’](?:\w|ll|re|ve)\b")


class Words:
    """A text's words; its stop words are votes for the languages that those in letters may be in."""

    def __init__(self, text: str) -> None:
        folded = CUT_OFF.sub(" ", unicodedata.normalize("NFKC", text).lower())
        self._in_letters: list[str] = []
        self._others: list[str] = []
        for run in RUN.finditer(folded):
            if run.lastgroup is None:
                self._in_letters.append(run[0])
            else:
                self._others += _cut(run.lastgroup, run[0])
        self.votes = Counter(name for word in self._in_letters for name in _stopped().get(word, ()))

    def stems(self, language: str) -> Iterator[str]:
        """Its words but for the stop words, as often as they are there."""
        stopped = _stopped()
        said = [word for word in self._in_letters if language not in stopped.get(word, ())]
        # One of its own for each call: they are cheap, and not to be shared by threads.
        yield from Stemmer.Stemmer(language).stemWords(said)
        yield from self._others


def likely(votes: Counter[str]) -> list[str]:
    """The languages with most votes: several if they have as many, all if that is too few to tell."""
    most = max(votes.values(), default=0)
    return [language for language in STOP_WORDS if most < LEAST_VOTES or votes[language] == most]


def _cut(kind: str, run: str) -> Iterable[str]:
    if kind == "han":
        return (word for word in _segmenter()(run) if word not in CHINESE_STOP_WORDS)
    return (run[at : at + 2] for at in range(max(1, len(run) - 1)))


@cache
def _stopped() -> dict[str, list[str]]:
    """The languages in which a word is a stop word."""
    languages: dict[str, list[str]] = {}
    for language, words in STOP_WORDS.items():
        for word in words:
            languages.setdefault(word, []).append(language)
    return languages


@cache
def _segmenter() -> Callable[[str], list[str]]:
    """Cuts words and the words within them; its dictionary takes 30 MB, of those who meet Chinese only."""
    cut: Callable[[str], list[str]] = import_module("rjieba").cut_for_search
    return cut
