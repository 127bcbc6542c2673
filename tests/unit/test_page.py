"""The page as it is served: by which rules the browser holds it, and that its parts fit together."""

import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from rag_workloads.api import page
from rag_workloads.web import problems

SCRIPTS = sorted(page.STATIC.glob("*.js"))
INDEX = (page.STATIC / "index.html").read_text()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)
    page.install(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/page/app.js", "/page/page.css", "/page/en.json"])
async def test_all_of_it_says_what_a_browser_may_do_with_it(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in str(policy)
    assert "http" not in str(policy)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    again = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert again.headers["content-security-policy"] == answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["/page/nothing.js", "/page/../__init__.py", "/page/%2e%2e/__init__.py", "/page/"]
)
async def test_nothing_else_is_served(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_no_script_and_no_style_stands_in_the_page() -> None:
    assert re.findall(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:|https?:", INDEX) == []


def test_no_text_is_taken_for_html() -> None:
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|srcdoc|setHTML"
    assert [path.name for path in SCRIPTS if re.search(sinks, path.read_text())] == []


def test_every_message_that_is_named_is_there() -> None:
    messages = json.loads((page.STATIC / "en.json").read_text())
    named = re.findall(r'data-i18n(?:-label|-placeholder)?="([^"]+)"', INDEX)
    for path in SCRIPTS:
        named += re.findall(
            r'"((?:activity|ask|chart|connection|documents|filter|upload|viewer)\.\w+)"', path.read_text()
        )
    assert len(named) > 80
    assert set(named) - messages.keys() == set()


def test_every_element_that_a_script_looks_for_is_there() -> None:
    named = {name for path in SCRIPTS for name in re.findall(r'byId\("([\w-]+)"\)', path.read_text())}
    assert len(named) > 40
    assert named - set(re.findall(r'\sid="([\w-]+)"', INDEX)) == set()


def test_what_the_page_starts_with_is_fetched_at_once() -> None:
    preloaded = set(re.findall(r'rel="modulepreload" href="page/([\w.]+)"', INDEX))
    imports = {
        name
        for path in SCRIPTS
        for name in re.findall(r'^import .* from "\./([\w.]+)";$', path.read_text(), re.M)
    }
    assert preloaded == imports - {"marking.js"}  # which only a viewer needs
