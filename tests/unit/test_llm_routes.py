"""What the language model service counts."""

import asyncio
import contextlib

import pytest

from rag_workloads.llm.routes import counted
from rag_workloads.web.disconnects import ClientLeft
from rag_workloads.web.metrics import LLM_REQUESTS
from rag_workloads.web.problems import Problem


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, "success"),
        (Problem(502, "llm-failed", "Failed", "why"), "error"),
        (RuntimeError("a bug"), "error"),
        (ClientLeft(), "cancelled"),
        (asyncio.CancelledError(), "cancelled"),
        (GeneratorExit(), "cancelled"),
    ],
)
def test_what_became_of_a_request(error: BaseException | None, status: str) -> None:
    metric = LLM_REQUESTS.labels(status)
    before = metric._value.get()
    with contextlib.suppress(BaseException), counted():
        if error:
            raise error
    assert metric._value.get() == before + 1
