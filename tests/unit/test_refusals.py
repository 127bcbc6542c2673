"""What servers tell of a prompt that is too long."""

import pytest

from rag_workloads.llm.refusals import refused_by_server, too_long

LLAMA = (
    '{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it",'
    '"type":"exceed_context_size_error","n_prompt_tokens":3019,"n_ctx":2048}}'
)
VLLM = (
    "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4500 in the "
    "messages, 500 in the completion). Please reduce the length of the messages or completion."
)
VLLM_LATER = (
    "'max_tokens' or 'max_completion_tokens' is too large: 500. This model's maximum context length is 4096 "
    "tokens and your request has 4500 input tokens (500 > 4096 - 4500)."
)
VLLM_DECODER = "The decoder prompt (length 5000) is longer than the maximum model length of 4096."
OPENAI = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (LLAMA, {"prompt_tokens": 3019, "context_length": 2048}),
        (VLLM, {"prompt_tokens": 4500, "context_length": 4096}),
        (VLLM_LATER, {"prompt_tokens": 4500, "context_length": 4096}),
        (VLLM_DECODER, {"prompt_tokens": 5000, "context_length": 4096}),
        (OPENAI, {"prompt_tokens": 9000, "context_length": 8192}),
        ('{"error": "no"}', {}),
        ("[]", {}),
    ],
)
def test_what_a_server_counted_is_passed_on(body: str, told: dict[str, int]) -> None:
    problem = refused_by_server(body)
    assert (problem.status, problem.type, problem.extra) == (422, "prompt-refused", told)
    assert problem.detail == body[:500]


def test_an_answer_that_would_be_cut_off_is_refused_in_words() -> None:
    problem = too_long(900, 256, 1024)
    assert problem.detail == (
        "The prompt has 900 tokens and its answer may have 256,"
        " more than the context of the model, which has 1024."
    )
    assert problem.body()["prompt_tokens"] == 900
