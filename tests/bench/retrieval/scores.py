"""How good a ranking is, and what was cited of it. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.retrieval.folding import fold
from tests.bench.retrieval.question_sets import Place, Question


@dataclass(frozen=True)
class Passage:
    """A passage that was found: the page on which it begins, which may not be the one where it ends."""

    document: str
    page: int
    text: str

    def shows(self, place: Place) -> bool:
        """Whether a reader of the passage sees a place."""
        return self.document == place.document and (
            self.page == place.page or fold(place.words) in fold(self.text)
        )


@dataclass(frozen=True)
class Cited:
    """A citation."""

    document: str
    page: int
    quote: str

    def names(self, place: Place) -> bool:
        """Whether it is of the place's page."""
        return (self.document, self.page) == (place.document, place.page)

    def quotes(self, place: Place) -> bool:
        """Whether the sentence is the one that answers, or a part of it."""
        quote, words = fold(self.quote), fold(place.words)
        return words in quote or quote in words


@dataclass(frozen=True)
class Found:
    """What came back for a question, best first."""

    question: Question
    passages: Sequence[Passage]
    citations: Sequence[Cited]

    def gains(self) -> list[bool]:
        """Of each passage, whether it shows a place that none before it has shown."""
        left, gains = list(self.question.places), []
        for passage in self.passages:
            hidden = [place for place in left if not passage.shows(place)]
            gains.append(len(hidden) < len(left))
            left = hidden
        return gains

    def recalled(self, passages: int) -> bool:
        """Whether one of the first passages answers."""
        return any(self.gains()[:passages])

    def ndcg(self, passages: int) -> float:
        """The normalised discounted gain: 1 where all places come first."""
        best = [True] * min(passages, len(self.question.places))
        return _discounted(self.gains()[:passages]) / _discounted(best)

    def first_right(self) -> bool:
        """Whether the first citation names a page that answers."""
        return any(cited.names(place) for cited in self.citations[:1] for place in self.question.places)

    def quoted_rightly(self) -> bool | None:
        """Whether a citation of a right page quotes what answers; None where no right page is cited."""
        quoted = [
            cited.quotes(place)
            for cited in self.citations
            for place in self.question.places
            if cited.names(place)
        ]
        return any(quoted) if quoted else None


def summary(found: Sequence[Found]) -> dict[str, float]:
    """Returns the figures over all questions of a set."""
    return {
        "recall_at_5": share([each.recalled(5) for each in found]),
        "ndcg_at_10": round(sum(each.ndcg(10) for each in found) / len(found), 3),
        "first_right": share([each.first_right() for each in found]),
    }


def quote_agreement(found: Sequence[Found]) -> float:
    """Returns how often the answering sentence is quoted where a right page is cited."""
    judged = [right for each in found if (right := each.quoted_rightly()) is not None]
    return share(judged) if judged else 0


def share(right: Sequence[bool]) -> float:
    """Returns the share that is true."""
    return round(sum(right) / len(right), 3)


def _discounted(gains: Sequence[bool]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))
