"""A pipeline with the documents of one set, and its answers to the set's questions."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from demo.errors import DemoError
from demo.local import running
from demo.paths import QUICKSTART
from demo.steps import Steps

from rag_cli.board import Board
from rag_cli.client import Client
from rag_cli.uploading import Uploading
from tests.bench.retrieval.question_sets import Question, QuestionSet
from tests.bench.retrieval.scores import Cited, Found, Passage
from tests.patience import PATIENCE_SECONDS

PASSAGES = 10
# What a request says for each way of finding; the first is the pipeline's own.
MODES: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "dense": {"mode": "dense", "rerank": False},
    "sparse": {"mode": "sparse", "rerank": False},
    "hybrid": {"mode": "hybrid", "rerank": False},
    "hybrid_reranked": {"mode": "hybrid", "rerank": True},
}
# The examples that name each model.
MODELS = {"minilm": QUICKSTART}


@dataclass(frozen=True)
class Asked:
    """The answers to a question, with the seconds of each step."""

    found: Found
    seconds: Mapping[str, float]


class Library:
    """A pipeline that holds a set's documents."""

    def __init__(self, http: httpx.AsyncClient, names: Mapping[str, str], texts: Mapping[str, str]) -> None:
        self._http, self._names, self._texts = http, names, texts

    async def ask(self, question: Question, mode: str) -> Asked:
        """Returns what a mode finds for a question, and how long it takes."""
        body = {"query": question.text, "top_k": PASSAGES, **MODES[mode]}
        response = await self._http.post("/api/v1/query", json=body)
        answer = response.raise_for_status().json()
        cited = [
            Cited(self._names[each["document_id"]], each["page"], each["quote"])
            for each in answer["citations"]
        ]
        texts = [self._texts[each["chunk_id"]] for each in answer["citations"]]
        passages = [Passage(each.document, each.page, text) for each, text in zip(cited, texts, strict=True)]
        return Asked(Found(question, passages, cited), answer["timings"])


@asynccontextmanager
async def library(steps: Steps, asked: QuestionSet, model: str) -> AsyncIterator[Library]:
    """Runs a pipeline of a model, without a language model, that holds the documents of a set."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pipeline.yaml")
        file.write_text(yaml.safe_dump(_resource(MODELS[model])))
        async with running(steps, file) as url, Client(url) as client:
            with steps.step(f"Read and embed {len(asked.files)} documents of {asked.name}"):
                outcomes = await Uploading(client, Board(len(asked.files))).send_and_follow(asked.files)
            if bad := [each for each in outcomes if each.bad]:
                raise DemoError(f"{bad[0].path.name} {bad[0].status}: {bad[0].error}")
            names = {each.document_id or "": each.path.stem for each in outcomes}
            texts = {chunk.chunk_id: chunk.text for name in names for chunk in await client.chunks(name)}
            async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as http:
                yield Library(http, names, texts)


def _resource(example: Path) -> dict[str, Any]:
    """Returns an example's pipeline with its own embedding, no language model and the defaults of finding."""
    resource: dict[str, Any] = yaml.safe_load(example.read_text())
    for name in ("llm", "retrieval"):
        resource["spec"].pop(name, None)
    return resource
