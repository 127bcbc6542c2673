import json
from pathlib import Path

import pytest

from rag_workloads.embedding.model_files import ModelFiles

MEAN, CLS, MAX = "pooling_mode_mean_tokens", "pooling_mode_cls_token", "pooling_mode_max_tokens"


def files(folder: Path, pooling: object) -> ModelFiles:
    (folder / "openvino_model.xml").touch()
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return ModelFiles.locate(folder, "model")


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({}, "mean"),
        ({MEAN: True, CLS: False}, "mean"),
        ({MEAN: False, CLS: True}, "cls"),
        ({"word_embedding_dimension": 384, CLS: True, "include_prompt": True}, "cls"),
    ],
)
def test_pooling(tmp_path: Path, config: dict[str, object], pooling: str) -> None:
    assert files(tmp_path, config).pooling() == pooling


@pytest.mark.parametrize("config", [{MEAN: True, CLS: True}, {MAX: True}, {"include_prompt": True}])
def test_other_poolings_are_refused(tmp_path: Path, config: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="is not supported"):
        files(tmp_path, config).pooling()
