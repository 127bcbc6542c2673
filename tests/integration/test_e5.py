"""multilingual-e5-small as the model image holds it: prompts, Chinese, and sentences of a chunk."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.data import DATA

from rag_contract.environment.embedding import EmbeddingSettings
from rag_standins.models.e5 import MODEL_ID, write_e5_small
from rag_workloads.embedding.engine import Lane, Unsupported
from rag_workloads.embedding.local_engine import LocalEngine
from rag_workloads.text.sentences import split_sentences

MODELS = DATA / "models"
TEXTS: list[str] = json.loads((MODELS / "texts.json").read_text("utf-8"))
CHUNK = "图书馆周一闭馆，周二至周日九点开门。镇长姓欧阳，住在河边。The ferry to the island leaves at noon."


@pytest.fixture(scope="module")
def e5_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("e5")
    write_e5_small(folder)
    return folder


@pytest.fixture
async def engine(e5_folder: Path) -> AsyncIterator[LocalEngine]:
    settings = EmbeddingSettings(
        pipeline="p",
        redis_url="redis://none",
        qdrant_url="http://none",
        qdrant_collection="c",
        embedding_model=MODEL_ID,
        model_path=e5_folder,
        precision="f32",
    )
    engine = await LocalEngine.start(settings)
    yield engine
    await engine.close()


def cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.sum(one * other, axis=1)
    return found


async def test_vectors_and_prompts_are_those_of_sentence_transformers(engine: LocalEngine) -> None:
    expected = np.load(MODELS / "e5small.npz")
    question, document = await engine.embed(TEXTS, Lane.QUERY), await engine.embed(TEXTS, Lane.BULK)
    assert cosines(question, expected["query"]).min() > 0.9999
    assert cosines(document, expected["passage"]).min() > 0.9999
    named = await engine.embed(TEXTS[:3], Lane.QUERY, prompt_name="passage")
    assert cosines(named, expected["passage"][:3]).min() > 0.9999
    with pytest.raises(Unsupported, match=r"prompt_name 'title' not found: only query, passage"):
        await engine.embed(TEXTS[:1], Lane.QUERY, prompt_name="title")


async def test_a_question_finds_the_sentence_whatever_its_language(engine: LocalEngine) -> None:
    sentences = [(sentence.start, sentence.end) for sentence in split_sentences(CHUNK)]
    found = await engine.embed_spans([CHUNK, "无关的文字。"], [sentences, []])
    assert found.spans is not None
    assert [len(vectors) for vectors in found.spans] == [3, 0]
    questions = ["图书馆哪天闭馆？", "镇长姓什么？", "When does the ferry leave?", "Who is the mayor?"]
    nearest = (await engine.embed(questions, Lane.QUERY)) @ found.spans[0].T
    assert nearest.argmax(axis=1).tolist() == [0, 1, 2, 1]


async def test_spans_are_those_of_the_text_without_the_prompt(engine: LocalEngine) -> None:
    whole, halves = (0, len(CHUNK)), [(0, 20), (20, len(CHUNK))]
    found = await engine.embed_spans([CHUNK, CHUNK], [[whole, *halves, (5, 5)], []])
    assert found.spans is not None
    own, first, second, empty = found.spans[0]
    assert own @ found.vectors[0] > 0.99
    assert first @ second < own @ first
    assert empty == pytest.approx(found.vectors[0], abs=1e-5)
    assert found.vectors[0] == pytest.approx(found.vectors[1], abs=1e-5)
