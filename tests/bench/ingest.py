"""End-to-end ingest rate against the raw rate of the same engine on the same cores, alternating in one run.

Raw: one process that tokenizes the texts of all chunks and runs the model on them, sorted by length, with
nothing else to do. End to end: the same documents through the pipeline's own processes, from the first upload
until every document is completed.
"""

import asyncio
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from demo import corpus
from demo.errors import DemoError
from demo.local import running
from demo.steps import Steps

from rag_cli.board import Board
from rag_cli.client import Client
from rag_cli.uploading import Uploading
from rag_standins.models.minilm import MODEL_ID, write_minilm
from rag_workloads.embedding.calls import Tokens
from rag_workloads.embedding.cpus import usable_cpus
from rag_workloads.embedding.model import Model
from rag_workloads.embedding.model_files import ModelFiles
from rag_workloads.embedding.tokenizing import Tokenizing
from tests.expected import expected_chunks

PARTS = 8
ROUNDS = 3
BATCH_TOKENS = 1024


@dataclass(frozen=True)
class Rates:
    """Chunks per second of each round, in order."""

    raw: list[float]
    end_to_end: list[float]
    chunks: int

    def figures(self) -> dict[str, object]:
        """Returns medians, spreads (largest - smallest, over the median) and the efficiency."""
        raw, whole = statistics.median(self.raw), statistics.median(self.end_to_end)
        return {
            "ingest_efficiency": round(whole / raw, 3),
            "raw_chunks_per_second": round(raw, 1),
            "raw_spread": _spread(self.raw),
            "end_to_end_chunks_per_second": round(whole, 1),
            "end_to_end_spread": _spread(self.end_to_end),
            "rounds": {"raw": self.raw, "end_to_end": self.end_to_end},
            "chunks": self.chunks,
        }


async def measure(steps: Steps, rounds: int = ROUNDS) -> Rates:
    """Measures both ways in turn, after one unmeasured round of each."""
    files = await corpus.parts(await corpus.policy_manual(), PARTS)
    with steps.step("Cut the documents into chunks") as step:
        texts = [chunk.text for path in files for chunk in await asyncio.to_thread(expected_chunks, path)]
        step.log(f"{len(files)} documents, {len(texts)} chunks")
    raw, whole = list[float](), list[float]()
    model, tokenizing = await asyncio.to_thread(load_model)
    async with running(steps) as url, Client(url) as client:
        for number in range(rounds + 1):
            with steps.step(f"Raw engine, round {number}") as step:
                rate = len(texts) / await asyncio.to_thread(embed_raw, model, tokenizing, texts)
                raw.append(round(rate, 1))
                step.log(f"{rate:.1f} chunks/s")
            with steps.step(f"End to end, round {number}") as step:
                rate = len(texts) / await ingest(client, files)
                whole.append(round(rate, 1))
                step.log(f"{rate:.1f} chunks/s")
    return Rates(raw[1:], whole[1:], len(texts))


def load_model() -> tuple[Model, Tokenizing]:
    """Returns the embedding model and its tokenizer as an embedding pod loads them."""
    with tempfile.TemporaryDirectory() as folder:
        write_minilm(Path(folder))
        files = ModelFiles.locate(Path(folder), MODEL_ID)
        return Model(files, "auto", usable_cpus()), Tokenizing(
            files.tokenizer(), files.description.max_tokens
        )


def embed_raw(model: Model, tokenizing: Tokenizing, texts: list[str]) -> float:
    """Embeds all texts and returns the seconds that it took, tokenizing included."""
    started = time.perf_counter()
    tokens = sorted(tokenizing.read(texts, prompt="", truncate=True, direction="right"), key=len)
    batches: list[list[Tokens]] = [[]]
    for text in tokens:
        if batches[-1] and (len(batches[-1]) + 1) * len(text) > BATCH_TOKENS:
            batches.append([])
        batches[-1].append(text)
    with ThreadPoolExecutor(model.parallel) as pool:
        for _ in pool.map(model.infer, batches):
            pass
    return time.perf_counter() - started


async def ingest(client: Client, files: list[Path]) -> float:
    """Uploads files as the command line does, returns the seconds until all are completed, deletes them."""
    started = time.perf_counter()
    outcomes = await Uploading(client, Board(len(files))).send_and_follow(files)
    seconds = time.perf_counter() - started
    for each in outcomes:
        if each.bad or not each.document_id:
            raise DemoError(f"{each.path.name} {each.status}: {each.error}")
        await client.delete(each.document_id)
    return seconds


def _spread(rates: list[float]) -> float:
    return round((max(rates) - min(rates)) / statistics.median(rates), 3)
