"""BM25 as sparse vectors: what a passage's words weigh in it, and what a question asks for; pure.

The rarity of a word is not in them: the vector store knows all passages, and multiplies by it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from zlib import crc32

from rag_workloads.text.words import Words, likely

K1, B = 1.2, 0.75
# Words of a passage but for stop words, as the chunks of CHUNK_SIZE_TOKENS have them.
AVERAGE_WORDS = 100

# By the id of a word, an unsigned integer of 32 bits.
Weights = dict[int, float]


def weigh_passages(texts: Sequence[str]) -> list[Weights]:
    """The weights of passages of a document; one that does not show its language is in that of the others."""
    passages = [Words(text) for text in texts]
    usual = likely(sum((passage.votes for passage in passages), Counter()))
    return [_weigh(passage.stems(_one(likely(passage.votes), usual))) for passage in passages]


def weigh_question(text: str) -> Weights:
    """A weight of one for each word, by its stem in every language that the question may be in."""
    question = Words(text)
    return {_id(stem): 1.0 for language in likely(question.votes) for stem in question.stems(language)}


def _one(own: list[str], usual: list[str]) -> str:
    return own[0] if len(own) == 1 else usual[0]


def _weigh(stems: Iterable[str]) -> Weights:
    counts = Counter(map(_id, stems))
    norm = K1 * (1 - B + B * counts.total() / AVERAGE_WORDS)
    return {id: count * (K1 + 1) / (count + norm) for id, count in counts.items()}


def _id(word: str) -> int:
    return crc32(word.encode(errors="surrogatepass"))
