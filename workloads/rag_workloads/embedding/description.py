"""What a model's folder says of the model, in the files that sentence-transformers writes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from rag_workloads.embedding.prompts import Prompts

Pooling = Literal["mean", "cls"]

FILES = (
    "modules.json",
    "config.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "tokenizer_config.json",
    "1_Pooling/config.json",
)
# What is done with the tokens' states. Vectors have unit length here, whether or not there is a Normalize.
MODULES = {"Transformer", "Pooling", "Normalize"}
# Means that differ by their length alone are the same at unit length.
POOLINGS: Mapping[str, Pooling] = {
    "mean": "mean",
    "mean_tokens": "mean",
    "mean_sqrt_len_tokens": "mean",
    "cls": "cls",
    "cls_token": "cls",
}
# The families whose positions begin behind the padding token's id.
PADDED_POSITIONS = {"xlm-roberta", "roberta", "camembert"}
LONGEST = 512


@dataclass(frozen=True)
class Description:
    """`pooling` is None if only a graph that pools by itself can do it, and `unknown` then says why.

    `config` is the transformer's own configuration.
    """

    config: Mapping[str, Any]
    max_tokens: int
    pooling: Pooling | None
    unknown: str
    prompts: Prompts
    lower_case: bool

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What the files of a folder say; Unsupported if they contradict one another."""
        config, sentence = _json(folder / "config.json"), _json(folder / "sentence_bert_config.json")
        prompting = _json(folder / "config_sentence_transformers.json")
        prompts = Prompts(prompting.get("prompts") or {}, prompting.get("default_prompt_name"))
        pooling, unknown = _pooling(folder, prompted=any(prompts.texts.values()))
        return cls(
            config,
            _max_tokens(config, sentence, _json(folder / "tokenizer_config.json")),
            pooling,
            unknown,
            prompts,
            bool(sentence.get("do_lower_case")),
        )

    @property
    def padding(self) -> int | None:
        """The id of the padding token, in families whose positions begin behind it."""
        return padding(self.config)


def padding(config: Mapping[str, Any]) -> int | None:
    """See `Description.padding`."""
    return int(config.get("pad_token_id", 1)) if config.get("model_type") in PADDED_POSITIONS else None


def _max_tokens(config: Mapping[str, Any], sentence: Mapping[str, Any], tokenizer: Mapping[str, Any]) -> int:
    """What is stated, but no more than there are positions; special tokens included."""
    stated = sentence.get("max_seq_length") or config.get("max_seq_length")
    limits = [stated or tokenizer.get("model_max_length")]
    if positions := config.get("max_position_embeddings"):
        limits.append(positions if (behind := padding(config)) is None else positions - behind - 1)
    return int(min((limit for limit in limits if limit), default=LONGEST))


def _pooling(folder: Path, prompted: bool) -> tuple[Pooling | None, str]:
    """How the tokens' states become a vector; if that is not known here, why."""
    modules = {each["type"].rpartition(".")[2]: each["path"] for each in _json(folder / "modules.json", [])}
    if unknown := modules.keys() - MODULES:
        return None, f"the model's modules {', '.join(sorted(unknown))} are not supported"
    modes = _json(folder / modules.get("Pooling", "1_Pooling") / "config.json")
    chosen = _modes(modes)
    if len(chosen) != 1 or chosen[0] not in POOLINGS:
        return None, f"pooling {', '.join(chosen) or 'by nothing'} is not supported, only mean and cls"
    if prompted and modes.get("include_prompt") is False:
        return None, "pooling without the prompt's tokens is not supported"
    return POOLINGS[chosen[0]], ""


def _modes(modes: Mapping[str, Any]) -> list[str]:
    """The ways of pooling that are on; the mean if nothing is said of any."""
    if isinstance(named := modes.get("pooling_mode"), str):
        return [named]
    prefix = "pooling_mode_"
    flags = {name.removeprefix(prefix): on for name, on in modes.items() if name.startswith(prefix)}
    return [name for name, on in flags.items() if on] if flags else ["mean"]


def _json(path: Path, absent: Any = {}) -> Any:  # noqa: B006
    return json.loads(path.read_text("utf-8")) if path.exists() else absent
