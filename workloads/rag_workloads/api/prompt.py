"""The prompt: a template with the passages, fenced as data, and the question; pure.

It holds no worked examples: a small model copies their answers. What is nearest to the question stands next
to it, where a small model finds it most often.
"""

import re
from collections import defaultdict

from rag_contract.prompts import PLACEHOLDER, TEMPLATE
from rag_workloads.api.evidence import Source

FENCE, FENCE_END = "<passages>", "</passages>"
# What a chat template or our own would take for its own: the models' control tokens, and our fence.
CONTROL = re.compile(
    r"<(?=[|｜])|[|｜](?=>)|<(?=</?SYS>>)|\[(?=/?(?:INST|IMG|THINK|[A-Z]+(?:_[A-Z]+)+)\])"
    r"|(?i:<(?=/?(?:passages|s|bos|eos|pad|unk|mask|think|unused\d+|[a-z]+(?:_\w+)+)>))"
)
# Marks of another text, which would be taken for those of the answer.
MARK = re.compile(r"\[(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\]")


def as_data(text: str) -> str:
    """A text that cannot be taken for anything but text: no control token, fence or mark is left whole."""
    return MARK.sub(r"(\1)", CONTROL.sub(lambda match: f"{match[0]} ", text))


def passages(sources: list[Source]) -> str:
    """What the model is asked about: of each citation its sentences below its number, the nearest last."""
    by_number = defaultdict[int, list[str]](list)
    for source in sources:
        by_number[source.number].append(source.text)
    lines = [f"[{number}] {' '.join(map(as_data, reversed(texts)))}" for number, texts in by_number.items()]
    return "\n".join([FENCE, *reversed(lines), FENCE_END])


def fill(template: str | None, **parts: str) -> str:
    """The template, or the default one, with its placeholders replaced; none in what replaces them."""
    return PLACEHOLDER.sub(lambda match: parts[match[1]], template or TEMPLATE)


def choose(sources: list[Source], characters: int) -> list[Source]:
    """The first sentences that have so many characters together; of the first one, as much as fits."""
    chosen, length = list[Source](), 0
    for source in sources:
        length += len(source.text)
        if chosen and length > characters:
            break
        chosen.append(Source(source.number, source.text[:characters]))
    return chosen
