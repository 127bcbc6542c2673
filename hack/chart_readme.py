"""Writes a chart's README.md from its Chart.yaml and the comments of its values.yaml."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parent.parent
CHARTS = ("ragpipeline-operator", "ragpipeline")
KEY = re.compile(r"^( *)([^\s#:][^:]*):(?: |$)")


class Value(NamedTuple):
    """A value that may be set: its path, its default, and what the comment above it says."""

    path: str
    default: str
    meaning: str


def values(text: str) -> Iterator[Value]:
    """Yields the values of a values.yaml; a block that says nothing of its parts is one."""
    commented = list(_keys(text.splitlines()))
    document = yaml.safe_load(text)
    whole: tuple[str, ...] | None = None
    for number, (path, meaning) in enumerate(commented):
        if whole and path[: len(whole)] == whole:
            continue
        explained = any(words for other, words in commented[number + 1 :] if other[: len(path)] == path)
        default = _at(document, path)
        is_opened = isinstance(default, dict) and default and (explained or _is_flat(default))
        whole = None if is_opened else path
        if meaning or not is_opened:
            yield Value(".".join(path), "" if is_opened else _flow(default), meaning)


def readme(chart: str) -> str:
    """Returns the page of a chart."""
    folder = ROOT / "charts" / chart
    about = yaml.safe_load((folder / "Chart.yaml").read_text())
    rows = [
        f"| `{each.path}` | {_code(each.default)} | {each.meaning.replace('<', '&lt;')} |"
        for each in values((folder / "values.yaml").read_text())
    ]
    head = f"# {chart}\n\n{about['description']}\n\nHow it is installed: [Install](../../docs/install.md).\n"
    table = ["| value | default | meaning |", "|---|---|---|", *rows]
    return f"{head}\n## Values\n\n" + "\n".join(table) + "\n"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _keys(lines: list[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yields the path of each key in block style, and the comment above it."""
    path, comment = list[tuple[int, str]](), list[str]()
    for line in lines:
        if line.lstrip().startswith("#"):
            comment.append(line.lstrip(" #").rstrip())
        elif found := KEY.match(line):
            depth = len(found[1])
            path = [each for each in path if each[0] < depth] + [(depth, found[2])]
            yield tuple(key for _, key in path), " ".join(comment)
            comment = []
        else:
            comment = []


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def _is_flat(block: dict[str, Any]) -> bool:
    """Whether a block holds plain values alone, each of which may be set by itself."""
    return not any(isinstance(value, dict | list) for value in block.values())


def _flow(value: Any) -> str:
    flow = yaml.safe_dump(value, default_flow_style=True, width=1000, sort_keys=False)
    return flow.removesuffix("\n").removesuffix("\n...")


if __name__ == "__main__":
    for name in CHARTS:
        (ROOT / "charts" / name / "README.md").write_text(readme(name))
