"""Reads an encoder's graph and makes it end in unit vectors: of each text, and of spans of it.

What is pooled of a text is an input of the graph, the same for means, the first token, and spans.
"""

import numpy as np
import openvino
import openvino.opset13 as op

from rag_workloads.embedding.description import Description
from rag_workloads.embedding.engine import Unsupported
from rag_workloads.embedding.model_files import ModelFiles
from rag_workloads.embedding.weights import build_from_weights

SPANS = "spans"
INPUTS = {"input_ids", "attention_mask", "token_type_ids"}
# What graphs call the states of their tokens, and the vector that one pools by itself.
STATES = {"last_hidden_state", "token_embeddings"}
POOLED = {"sentence_embedding"}
EPSILON = 1e-12


def read_encoder(core: openvino.Core, files: ModelFiles) -> openvino.Model:
    """The model's graph: `INPUTS`, int64 [batch, tokens] → float32 unit vectors [batch, vectors, dimension].

    If tokens' states are pooled here, it has the input `spans` too, float32 [batch, vectors, tokens]: 1 for
    each token that is in what is pooled, else 0. If not, there is one vector a text, pooled by the graph.
    """
    if files.graph.suffix == ".safetensors":
        graph = build_from_weights(files.graph, files.description)
    else:
        graph = core.read_model(files.graph)
    inputs = graph.get_parameters()
    if unknown := {port.any_name for port in graph.inputs} - INPUTS:
        raise Unsupported(f"{files.graph} has inputs that are not known: {', '.join(sorted(unknown))}")
    if (pooled := _pooled(graph, files.description)) is not None:
        vectors = op.unsqueeze(pooled, _integers(1))
    else:
        spans = op.parameter([-1, -1, -1], openvino.Type.f32, name=SPANS)
        spans.output(0).set_names({SPANS})
        inputs = [*inputs, spans]
        vectors = op.matmul(spans, _states(graph), False, False)
    return openvino.Model([op.normalize_l2(vectors, _integers(2), EPSILON, "add")], inputs, "encoder")


def _pooled(graph: openvino.Model, description: Description) -> openvino.Output | None:
    """What the graph pooled, if it gives nothing else or only it knows how; Unsupported if nobody does."""
    pooled = _output(graph, POOLED)
    if pooled is None and description.pooling is None:
        raise Unsupported(description.unknown)
    return pooled if description.pooling is None or _output(graph, STATES) is None else None


def _states(graph: openvino.Model) -> openvino.Output:
    """The states of the tokens: the first output, if none is called so."""
    states = _output(graph, STATES)
    return _source(graph.outputs[0]) if states is None else states


def _output(graph: openvino.Model, names: set[str]) -> openvino.Output | None:
    found = [output for output in graph.outputs if output.names & names]
    return _source(found[0]) if found else None


def _source(output: openvino.Output) -> openvino.Output:
    """What a graph's output shows: the graph can be continued from here, but not from the output itself."""
    return output.get_node().input_value(0)


def _integers(*values: int) -> openvino.Node:
    return op.constant(np.asarray(values, dtype=np.int64))
