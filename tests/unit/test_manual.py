"""The pages hold together: commands are run somewhere, links lead somewhere, resources are valid."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from demo.paths import QUICKSTART, ROOT
from tests.manual import BY_MAKE, PAGES, TOUR, commands

from rag_operator.pipeline import Spec

LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
# Those of the pages themselves: in another language they are the same, as `test_chinese_readme` holds.
OWN = [page for page in PAGES if page.name != "README.zh-CN.md"]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def resources() -> list[Any]:
    """Every YAML block, by its page."""
    return [
        pytest.param(block, id=f"{page.name}-{number}")
        for page in OWN
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL))
    ]


def merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """One manifest over another, as `kubectl patch --type merge` does it."""
    both = {name for name in base.keys() & change.keys() if isinstance(change[name], dict)}
    return {**base, **change, **{name: merged(base[name] or {}, change[name]) for name in both}}


def test_every_command_is_run_by_a_test() -> None:
    toured = [command for part in TOUR for command in part.commands()]
    everywhere = [command for page in OWN for command in commands(page.read_text())]
    assert sorted([*toured, *BY_MAKE]) == sorted(everywhere)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text())
    for path, anchor in links:
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("block", resources())
def test_every_resource_is_one_that_the_operator_takes(block: str) -> None:
    whole = yaml.safe_load(QUICKSTART.read_text())
    resource = yaml.safe_load(block)
    assert Spec.model_validate(
        resource["spec"] if "kind" in resource else merged(whole, resource)["spec"], extra="forbid"
    )


def test_the_index_names_every_page() -> None:
    index = {path for path, _ in LINK.findall((ROOT / "docs/README.md").read_text())}
    assert {page.name for page in ROOT.glob("docs/*.md")} - {"README.md"} <= index
