"""Encoders from weights: what cannot be built is refused in words, and every kind of number is read."""

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from tests.data import DATA

from rag_workloads.embedding.engine import Unsupported
from rag_workloads.embedding.graph import read_encoder
from rag_workloads.embedding.model_files import ModelFiles
from rag_workloads.embedding.weights import read_safetensors


def changed(folder: Path, name: str, **fields: Any) -> ModelFiles:
    """A model of BERT's family, one of whose files says something else."""
    shutil.copytree(DATA / "models" / "bert-mean", folder, dirs_exist_ok=True)
    described = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(described | fields))
    return ModelFiles.locate(folder, "model")


@pytest.mark.parametrize(
    ("name", "fields", "reason"),
    [
        ("config.json", {"model_type": "t5"}, r"of the family 't5', and weights alone .* put an ONNX"),
        ("config.json", {"hidden_act": "relu"}, r"hidden_act 'relu', and is built .* only with 'gelu'"),
        ("config.json", {"num_hidden_layers": 3}, r"model.safetensors has no weight 'encoder.layer.2"),
        (
            "1_Pooling/config.json",
            {"pooling_mode": "max"},
            r"pooling max is not supported, only mean and cls",
        ),
    ],
)
def test_what_cannot_be_built_is_refused(
    tmp_path: Path, name: str, fields: dict[str, Any], reason: str
) -> None:
    files = changed(tmp_path, name, **fields)
    with pytest.raises(Unsupported, match=reason):
        read_encoder(openvino.Core(), files)


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("F32", np.array([1.5, -2], "<f4")),
        ("F16", np.array([1.5, -2], "<f2")),
        ("BF16", np.array([0x3FC0, 0xC000], "<u2")),
    ],
)
def test_numbers_of_every_kind_are_read(tmp_path: Path, kind: str, numbers: np.ndarray[Any, Any]) -> None:
    path, data = tmp_path / "model.safetensors", numbers.tobytes()
    tensor = {"dtype": kind, "shape": [1, 2], "data_offsets": [0, len(data)]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "bert.pooler": tensor}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)
    weights = read_safetensors(path)
    assert {name: (found.dtype, found.tolist()) for name, found in weights.items()} == {
        "pooler": (np.dtype(np.float32), [[1.5, -2.0]])
    }
