"""What sentence-transformers' files say of a model, and what the engine makes of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from rag_workloads.embedding.description import Description
from rag_workloads.embedding.engine import Lane, Unsupported

MEAN, CLS, MAX = "pooling_mode_mean_tokens", "pooling_mode_cls_token", "pooling_mode_max_tokens"
POOLING, SENTENCE, PROMPTS = (
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
)
QUERY_AND_PASSAGE = {"query": "query: ", "passage": "passage: "}


def described(folder: Path, files: dict[str, Any]) -> Description:
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return Description.read(folder)


def module(index: int, kind: str, path: str) -> dict[str, Any]:
    return {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({}, "mean"),
        ({"word_embedding_dimension": 384}, "mean"),
        ({MEAN: True, CLS: False}, "mean"),
        ({MEAN: False, CLS: True}, "cls"),
        ({"word_embedding_dimension": 384, CLS: True, "include_prompt": True}, "cls"),
        ({"pooling_mode_mean_sqrt_len_tokens": True, MEAN: False}, "mean"),
        ({"pooling_mode": "cls", "embedding_dimension": 384}, "cls"),
        ({MEAN: True, CLS: True}, None),
        ({MEAN: False, MAX: True}, None),
        ({"pooling_mode": "lasttoken"}, None),
    ],
)
def test_pooling(tmp_path: Path, config: dict[str, object], pooling: str | None) -> None:
    description = described(tmp_path, {POOLING: config})
    assert (description.pooling, bool(description.unknown)) == (pooling, pooling is None)


def test_the_pooling_is_read_where_the_modules_say_that_it_is(tmp_path: Path) -> None:
    modules = [
        module(0, "Transformer", ""),
        module(1, "Pooling", "pool"),
        module(2, "Normalize", "2_Normalize"),
    ]
    files = {"modules.json": modules, "pool/config.json": {MEAN: False, CLS: True}, POOLING: {MEAN: True}}
    assert described(tmp_path, files).pooling == "cls"


def test_a_module_that_is_not_known_is_named(tmp_path: Path) -> None:
    modules = [module(0, "Transformer", ""), module(1, "Pooling", "1_Pooling"), module(2, "Dense", "2_Dense")]
    description = described(tmp_path, {"modules.json": modules})
    assert description.pooling is None
    assert description.unknown == "the model's modules Dense are not supported"


def test_a_prompt_that_is_not_pooled_is_not_supported(tmp_path: Path) -> None:
    pooling = {MEAN: True, "include_prompt": False}
    assert described(tmp_path, {POOLING: pooling}).pooling == "mean"
    files = {POOLING: pooling, PROMPTS: {"prompts": QUERY_AND_PASSAGE}}
    assert described(tmp_path, files).unknown == "pooling without the prompt's tokens is not supported"


@pytest.mark.parametrize(
    ("files", "tokens"),
    [
        ({}, 512),
        ({"config.json": {"max_seq_length": 256}}, 256),
        ({SENTENCE: {"max_seq_length": 256}, "config.json": {"max_position_embeddings": 512}}, 256),
        ({SENTENCE: {"max_seq_length": 1024}, "config.json": {"max_position_embeddings": 512}}, 512),
        ({SENTENCE: {"max_seq_length": None}, "tokenizer_config.json": {"model_max_length": 128}}, 128),
        (
            {
                "config.json": {
                    "max_position_embeddings": 514,
                    "model_type": "xlm-roberta",
                    "pad_token_id": 1,
                },
                "tokenizer_config.json": {"model_max_length": 10**30},
            },
            512,
        ),
    ],
)
def test_the_longest_text(tmp_path: Path, files: dict[str, Any], tokens: int) -> None:
    assert described(tmp_path, files).max_tokens == tokens


@pytest.mark.parametrize(
    ("config", "query", "document"),
    [
        ({}, "", ""),
        ({"prompts": {}, "default_prompt_name": None}, "", ""),
        ({"prompts": QUERY_AND_PASSAGE}, "query: ", "passage: "),
        ({"prompts": {"query": "q: ", "document": "d: ", "passage": "p: "}}, "q: ", "d: "),
        ({"prompts": {"query": "q: ", "document": "", "passage": "p: "}}, "q: ", "p: "),
        ({"prompts": {"query": "q: ", "s2s": "s: "}, "default_prompt_name": "s2s"}, "q: ", "s: "),
        ({"prompts": {"all": "a: "}, "default_prompt_name": "all"}, "a: ", "a: "),
        ({"prompts": {"query": "q: ", "document": ""}, "default_prompt_name": "query"}, "q: ", ""),
    ],
)
def test_what_stands_before_a_text(tmp_path: Path, config: dict[str, Any], query: str, document: str) -> None:
    prompts = described(tmp_path, {PROMPTS: config}).prompts
    assert (prompts.text(Lane.QUERY), prompts.text(Lane.BULK)) == (query, document)


def test_a_prompt_is_asked_for_by_its_name(tmp_path: Path) -> None:
    prompts = described(tmp_path, {PROMPTS: {"prompts": QUERY_AND_PASSAGE}}).prompts
    assert prompts.text(Lane.QUERY, "passage") == "passage: "
    with pytest.raises(Unsupported, match=r"prompt_name 'title' not found: only query, passage"):
        prompts.text(Lane.QUERY, "title")


def test_a_default_prompt_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"default prompt 'a' is none of its prompts"):
        described(tmp_path, {PROMPTS: {"prompts": {}, "default_prompt_name": "a"}})
