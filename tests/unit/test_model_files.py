import hashlib
import json
from pathlib import Path

import pytest

from rag_workloads.embedding.model_files import ModelFiles, external_data

MEAN, CLS, MAX = "pooling_mode_mean_tokens", "pooling_mode_cls_token", "pooling_mode_max_tokens"


def files(folder: Path, pooling: object) -> ModelFiles:
    (folder / "openvino_model.xml").touch()
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return ModelFiles.locate(folder, "model")


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({}, "mean"),
        ({MEAN: True, CLS: False}, "mean"),
        ({MEAN: False, CLS: True}, "cls"),
        ({"word_embedding_dimension": 384, CLS: True, "include_prompt": True}, "cls"),
    ],
)
def test_pooling(tmp_path: Path, config: dict[str, object], pooling: str) -> None:
    assert files(tmp_path, config).pooling() == pooling


@pytest.mark.parametrize("config", [{MEAN: True, CLS: True}, {MAX: True}, {"include_prompt": True}])
def test_other_poolings_are_refused(tmp_path: Path, config: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="is not supported"):
        files(tmp_path, config).pooling()


def located(name: str) -> bytes:
    """A tensor's entry in an ONNX graph that says in which file its data are, as protobuf encodes it."""
    entry = b"\x0a\x08location\x12" + bytes([len(name)]) + name.encode()
    return b"weights" + bytes([0x6A, len(entry)]) + entry + b"\x6a\x0b\x0a\x06offset\x12\x010p\x01"


def onnx(folder: Path, *external: str) -> ModelFiles:
    """A graph that keeps a tensor in each of these files."""
    (folder / "model.onnx").write_bytes(b"\x08\x0dgraph" + b"".join(map(located, external)))
    for name in external:
        (folder / name).write_bytes(name.encode())
    return ModelFiles.locate(folder, "model")


def test_the_fingerprint_of_ir_is_its_weights_alone(tmp_path: Path) -> None:
    (tmp_path / "openvino_model.xml").write_bytes(b"graph")
    (tmp_path / "openvino_model.bin").write_bytes(b"weights")
    found = ModelFiles.locate(tmp_path, "model").fingerprint()
    assert found == hashlib.sha256(b"weights").hexdigest()[:16]


def test_the_fingerprint_of_onnx_in_one_file_is_that_file(tmp_path: Path) -> None:
    found = onnx(tmp_path).fingerprint()
    assert found == hashlib.sha256((tmp_path / "model.onnx").read_bytes()).hexdigest()[:16]


@pytest.mark.parametrize(
    "names", [("model.onnx_data",), ("b", "a"), ("model.onnx.data", "model.onnx.data_1")]
)
def test_the_fingerprint_of_onnx_reads_its_external_data(tmp_path: Path, names: tuple[str, ...]) -> None:
    files = onnx(tmp_path, *names)
    (tmp_path / "unrelated").touch()
    assert external_data(files.graph) == [tmp_path / name for name in sorted(names)]
    before = files.fingerprint()
    (tmp_path / names[-1]).write_bytes(b"other weights")
    assert files.fingerprint() != before
