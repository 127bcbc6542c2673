"""A pipeline with the documents of one set, and what it answers."""

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
MINILM, E5 = "all-MiniLM-L6-v2", "multilingual-e5-small"
MODELS = {MINILM: QUICKSTART, E5: QUICKSTART.with_name("chinese.yaml")}


@dataclass(frozen=True)
class Asked:
    """What came back for a question, with the seconds of each stage."""

    found: Found
    seconds: Mapping[str, float]


class Library:
    """A pipeline that holds documents, `chunks` in all; `names` are theirs by their ids."""

    def __init__(self, http: httpx.AsyncClient, names: Mapping[str, str], chunks: int) -> None:
        self._http, self._names, self.chunks = http, names, chunks

    async def ask(self, question: Question, mode: str) -> Asked:
        """Returns the passages that a mode finds for a question, and what is cited of them."""
        retrieved = await self.retrieve(question.text, mode)
        answered = await self._post("/api/v1/query", question.text, mode)
        passages = [
            Passage(self._names[each["document_id"]], each["page"], each["text"])
            for each in retrieved["passages"]
        ]
        cited = [
            Cited(self._names[each["document_id"]], each["page"], each["quote"])
            for each in answered["citations"]
        ]
        citing = {"citations": answered["timings"].get("citations", 0)}
        return Asked(Found(question, passages, cited), retrieved["timings"] | citing)

    async def retrieve(self, text: str, mode: str) -> dict[str, Any]:
        """Returns the passages that a mode finds, as the API says them."""
        return await self._post("/api/v1/retrieve", text, mode)

    async def _post(self, path: str, text: str, mode: str) -> dict[str, Any]:
        response = await self._http.post(path, json={"query": text, "top_k": PASSAGES, **MODES[mode]})
        answer: dict[str, Any] = response.raise_for_status().json()
        return answer


@asynccontextmanager
async def library(steps: Steps, asked: QuestionSet, model: str) -> AsyncIterator[Library]:
    """Runs a pipeline of a model, without a language model, that holds the documents of a set."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pipeline.yaml")
        file.write_text(yaml.safe_dump(_resource(MODELS[model])))
        async with running(steps, file) as url, Client(url) as client:
            with steps.step(f"Read and embed {len(asked.files)} documents of {asked.name} by {model}"):
                names, chunks = await fill(client, asked.files)
            async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as http:
                yield Library(http, names, chunks)


async def fill(client: Client, files: list[Path]) -> tuple[dict[str, str], int]:
    """Uploads files; returns their names without suffix by the documents' ids, and the number of chunks."""
    outcomes = await Uploading(client, Board(len(files))).send_and_follow(files)
    if bad := [each for each in outcomes if each.bad]:
        raise DemoError(f"{bad[0].path.name} {bad[0].status}: {bad[0].error}")
    names = {each.document_id or "": each.path.stem for each in outcomes}
    return names, sum(each.result.chunks for each in outcomes if each.result)


def _resource(example: Path) -> dict[str, Any]:
    """Returns an example's pipeline with no language model, and with the defaults of finding."""
    resource: dict[str, Any] = yaml.safe_load(example.read_text())
    for name in ("llm", "retrieval"):
        resource["spec"].pop(name, None)
    return resource
