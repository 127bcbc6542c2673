"""How long a text is for the embedding model, by what the model's files say of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

TOKENIZER = "tokenizer.json"
CONFIG = "config.json"
LENGTHS = (
    ("sentence_bert_config.json", "max_seq_length"),
    (CONFIG, "max_seq_length"),
    (CONFIG, "max_position_embeddings"),
    ("tokenizer_config.json", "model_max_length"),
)
PROMPTS = "config_sentence_transformers.json"
FILES = (TOKENIZER, PROMPTS, *{name for name, _ in LENGTHS})
# Of a model that says nothing.
TOKENS = 512


class Measure:
    """Counts tokens as the model reads a text: behind a prompt, and between special tokens."""

    def __init__(self, tokenizer: Tokenizer, limit: int = TOKENS, prompts: tuple[str, ...] = ()) -> None:
        """The tokenizer must neither pad nor truncate; of the prompts, the longest is counted."""
        self.tokenizer, self._limit = tokenizer, limit
        self._prompt = max(("", *prompts), key=self.tokens)

    @property
    def room(self) -> int:
        """How many tokens a text may have about, beside the prompt and the special ones."""
        return max(1, -self.excess(""))

    def tokens(self, text: str) -> int:
        """How many a text has of its own."""
        return len(self.tokenizer.encode(text, add_special_tokens=False))

    def excess(self, text: str) -> int:
        """By how many tokens the model's limit is passed, if the number is positive."""
        return len(self.tokenizer.encode(self._prompt + text)) - self._limit


def load_measure(folder: Path | None, model: str, revision: str = "") -> Measure:
    """That of the model in a folder, or of `model` on the hub, at `revision` or at its newest commit."""
    folder = folder or _download(model, revision)
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    prompts = _described(folder, PROMPTS).get("prompts") or {}
    return Measure(tokenizer, min(_lengths(folder), default=TOKENS), tuple(prompts.values()))


def _download(model: str, revision: str) -> Path:
    # Imported where it is needed: a pod with its model on disk starts without it.
    from huggingface_hub import snapshot_download  # noqa: PLC0415

    return Path(snapshot_download(model, revision=revision or None, allow_patterns=list(FILES)))


def _lengths(folder: Path) -> Iterator[int]:
    """What the files say of the longest text; the shortest of them is true of every engine."""
    for name, key in LENGTHS:
        if stated := _described(folder, name).get(key):
            yield int(stated) - _positions_lost(folder, key)


def _positions_lost(folder: Path, key: str) -> int:
    """RoBERTa and its kin begin to count positions behind the token that pads."""
    config = _described(folder, CONFIG)
    counts_on = key == "max_position_embeddings" and "roberta" in config.get("model_type", "")
    return int(config.get("pad_token_id", 1)) + 1 if counts_on else 0


def _described(folder: Path, name: str) -> dict[str, Any]:
    """A JSON file of the model, or {} if it has none of this name."""
    path = folder / name
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found
