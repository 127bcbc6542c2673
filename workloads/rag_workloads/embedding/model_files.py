"""Finds a model's files, in a folder or on the Hugging Face hub."""

import hashlib
import json
import mmap
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.normalizers import Lowercase, Sequence

from rag_workloads.embedding.description import FILES, Description
from rag_workloads.embedding.engine import Unsupported

# What runs the model, best first: a graph, or weights from which one is built.
GRAPHS = (
    "openvino_model.xml",
    "openvino/openvino_model.xml",
    "model.onnx",
    "onnx/model.onnx",
    "model.safetensors",
)
# What is asked for of a repository on the hub, each if it does not have the one before.
ON_THE_HUB = (["openvino/openvino_model.*"], ["onnx/model.onnx*"], ["model.safetensors"])
TOKENIZER = "tokenizer.json"
HASH_BYTES = 1 << 20
# How ONNX says that a tensor is in another file: an entry {key: "location", value} as protobuf encodes it, up
# to the length of the value, which is the file's name.
LOCATION = re.compile(rb"\x0a\x08location\x12([\x01-\x7f])")


@dataclass(frozen=True)
class ModelFiles:
    """A folder in the layout of a Hugging Face repository, and the graph chosen in it.

    `revision` is the commit of the repository, "" for a folder that was given.
    """

    folder: Path
    graph: Path
    revision: str = ""

    @classmethod
    def locate(cls, folder: Path | None, model: str, revision: str = "") -> "ModelFiles":
        """The files in `folder`, or, if None, those of `model` on the hub; Unsupported if none fit.

        Of the hub's commits it is `revision`, or the newest one if that is "".
        """
        if folder is not None:
            return cls._in(folder, model)
        # Imported where it is needed: a pod with its model on disk starts without it.
        from huggingface_hub import snapshot_download  # noqa: PLC0415

        for patterns in ON_THE_HUB:
            wanted = [TOKENIZER, *FILES, *patterns]
            found = Path(snapshot_download(model, revision=revision or None, allow_patterns=wanted))
            # The folder of a commit is called by it: what is asked for next must not be of another one.
            revision = found.name
            if any((found / graph).exists() for graph in GRAPHS):
                break
        return cls._in(found, model, revision)

    @classmethod
    def _in(cls, folder: Path, model: str, revision: str = "") -> "ModelFiles":
        if not (folder / TOKENIZER).exists():
            raise Unsupported(f"model {model!r} has no {TOKENIZER} in {folder}")
        for graph in GRAPHS:
            if (folder / graph).exists():
                return cls(folder, folder / graph, revision)
        raise Unsupported(f"model {model!r} has none of {', '.join(GRAPHS)} in {folder}")

    @cached_property
    def description(self) -> Description:
        """What the folder says of the model."""
        return Description.read(self.folder)

    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""
        tokenizer = Tokenizer.from_file(str(self.folder / TOKENIZER))
        if self.description.lower_case:
            steps = [Lowercase(), tokenizer.normalizer] if tokenizer.normalizer else [Lowercase()]
            tokenizer.normalizer = Sequence(steps)
        return tokenizer

    def fingerprint(self) -> str:
        """16 hexadecimal digits of the SHA-256 of the weights, and of the prompts if there are any.

        The weights are in the .bin of an IR, and in ONNX in the graph itself and the files that it names.
        """
        weights = self.graph.with_suffix(".bin")
        files = [weights] if weights.exists() else [self.graph, *external_data(self.graph)]
        digest = hashlib.sha256()
        for path in files:
            with path.open("rb") as file:
                while block := file.read(HASH_BYTES):
                    digest.update(block)
        if prompts := self.description.prompts.standing():
            digest.update(json.dumps(prompts).encode())
        return digest.hexdigest()[:16]


def external_data(graph: Path) -> list[Path]:
    """The files in which an ONNX graph keeps tensors, in the order of their names."""
    if graph.suffix != ".onnx":
        return []
    with graph.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        names = {data[at.end() : at.end() + ord(at[1])].decode() for at in LOCATION.finditer(data)}
    return [graph.parent / name for name in sorted(names)]
