"""A BERT sentence encoder as an OpenVINO graph, straight from its weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import openvino
import openvino.opset13 as op
from numpy.typing import DTypeLike, NDArray

Weights = Mapping[str, NDArray[np.float32]]
Value: TypeAlias = Any  # a node of the graph; OpenVINO ships no type stubs

EPSILON = 1e-12
MASKED = -10000.0


@dataclass(frozen=True)
class BertShape:
    """What the weights alone do not say, of how many layers to run, and of how many numbers a vector has."""

    layers: int
    heads: int
    hidden: int
    dimension: int


def build_encoder(weights: Weights, shape: BertShape, name: str) -> openvino.Model:
    """The encoder with mean pooling and L2 norm.

    Inputs: `input_ids` and `attention_mask`, int64 [batch, tokens].
    Output: `sentence_embedding`, float32 [batch, dimension].
    """
    ids = op.parameter([-1, -1], openvino.Type.i64, name="input_ids")
    mask = op.parameter([-1, -1], openvino.Type.i64, name="attention_mask")
    present = op.convert(mask, "f32")
    absent = op.subtract(_constant(1.0), op.unsqueeze(op.unsqueeze(present, _index(1)), _index(1)))
    hide = op.multiply(absent, _constant(MASKED))
    state = _embed(ids, weights)
    for layer in range(shape.layers):
        state = _layer(state, hide, weights, f"encoder.layer.{layer}", shape)
    mean = _mean(state, present)
    if shape.dimension < shape.hidden:
        mean = op.slice(mean, _axes(0), _axes(shape.dimension), _axes(1), _axes(1))
    pooled = op.normalize_l2(mean, _axes(1), EPSILON, "add")
    for node, label in ((ids, "input_ids"), (mask, "attention_mask"), (pooled, "sentence_embedding")):
        node.set_friendly_name(label)
        node.output(0).set_names({label})
    return openvino.Model([pooled], [ids, mask], name)


def _embed(ids: Value, weights: Weights) -> Value:
    """Word, position and (first) token type embeddings, summed and normalised: [batch, tokens, hidden]."""
    tokens = op.unsqueeze(op.gather(op.shape_of(ids), _index(1), _index(0)), _index(0))
    positions = op.slice(
        _constant(weights["embeddings.position_embeddings.weight"]), _axes(0), tokens, _axes(1), _axes(0)
    )
    words = op.gather(_constant(weights["embeddings.word_embeddings.weight"]), ids, _index(0))
    kind = _constant(weights["embeddings.token_type_embeddings.weight"][0][None, None])
    return _norm(
        op.add(op.add(words, op.unsqueeze(positions, _index(0))), kind), weights, "embeddings.LayerNorm"
    )


def _layer(x: Value, hide: Value, weights: Weights, at: str, shape: BertShape) -> Value:
    """One transformer layer: self-attention and feed-forward, each with its residual and norm."""

    def heads(name: str) -> Value:
        projected = _dense(x, weights, f"{at}.attention.self.{name}")
        split = op.reshape(projected, _axes(0, 0, shape.heads, shape.hidden // shape.heads), True)
        return op.transpose(split, _axes(0, 2, 1, 3))

    attended = op.scaled_dot_product_attention(heads("query"), heads("key"), heads("value"), hide)
    merged = op.reshape(op.transpose(attended, _axes(0, 2, 1, 3)), _axes(0, 0, shape.hidden), True)
    projected = _dense(merged, weights, f"{at}.attention.output.dense")
    x = _norm(op.add(projected, x), weights, f"{at}.attention.output.LayerNorm")
    widened = op.gelu(_dense(x, weights, f"{at}.intermediate.dense"), "erf")
    return _norm(op.add(_dense(widened, weights, f"{at}.output.dense"), x), weights, f"{at}.output.LayerNorm")


def _mean(state: Value, present: Value) -> Value:
    """Mean over the tokens that are there: [batch, hidden]."""
    weight = op.unsqueeze(present, _index(2))
    return op.divide(op.reduce_sum(op.multiply(state, weight), _axes(1)), op.reduce_sum(weight, _axes(1)))


def _dense(x: Value, weights: Weights, name: str) -> Value:
    product = op.matmul(x, _constant(weights[f"{name}.weight"]), False, True)
    return op.add(product, _constant(weights[f"{name}.bias"][None, None]))


def _norm(x: Value, weights: Weights, name: str) -> Value:
    centred = op.mvn(x, _axes(2), True, EPSILON, "INSIDE_SQRT")
    scaled = op.multiply(centred, _constant(weights[f"{name}.weight"][None, None]))
    return op.add(scaled, _constant(weights[f"{name}.bias"][None, None]))


def _constant(value: object, kind: DTypeLike = np.float32) -> Value:
    return op.constant(np.asarray(value, dtype=kind))


def _axes(*axes: int) -> Value:
    return _constant(axes, np.int64)


def _index(index: int) -> Value:
    return _constant(index, np.int64)
