"""Writes a model's folder as sentence-transformers lays it out, with the encoder as OpenVINO IR."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import openvino
import openvino.opset13 as op

POOLED = "sentence_embedding"
EPSILON = 1e-12


def write_folder(
    out: Path,
    model_id: str,
    encoder: openvino.Model,
    max_tokens: int,
    prompts: Mapping[str, str] | None = None,
) -> None:
    """Write all but the tokenizer: openvino_model.xml and .bin (weights in fp16), and what is said of it."""
    openvino.save_model(with_pooled(encoder), out / "openvino_model.xml", compress_to_fp16=True)
    hidden = encoder.output(0).partial_shape[2].get_length()
    files = {
        "config.json": {"model_id": model_id, "hidden_size": hidden, "max_seq_length": max_tokens},
        "config_sentence_transformers.json": {"prompts": prompts or {}, "default_prompt_name": None},
    }
    for name, content in files.items():
        (out / name).write_text(json.dumps(content, indent=2) + "\n")


def with_pooled(encoder: openvino.Model) -> openvino.Model:
    """The encoder with one more output before its own, for readers that do not pool by themselves.

    It is the mean of the tokens' states, of unit length.
    """
    states = encoder.outputs[0].get_node().input_value(0)
    ids, mask = encoder.get_parameters()
    weight = op.unsqueeze(op.convert(mask, "f32"), integers(2))
    total = op.reduce_sum(op.multiply(states, weight), integers([1]))
    mean = op.divide(total, op.reduce_sum(weight, integers([1])))
    pooled = op.normalize_l2(mean, integers([1]), EPSILON, "add")
    pooled.set_friendly_name(POOLED)
    pooled.output(0).set_names({POOLED})
    return openvino.Model([pooled.output(0), states], [ids, mask], encoder.get_friendly_name())


def integers(value: object) -> openvino.Node:
    """A constant of the graph."""
    return op.constant(np.asarray(value, dtype=np.int64))
