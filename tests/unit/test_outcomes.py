"""What became of a request, as services count it."""

import asyncio
import contextlib

import pytest

from rag_workloads.web.disconnects import ClientLeft
from rag_workloads.web.metrics import LLM_REQUESTS
from rag_workloads.web.outcomes import counted
from rag_workloads.web.problems import Problem


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, "success"),
        (Problem(502, "llm-failed", "Failed", "why"), "error"),
        (Problem(422, "prompt-refused", "Refused", "why"), "refused"),
        (RuntimeError("a bug"), "error"),
        (ClientLeft(), "cancelled"),
        (asyncio.CancelledError(), "cancelled"),
        (GeneratorExit(), "cancelled"),
    ],
)
def test_what_became_of_a_request(error: BaseException | None, status: str) -> None:
    metric = LLM_REQUESTS.labels(status)
    before = metric._value.get()
    with contextlib.suppress(BaseException), counted(LLM_REQUESTS):
        if error:
            raise error
    assert metric._value.get() == before + 1
