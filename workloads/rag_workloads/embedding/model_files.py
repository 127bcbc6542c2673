"""Finds a model's files, in a folder or on the Hugging Face hub, and what they say about it."""

import hashlib
import json
import mmap
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRAPHS = ("openvino_model.xml", "openvino/openvino_model.xml", "model.onnx", "onnx/model.onnx")
DESCRIPTIONS = ("tokenizer.json", "config.json", "sentence_bert_config.json", "1_Pooling/config.json")
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
        """The files in `folder`, or, if None, those of `model` on the hub; FileNotFoundError if none fit.

        Of the hub's commits it is `revision`, or the newest one if that is "".
        """
        if folder is not None:
            return cls._in(folder, model)
        # Imported where it is needed: a pod with its model on disk starts without it.
        from huggingface_hub import snapshot_download  # noqa: PLC0415

        for patterns in (["openvino/openvino_model.*"], ["onnx/model.onnx*"]):
            wanted = [*DESCRIPTIONS, *patterns]
            found = Path(snapshot_download(model, revision=revision or None, allow_patterns=wanted))
            # The folder of a commit is called by it: what is asked for next must not be of another one.
            revision = found.name
            if any((found / graph).exists() for graph in GRAPHS):
                break
        return cls._in(found, model, revision)

    @classmethod
    def _in(cls, folder: Path, model: str, revision: str = "") -> "ModelFiles":
        for graph in GRAPHS:
            if (folder / graph).exists():
                return cls(folder, folder / graph, revision)
        raise FileNotFoundError(f"model {model!r} has none of {', '.join(GRAPHS)} in {folder}")

    def description(self, name: str) -> dict[str, Any]:
        """A JSON file of the model, or {} if it has none of this name."""
        path = self.folder / name
        found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return found

    def max_tokens(self) -> int:
        """The longest input that the model was made for, special tokens included."""
        config = self.description("config.json")
        stated = config.get("max_seq_length") or self.description("sentence_bert_config.json").get(
            "max_seq_length"
        )
        return int(stated or config.get("max_position_embeddings") or 512)

    def pooling(self) -> str:
        """How token vectors become one: "mean" or "cls". ValueError for what we do not have."""
        modes = self.description("1_Pooling/config.json")
        prefix = "pooling_mode_"  # other keys are no modes
        chosen = [n.removeprefix(prefix) for n, on in modes.items() if on is True and n.startswith(prefix)]
        known = {"mean_tokens": "mean", "cls_token": "cls"}
        if modes and (len(chosen) != 1 or chosen[0] not in known):
            raise ValueError(f"pooling {chosen} is not supported, only {list(known)}")
        return known[chosen[0]] if chosen else "mean"

    def fingerprint(self) -> str:
        """16 hexadecimal digits of the SHA-256 of the weights.

        They are in the .bin of an IR, and in ONNX in the graph itself and the files that it names.
        """
        weights = self.graph.with_suffix(".bin")
        files = [weights] if weights.exists() else [self.graph, *external_data(self.graph)]
        digest = hashlib.sha256()
        for path in files:
            with path.open("rb") as file:
                while block := file.read(HASH_BYTES):
                    digest.update(block)
        return digest.hexdigest()[:16]


def external_data(graph: Path) -> list[Path]:
    """The files in which an ONNX graph keeps tensors, in the order of their names."""
    with graph.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        names = {data[at.end() : at.end() + ord(at[1])].decode() for at in LOCATION.finditer(data)}
    return [graph.parent / name for name in sorted(names)]
