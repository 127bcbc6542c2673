"""The embedding model in this process: tokenizer and OpenVINO session."""

from collections.abc import Iterator
from queue import SimpleQueue

import numpy as np
import openvino
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from rag_contract.environment.embedding import Precision
from rag_workloads.embedding.calls import Tokens
from rag_workloads.embedding.engine import Direction, InputTooLong, Token
from rag_workloads.embedding.graph import read_encoder
from rag_workloads.embedding.model_files import ModelFiles

# Characters that are tokenized together: the tokenizer takes up to 400 bytes for each while it works.
PART_CHARACTERS = 1 << 18


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
        }
        compiled = core.compile_model(read_encoder(core, files.graph, files.pooling()), "CPU", options)
        self.precision, self.streams = precision, streams
        self.dimension: int = compiled.output(0).partial_shape[1].get_length()
        self.max_tokens = files.max_tokens()
        self.fingerprint, self.revision = files.fingerprint(), files.revision
        self._inputs = [port.any_name for port in compiled.inputs]
        # One more than the streams, so that the next batch is ready when one ends.
        self._requests: SimpleQueue[openvino.InferRequest] = SimpleQueue()
        for _ in range(self.parallel):
            self._requests.put(compiled.create_infer_request())
        self._tokenizer = Tokenizer.from_file(str(files.folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    @property
    def parallel(self) -> int:
        """How many calls of `infer` keep every stream busy."""
        return self.streams + 1

    def tokenize(
        self, texts: list[str], truncate: bool = True, direction: Direction = "right"
    ) -> list[Tokens]:
        """Token ids of each text, special ones too; one that is too long loses an end, or InputTooLong."""
        tokens: list[Tokens] = []
        for part in parts(texts, PART_CHARACTERS):
            encodings = self._tokenizer.encode_batch_fast(part)
            for text, encoding in zip(part, encodings, strict=True):
                if (length := len(encoding)) <= self.max_tokens:
                    ids = encoding.ids
                elif truncate:
                    ids = self._truncated(text, direction)
                else:
                    raise InputTooLong(f"inputs must have at most {self.max_tokens} tokens. Given: {length}")
                tokens.append(np.array(ids, np.int32))
        return tokens

    def explain(self, text: str, add_special_tokens: bool) -> list[Token]:
        """The tokens of a text, for people."""
        encoding: Encoding = self._tokenizer.encode(text, add_special_tokens=add_special_tokens)
        rows = zip(encoding.ids, encoding.tokens, encoding.special_tokens_mask, encoding.offsets, strict=True)
        return [
            Token(
                id,
                token,
                special=bool(special),
                start=None if special else start,
                stop=None if special else stop,
            )
            for id, token, special, (start, stop) in rows
        ]

    def infer(self, tokens: list[Tokens]) -> NDArray[np.float32]:
        """Unit vectors [texts, dimension] of one padded batch."""
        request = self._requests.get()
        try:
            request.infer(self._padded(tokens), share_inputs=True)
            return np.array(request.get_output_tensor(0).data, dtype=np.float32)
        finally:
            self._requests.put(request)

    def _truncated(self, text: str, direction: Direction) -> list[int]:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        encoding.truncate(
            self.max_tokens - self._tokenizer.num_special_tokens_to_add(False), direction=direction
        )
        ids: list[int] = self._tokenizer.post_process(encoding).ids
        return ids

    def _padded(self, tokens: list[Tokens]) -> dict[str, NDArray[np.int64]]:
        shape = len(tokens), max(map(len, tokens))
        inputs = {name: np.zeros(shape, np.int64) for name in self._inputs}
        for row, ids in enumerate(tokens):
            inputs["input_ids"][row, : len(ids)] = ids
            inputs["attention_mask"][row, : len(ids)] = 1
        return inputs


def parts(texts: list[str], characters: int) -> Iterator[list[str]]:
    """`texts` in order, in lists of at most so many characters, or of one text."""
    part: list[str] = []
    room = characters
    for text in texts:
        if part and len(text) > room:
            yield part
            part, room = [], characters
        part.append(text)
        room -= len(text)
    if part:
        yield part
