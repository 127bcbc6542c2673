"""README.zh-CN.md follows README.md: the same sections, with the same commands, names and links in them."""

import re
from typing import NamedTuple

import pytest
from demo.paths import ROOT

ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
# What of a diagram is for its readers: labels of nodes and of arrows.
LABEL = re.compile(r"(?<=[\[/(])[^\[\]/()]+(?=[\]/)])|(?<=\|)[^|\n]+(?=\|)")


class Section(NamedTuple):
    """What a section has in any language."""

    level: int
    blocks: list[str]
    names: list[str]
    links: list[str]
    items: int
    rows: list[int]


def sections(text: str) -> list[Section]:
    """The sections of a page, in their order."""
    _, *parts = re.split(r"^(#+) .*\n", text, flags=re.MULTILINE)
    return [_section(len(marks), below) for marks, below in zip(parts[::2], parts[1::2], strict=True)]


def _section(level: int, text: str) -> Section:
    blocks = [LABEL.sub("", code) if kind == "mermaid" else code for kind, code in BLOCK.findall(text)]
    prose = BLOCK.sub("", text)
    return Section(
        level,
        blocks,
        sorted(re.findall(r"`([^`\n]+)`", prose)),
        sorted(re.findall(r"\]\(([^)]+)\)", prose)),
        len(re.findall(r"^- ", prose, re.MULTILINE)),
        [line.replace("\\|", "").count("|") for line in prose.splitlines() if line.startswith("|")],
    )


def test_every_section_has_the_same_in_it() -> None:
    english, chinese = sections(ENGLISH.read_text()), sections(CHINESE.read_text())
    other = {CHINESE.name: ENGLISH.name}
    wanted = [each._replace(links=sorted(other.get(link, link) for link in each.links)) for each in english]
    assert len(chinese) == len(english)
    for ours, theirs in zip(chinese, wanted, strict=True):
        assert ours == theirs, "README.zh-CN.md must follow README.md"


@pytest.mark.parametrize("change", [("make demo\n", "make demos\n"), ("\n## ", "\n### "), ("](docs/", "](")])
def test_a_difference_is_seen(change: tuple[str, str]) -> None:
    text = ENGLISH.read_text()
    assert sections(text.replace(*change, 1)) != sections(text)
