"""Finds a model's files, in a folder or on the Hugging Face hub, and what they say about it."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRAPHS = ("openvino_model.xml", "openvino/openvino_model.xml", "model.onnx", "onnx/model.onnx")
DESCRIPTIONS = ("tokenizer.json", "config.json", "sentence_bert_config.json", "1_Pooling/config.json")
HASH_BYTES = 1 << 20


@dataclass(frozen=True)
class ModelFiles:
    """A folder in the layout of a Hugging Face repository, and the graph chosen in it."""

    folder: Path
    graph: Path

    @classmethod
    def locate(cls, folder: Path | None, model: str) -> "ModelFiles":
        """The files in `folder`, or, if None, those of `model` on the hub; FileNotFoundError if none fit."""
        if folder is not None:
            return cls._in(folder, model)
        # Imported where it is needed: a pod with its model on disk starts without it.
        from huggingface_hub import snapshot_download  # noqa: PLC0415

        for patterns in (["openvino/openvino_model.*"], ["onnx/model.onnx*"]):
            found = Path(snapshot_download(model, allow_patterns=[*DESCRIPTIONS, *patterns]))
            if any((found / graph).exists() for graph in GRAPHS):
                break
        return cls._in(found, model)

    @classmethod
    def _in(cls, folder: Path, model: str) -> "ModelFiles":
        for graph in GRAPHS:
            if (folder / graph).exists():
                return cls(folder, folder / graph)
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
        """16 hexadecimal digits of the SHA-256 of the weights."""
        weights = self.graph.with_suffix(".bin")
        digest = hashlib.sha256()
        with (weights if weights.exists() else self.graph).open("rb") as file:
            while block := file.read(HASH_BYTES):
                digest.update(block)
        return digest.hexdigest()[:16]
