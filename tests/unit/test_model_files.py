import hashlib
import json
from pathlib import Path

import pytest

from rag_workloads.embedding.engine import Unsupported
from rag_workloads.embedding.model_files import ModelFiles, external_data

IR = {"openvino_model.xml": b"graph", "openvino_model.bin": b"weights"}


def located(name: str) -> bytes:
    """A tensor's entry in an ONNX graph that says in which file its data are, as protobuf encodes it."""
    entry = b"\x0a\x08location\x12" + bytes([len(name)]) + name.encode()
    return b"weights" + bytes([0x6A, len(entry)]) + entry + b"\x6a\x0b\x0a\x06offset\x12\x010p\x01"


def model(folder: Path, files: dict[str, bytes]) -> ModelFiles:
    """A model with these files, and a tokenizer."""
    for name, content in {"tokenizer.json": b"", **files}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return ModelFiles.locate(folder, "model")


def onnx(folder: Path, *external: str) -> ModelFiles:
    """A graph that keeps a tensor in each of these files."""
    graph = b"\x08\x0dgraph" + b"".join(map(located, external))
    return model(folder, {"model.onnx": graph, **{name: name.encode() for name in external}})


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        ([], "has no tokenizer.json"),
        (["tokenizer.json"], "has none of openvino_model.xml, .*model.safetensors in"),
    ],
)
def test_a_folder_without_a_model_is_refused(tmp_path: Path, there: list[str], missing: str) -> None:
    for name in there:
        (tmp_path / name).touch()
    with pytest.raises(Unsupported, match=missing):
        ModelFiles.locate(tmp_path, "model")


def test_a_graph_is_taken_before_weights(tmp_path: Path) -> None:
    for name in ("model.safetensors", "onnx/model.onnx", "openvino/openvino_model.xml"):
        assert model(tmp_path, {name: b""}).graph == tmp_path / name


def test_the_fingerprint_of_ir_is_its_weights_alone(tmp_path: Path) -> None:
    found = model(tmp_path, IR).fingerprint()
    assert found == hashlib.sha256(b"weights").hexdigest()[:16]


def test_the_fingerprint_tells_of_the_prompts(tmp_path: Path) -> None:
    told = set()
    for number, prompts in enumerate([{}, {"query": "q: "}, {"query": "query: "}, {"passage": "q: "}]):
        said = {"config_sentence_transformers.json": json.dumps({"prompts": prompts}).encode()}
        (folder := tmp_path / str(number)).mkdir()
        told.add(model(folder, IR | said).fingerprint())
    assert len(told) == 4
    assert hashlib.sha256(b"weights").hexdigest()[:16] in told


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
