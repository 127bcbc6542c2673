"""Builds an encoder from a model's safetensors, for the families that `bert` knows."""

import json
from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray

from rag_workloads.embedding.bert import BertShape, build_encoder
from rag_workloads.embedding.description import PADDED_POSITIONS, Description
from rag_workloads.embedding.engine import Unsupported

FAMILIES = {"bert", *PADDED_POSITIONS}
# What the names of weights begin with, if the encoder was saved as a part of another model.
PREFIXES = ("bert.", "roberta.")
# What else a configuration may say that changes the graph, and the only thing that `bert` builds.
REQUIRED = {"hidden_act": "gelu", "position_embedding_type": "absolute", "is_decoder": False}
KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def build_from_weights(path: Path, description: Description) -> openvino.Model:
    """The encoder whose weights are at `path`; Unsupported if it is of another family."""
    config = description.config
    if (family := config.get("model_type")) not in FAMILIES:
        raise Unsupported(
            f"the model is of the family {family!r}, and weights alone are enough only for "
            f"{', '.join(sorted(FAMILIES))}: put an ONNX or OpenVINO graph beside {path}"
        )
    for name, value in REQUIRED.items():
        if (found := config.get(name, value)) != value:
            raise Unsupported(
                f"the model has {name} {found!r}, and is built from its weights only with {value!r}"
            )
    layers, heads = config["num_hidden_layers"], config["num_attention_heads"]
    shape = BertShape(layers, heads, config["layer_norm_eps"], description.padding)
    try:
        return build_encoder(read_safetensors(path), shape, "encoder")
    except KeyError as error:
        raise Unsupported(f"{path} has no weight {error}") from error


def read_safetensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """All weights of a file by their bare names; those in float32 stay on disk until they are used.

    The format's own library reads bfloat16, which numpy does not have, only with torch.
    """
    data = np.memmap(path, np.uint8, "r")
    begin = 8 + int(data[:8].view("<u8")[0])
    tensors = json.loads(data[8:begin].tobytes())
    tensors.pop("__metadata__", None)
    weights = {}
    for name, tensor in tensors.items():
        if tensor["dtype"] in KINDS:  # what is no number is no weight
            start, end = (begin + offset for offset in tensor["data_offsets"])
            numbers = data[start:end].view(KINDS[tensor["dtype"]])
            if tensor["dtype"] == "BF16":  # the upper half of a float32
                numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
            weights[_bare(name)] = numbers.astype(np.float32, copy=False).reshape(tensor["shape"])
    return weights


def _bare(name: str) -> str:
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name
