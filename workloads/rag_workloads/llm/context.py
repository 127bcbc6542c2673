"""The context of the model: how long it is, and how much of it a prompt takes."""

import time
from typing import Any

import httpx

from rag_workloads.llm.refusals import too_long

SECONDS = 5
# How long the length is taken for known: a server may come back with another.
KNOWN_SECONDS = 60
# What the server puts around a prompt: the turns of its chat template, a system message.
CHAT_TOKENS = 64
MISSING = {404, 405, 501}


class Context:
    """Asks the server about its model. Errors are httpx's, or those of an answer that makes no sense."""

    def __init__(self, client: httpx.AsyncClient, model: str) -> None:
        self._client, self._model = client, model
        self._length: int | None = None
        self._known_until = 0.0
        # The ways to count that the server has, as far as is known: the first is asked.
        self._ways = [self._by_input_tokens, self._by_tokenizer]

    async def length(self) -> int | None:
        """Tokens that a prompt and its answer may have together; None if the server does not say."""
        if time.monotonic() > self._known_until:
            response = await self._client.get("/models", timeout=SECONDS)
            if response.status_code in MISSING:
                self._length = None
            else:
                response.raise_for_status()
                self._length = _length(response.json()["data"], self._model)
            self._known_until = time.monotonic() + KNOWN_SECONDS
        return self._length

    async def check(self, request: dict[str, Any]) -> None:
        """Raise the refusal of a request that leaves its answer too little room.

        llama.cpp would begin such an answer, and break it off. No token is shorter than a byte: what fits
        by that need not be counted.
        """
        context, most = await self.length(), request["max_tokens"]
        if context is None or _bytes(request) + CHAT_TOKENS + most <= context:
            return
        tokens = await self._count(request)
        if tokens is not None and tokens + most > context:
            raise too_long(tokens, most, context)

    async def _count(self, request: dict[str, Any]) -> int | None:
        """Tokens of the prompt with all that is put around it; None if the server has no way to count."""
        while self._ways:
            try:
                return await self._ways[0](request)
            except httpx.HTTPStatusError as error:
                if error.response.status_code not in MISSING:
                    return None  # it will say itself what is wrong
                self._ways = self._ways[1:]
        return None

    async def _by_input_tokens(self, request: dict[str, Any]) -> int:
        """By llama.cpp's count of a whole request."""
        answer = await self._post("/chat/completions/input_tokens", request)
        return int(answer["input_tokens"])

    async def _by_tokenizer(self, request: dict[str, Any]) -> int:
        """By vLLM, which counts messages, or by an earlier llama.cpp, which counts a text."""
        messages = request["messages"]
        text = {"content": messages[0]["content"], "add_special": True, "parse_special": True}
        answer = await self._post(
            str(self._client.base_url.join("../tokenize")),
            {"model": self._model, "messages": messages, **text},
        )
        return int(answer["count"]) if "count" in answer else len(answer["tokens"]) + CHAT_TOKENS

    async def _post(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        response = await self._client.post(url, json=body, timeout=SECONDS)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer


def _bytes(request: dict[str, Any]) -> int:
    return sum(len(message["content"].encode(errors="replace")) for message in request["messages"])


def _length(models: list[dict[str, Any]], name: str) -> int | None:
    """As vLLM and llama.cpp tell it of a model; llama.cpp has one only, whatever it is called."""
    model = next((each for each in models if each.get("id") == name), models[0] if len(models) == 1 else {})
    found = model.get("max_model_len") or (model.get("meta") or {}).get("n_ctx")
    return found if isinstance(found, int) else None
