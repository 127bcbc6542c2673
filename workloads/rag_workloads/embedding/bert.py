"""An encoder of the BERT or the XLM-R family as an OpenVINO graph, straight from its weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import openvino
import openvino.opset13 as op
from numpy.typing import DTypeLike, NDArray

Weights = Mapping[str, NDArray[np.float32]]
Value: TypeAlias = Any  # a node of the graph; OpenVINO ships no type stubs

STATES = "last_hidden_state"
MASKED = -10000.0


@dataclass(frozen=True)
class BertShape:
    """What the weights alone do not say.

    XLM-R has a `padding` token: positions begin behind its id, at which it stands itself.
    """

    layers: int
    heads: int
    epsilon: float = 1e-12
    padding: int | None = None


def build_encoder(weights: Weights, shape: BertShape, name: str) -> openvino.Model:
    """The encoder up to the last state of each token.

    Inputs: `input_ids` and `attention_mask`, int64 [batch, tokens].
    Output: `last_hidden_state`, float32 [batch, tokens, hidden].
    """
    ids = op.parameter([-1, -1], openvino.Type.i64, name="input_ids")
    mask = op.parameter([-1, -1], openvino.Type.i64, name="attention_mask")
    present = op.convert(mask, "f32")
    absent = op.subtract(_constant(1.0), op.unsqueeze(op.unsqueeze(present, _index(1)), _index(1)))
    hide = op.multiply(absent, _constant(MASKED))
    state = _embed(ids, weights, shape)
    for layer in range(shape.layers):
        state = _layer(state, hide, weights, f"encoder.layer.{layer}", shape)
    for node, label in ((ids, "input_ids"), (mask, "attention_mask"), (state, STATES)):
        node.set_friendly_name(label)
        node.output(0).set_names({label})
    return openvino.Model([state], [ids, mask], name)


def _embed(ids: Value, weights: Weights, shape: BertShape) -> Value:
    """Word, position and (first) token type embeddings, summed and normalised: [batch, tokens, hidden]."""
    positions = _positions(ids, weights["embeddings.position_embeddings.weight"], shape.padding)
    words = op.gather(_constant(weights["embeddings.word_embeddings.weight"]), ids, _index(0))
    kind = _constant(weights["embeddings.token_type_embeddings.weight"][0][None, None])
    return _norm(op.add(op.add(words, positions), kind), weights, "embeddings.LayerNorm", shape)


def _positions(ids: Value, table: NDArray[np.float32], padding: int | None) -> Value:
    """The embedding of each token's position, the same in every text unless there is a padding token."""
    if padding is None:
        tokens = op.unsqueeze(op.gather(op.shape_of(ids), _index(1), _index(0)), _index(0))
        return op.unsqueeze(op.slice(_constant(table), _axes(0), tokens, _axes(1), _axes(0)), _index(0))
    real = op.convert(op.not_equal(ids, _index(padding)), "i64")
    places = op.add(op.multiply(op.cum_sum(real, _index(1)), real), _index(padding))
    return op.gather(_constant(table), places, _index(0))


def _layer(x: Value, hide: Value, weights: Weights, at: str, shape: BertShape) -> Value:
    """One transformer layer: self-attention and feed-forward, each with its residual and norm."""
    hidden = len(weights[f"{at}.attention.output.dense.bias"])

    def heads(name: str) -> Value:
        projected = _dense(x, weights, f"{at}.attention.self.{name}")
        split = op.reshape(projected, _axes(0, 0, shape.heads, hidden // shape.heads), True)
        return op.transpose(split, _axes(0, 2, 1, 3))

    attended = op.scaled_dot_product_attention(heads("query"), heads("key"), heads("value"), hide)
    merged = op.reshape(op.transpose(attended, _axes(0, 2, 1, 3)), _axes(0, 0, hidden), True)
    projected = _dense(merged, weights, f"{at}.attention.output.dense")
    x = _norm(op.add(projected, x), weights, f"{at}.attention.output.LayerNorm", shape)
    widened = op.gelu(_dense(x, weights, f"{at}.intermediate.dense"), "erf")
    narrowed = _dense(widened, weights, f"{at}.output.dense")
    return _norm(op.add(narrowed, x), weights, f"{at}.output.LayerNorm", shape)


def _dense(x: Value, weights: Weights, name: str) -> Value:
    product = op.matmul(x, _constant(weights[f"{name}.weight"]), False, True)
    return op.add(product, _constant(weights[f"{name}.bias"][None, None]))


def _norm(x: Value, weights: Weights, name: str, shape: BertShape) -> Value:
    centred = op.mvn(x, _axes(2), True, shape.epsilon, "INSIDE_SQRT")
    scaled = op.multiply(centred, _constant(weights[f"{name}.weight"][None, None]))
    return op.add(scaled, _constant(weights[f"{name}.bias"][None, None]))


def _constant(value: object, kind: DTypeLike = np.float32) -> Value:
    return op.constant(np.asarray(value, dtype=kind))


def _axes(*axes: int) -> Value:
    return _constant(axes, np.int64)


def _index(index: int) -> Value:
    return _constant(index, np.int64)
