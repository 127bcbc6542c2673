"""Images under the names and digests that a registry knows, and charts that name them so."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from images.catalog import IMAGES, ROOT
from images.charts import CHARTS, with_images

from images import cli

DIGEST = f"sha256:{'0f' * 32}"


class Registry:
    """An engine whose registry gives each image a digest of its own."""

    def __init__(self) -> None:
        self.pushed: dict[str, str] = {}

    def push(self, reference: str, target: str) -> str:
        self.pushed[reference] = target
        return f"sha256:{len(self.pushed):064x}"

    def size(self, reference: str) -> str | None: ...

    def build(
        self, reference: str, dockerfile: Path, context: Path, arguments: Mapping[str, str]
    ) -> None: ...

    def save(self, reference: str, archive: Path) -> None: ...


def test_what_was_pushed_is_named_by_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "VALUES", tmp_path / "images.yaml")
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    registry = Registry()
    builder = cli.Builder(registry, official=True, demo=True)
    builder.push("registry.example.com/me")
    builder.write_values("registry.example.com/me")
    images = yaml.safe_load(cli.VALUES.read_text())
    named = [reference for part in images.values() for reference in part.values()]
    assert sorted(reference.partition("@")[0] for reference in named) == sorted(registry.pushed.values())
    assert len({reference.partition("@sha256:")[2] for reference in named}) == len(registry.pushed)
    assert all(local.startswith("localhost/") and "@" not in local for local in registry.pushed)


@pytest.mark.parametrize("chart", CHARTS)
def test_a_packaged_chart_differs_in_its_images_alone(chart: str) -> None:
    text = (ROOT / "charts" / chart / "values.yaml").read_text()
    images: dict[str, dict[str, str]] = {}
    for image in IMAGES:
        images.setdefault(image.values, {})[image.key] = f"registry.example.com/{image.name}:1@{DIGEST}"
    changed = with_images(text, images)
    before, after = yaml.safe_load(text), yaml.safe_load(changed)
    assert _without_images(after) == _without_images(before)
    for part in ("images", "modelImages"):
        assert after.get(part, {}) == {key: images[part][key] for key in before.get(part, {})}
    assert after.get("testImage") == (images["images"]["api"] if "testImage" in before else None)
    assert [line for line in changed.splitlines() if line.lstrip().startswith("#")] == [
        line for line in text.splitlines() if line.lstrip().startswith("#")
    ]


def test_what_was_not_built_keeps_its_official_image() -> None:
    values = "images:\n  api: a:1\n  redis: redis:7\n"
    assert with_images(values, {"images": {"api": "b:2"}}) == "images:\n  api: b:2\n  redis: redis:7\n"


def _without_images(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in {"images", "modelImages", "testImage"}}
