"""The embedding model in this process: an OpenVINO session."""

from queue import SimpleQueue

import numpy as np
import openvino
from numpy.typing import NDArray

from rag_contract.environment.embedding import Precision
from rag_workloads.embedding.calls import Tokens, Vectors
from rag_workloads.embedding.graph import SPANS, read_encoder
from rag_workloads.embedding.model_files import ModelFiles

# OpenVINO keeps a mebibyte and more for each shape of its inputs, of 5,000 by itself: hardly two batches have
# as many texts, tokens and spans, and a pod that had seen 400 shapes had no memory left.
SHAPES_KEPT = 20


class Model:
    """Blocking calls, safe from many threads; run them off the event loop."""

    def __init__(self, files: ModelFiles, precision: Precision, streams: int) -> None:
        """Load and compile. `streams` inferences run side by side, one a core."""
        core = openvino.Core()
        if precision == "auto":
            precision = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
        options = {
            "INFERENCE_NUM_THREADS": streams,
            "NUM_STREAMS": streams,
            "INFERENCE_PRECISION_HINT": precision,
            "CPU_RUNTIME_CACHE_CAPACITY": str(SHAPES_KEPT),
        }
        compiled = core.compile_model(read_encoder(core, files), "CPU", options)
        self.precision, self.streams = precision, streams
        self.dimension: int = compiled.output(0).partial_shape[2].get_length()
        self._first_token = files.description.pooling == "cls"
        self._inputs = {port.any_name for port in compiled.inputs}
        # One more than the streams, so that the next batch is ready when one ends.
        self._requests: SimpleQueue[openvino.InferRequest] = SimpleQueue()
        for _ in range(self.parallel):
            self._requests.put(compiled.create_infer_request())

    @property
    def parallel(self) -> int:
        """How many calls of `infer` keep every stream busy."""
        return self.streams + 1

    @property
    def knows_spans(self) -> bool:
        """Whether spans of a text have vectors: not where the graph pools by itself."""
        return SPANS in self._inputs

    def infer(self, texts: list[Tokens]) -> list[Vectors]:
        """Unit vectors of one padded batch: of each text its own, then those of its spans."""
        request = self._requests.get()
        try:
            request.infer(self._padded(texts), share_inputs=True)
            vectors = np.array(request.get_output_tensor(0).data, dtype=np.float32)
        finally:
            self._requests.put(request)
        return [found[: 1 + len(text.spans)] for found, text in zip(vectors, texts, strict=True)]

    def _padded(self, texts: list[Tokens]) -> dict[str, NDArray[np.generic]]:
        shape = len(texts), max(map(len, texts))
        inputs: dict[str, NDArray[np.generic]] = {
            name: np.zeros(shape, np.int64) for name in self._inputs - {SPANS}
        }
        for row, text in enumerate(texts):
            inputs["input_ids"][row, : len(text)] = text.ids
            inputs["attention_mask"][row, : len(text)] = 1
        if self.knows_spans:
            inputs[SPANS] = self._spans(texts, shape[1])
        return inputs

    def _spans(self, texts: list[Tokens], width: int) -> NDArray[np.float32]:
        """What is pooled: the text by the model's way, and each span by the mean of its tokens.

        A span without a token has the text's vector.
        """
        pooled = np.zeros((len(texts), 1 + max(len(text.spans) for text in texts), width), np.float32)
        for rows, text in zip(pooled, texts, strict=True):
            rows[0, : 1 if self._first_token else len(text)] = 1
            found = rows[1 : 1 + len(text.spans)]
            found[:, : len(text)] = text.spans
            found[~text.spans.any(axis=1)] = rows[0]
        return pooled
