import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.test_chunking import words_tokenizer
from tokenizers import processors

from rag_workloads.worker.measure import TOKENS, load_measure


def model(folder: Path, **files: dict[str, Any]) -> Path:
    tokenizer = words_tokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 1), ("[CLS]", 0))
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    tokenizer.save(str(folder / "tokenizer.json"))
    for name, described in files.items():
        (folder / f"{name}.json").write_text(json.dumps(described))
    return folder


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, TOKENS),
        ({"config": {"max_position_embeddings": 384, "model_type": "bert"}}, 384),
        ({"config": {"max_position_embeddings": 514, "model_type": "xlm-roberta", "pad_token_id": 1}}, 512),
        (
            {
                "config": {"max_position_embeddings": 512, "model_type": "bert"},
                "sentence_bert_config": {"max_seq_length": 256, "do_lower_case": False},
                "tokenizer_config": {"model_max_length": 10**30},
            },
            256,
        ),
    ],
)
def test_the_limit_is_the_shortest_that_the_files_name(
    tmp_path: Path, files: dict[str, dict[str, Any]], limit: int
) -> None:
    measure = load_measure(model(tmp_path, **files), "any")
    assert measure.excess("a " * (limit - 2)) == 0
    assert measure.excess("a " * limit) == 2
    assert (measure.room, measure.tokens("a " * 20)) == (limit - 2, 20)


def test_the_longest_of_the_prompts_is_counted(tmp_path: Path) -> None:
    prompts = {"prompts": {"query": "query: ", "passage": "passage: "}}
    measure = load_measure(model(tmp_path, config_sentence_transformers=prompts), "any")
    assert measure.room == TOKENS - 2 - len("passage:")
