"""The charts as archives, whose own values name the images that were built."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from images.catalog import ROOT
from images.engines import run

CHARTS = ("ragpipeline-operator", "ragpipeline")

Images = Mapping[str, Mapping[str, str]]
"""References by their places in the operator's values: `images` or `modelImages`, and the key there."""


def package(images: Images, target: Path) -> None:
    """Write an archive of each chart to a folder; raises `BuildError` where helm finds fault with one."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for chart in CHARTS:
            copy = Path(shutil.copytree(ROOT / "charts" / chart, Path(folder, chart)))
            values = copy / "values.yaml"
            values.write_text(with_images(values.read_text(), images))
            print(run("helm", "package", str(copy), f"--destination={target}"), end="", flush=True)


def with_images(values: str, images: Images) -> str:
    """Return a chart's values with other images; comments stay, and what it does not name is left out.

    The chart of one pipeline has only `testImage`, which is the API's.
    """
    named = {("", "testImage"): images["images"]["api"]}
    named |= {(part, key): reference for part, each in images.items() for key, reference in each.items()}
    lines, part = list[str](), ""
    for line in values.splitlines(keepends=True):
        key, colon, _ = line.strip().partition(": ")
        if not line.startswith((" ", "#")):
            part = line.strip().rstrip(":") if line.rstrip().endswith(":") else ""
        reference = named.get((part, key)) if colon else None
        lines.append(line if reference is None else f"{line[: line.index(key)]}{key}: {reference}\n")
    return "".join(lines)
