"""Why a prompt is refused, and what is told of its length; pure."""

import json
import re

from rag_workloads.web.problems import Problem

# As vLLM and OpenAI's own servers word it, in their releases.
PROMPT = re.compile(
    r"(\d+) (?:in the messages|input tokens|in the prompt)|resulted in (\d+) tokens|prompt \(length (\d+)\)"
)
CONTEXT = re.compile(r"maximum (?:context length is|model length of) (\d+)")


def refused(said: str, prompt_tokens: int | None = None, context_length: int | None = None) -> Problem:
    """A refusal, for whoever asked to shorten the prompt by."""
    problem = Problem(422, "prompt-refused", "The model refused the prompt", said)
    told = {"prompt_tokens": prompt_tokens, "context_length": context_length}
    problem.extra |= {name: tokens for name, tokens in told.items() if tokens is not None}
    return problem


def too_long(prompt_tokens: int, max_tokens: int, context_length: int) -> Problem:
    """A prompt whose answer would be cut off, which not every server refuses by itself."""
    said = (
        f"The prompt has {prompt_tokens} tokens and its answer may have {max_tokens},"
        f" more than the context of the model, which has {context_length}."
    )
    return refused(said, prompt_tokens, context_length)


def refused_by_server(body: str) -> Problem:
    """The refusal of a server, in its own words."""
    prompt, context = _counted(body)
    return refused(body[:500], prompt, context)


def _counted(body: str) -> tuple[int | None, int | None]:
    """Tokens of the prompt and of the context, as far as an error tells them."""
    try:
        error = json.loads(body)["error"]
        return error["n_prompt_tokens"], error["n_ctx"]  # llama.cpp
    except (ValueError, KeyError, TypeError):
        return _number(PROMPT, body), _number(CONTEXT, body)


def _number(pattern: re.Pattern[str], text: str) -> int | None:
    found = pattern.search(text)
    return int(next(filter(None, found.groups()))) if found else None
