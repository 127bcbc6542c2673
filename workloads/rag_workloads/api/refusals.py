"""What an answer says where the documents do not answer the question, in the question's language."""

import re

REFUSALS = {"en": "Nothing in the documents answers this question.", "zh": "文档中没有能回答这个问题的内容。"}
HAN, KANA = re.compile(r"[\u3400-\u9fff]"), re.compile(r"[\u3040-\u30ff]")
NO_LETTERS = re.compile(r"[\W_]+")


def refusal(question: str) -> str:
    """The sentence for a question."""
    return REFUSALS["zh" if HAN.search(question) and not KANA.search(question) else "en"]


def is_refusal(answer: str) -> bool:
    """Whether an answer begins with one of the sentences, however it is set."""
    return _letters(answer).startswith(_REFUSED)


def _letters(text: str) -> str:
    return NO_LETTERS.sub("", text).casefold()


_REFUSED = tuple(map(_letters, REFUSALS.values()))
