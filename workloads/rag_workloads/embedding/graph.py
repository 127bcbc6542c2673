"""Reads an encoder's graph and makes it end in one unit vector a text."""

from pathlib import Path

import numpy as np
import openvino
import openvino.opset13 as op

# What a graph that pools by itself calls its output.
POOLED = "sentence_embedding"
EPSILON = 1e-12


def read_encoder(core: openvino.Core, path: Path, pooling: str) -> openvino.Model:
    """The graph at `path` (IR or ONNX): int64 [batch, tokens] → float32 unit vectors [batch, dimension].

    Token vectors are pooled here, by their "mean" or at the "cls" token, if the graph does not do it.
    """
    graph = core.read_model(path)
    pooled = [output for output in graph.outputs if POOLED in output.names]
    vectors = _source(pooled[0]) if pooled else _pool(graph, pooling)
    unit = op.normalize_l2(vectors, _integers(1), EPSILON, "add")
    return openvino.Model([unit], graph.get_parameters(), "encoder")


def _pool(graph: openvino.Model, pooling: str) -> openvino.Node:
    hidden = _source(graph.outputs[0])
    if pooling == "cls":
        return op.gather(hidden, _integers(0), _integers(1))
    mask = op.unsqueeze(op.convert(graph.input("attention_mask"), "f32"), _integers(2))
    total = op.reduce_sum(op.multiply(hidden, mask), _integers(1))
    return op.divide(total, op.reduce_sum(mask, _integers(1)))


def _source(output: openvino.Output) -> openvino.Output:
    """What a graph's output shows: the graph can be continued from here, but not from the output itself."""
    return output.get_node().input_value(0)


def _integers(*values: int) -> openvino.Node:
    return op.constant(np.asarray(values, dtype=np.int64))
