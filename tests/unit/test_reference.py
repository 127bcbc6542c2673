"""The references of the resource and of the API are those that the CRD and the OpenAPI give."""

from pathlib import Path

import api_reference
import pytest
import reference
import yaml

CRD = yaml.safe_load(reference.CRD.read_text())


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (reference.PAGE, reference.reference(CRD)),
        (api_reference.PAGE, api_reference.reference(api_reference.openapi())),
    ],
    ids=["resource", "api"],
)
def test_the_page_holds_what_is_generated(page: Path, text: str) -> None:
    assert reference.with_reference(page.read_text(), text) == page.read_text(), "run `make reference`"


def test_each_block_of_the_spec_is_described() -> None:
    text = reference.reference(CRD)
    schema = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    for block in schema["properties"]:
        assert f"## `spec.{block}`" in text
    assert "| `managed.autoscaling.maxReplicas` | integer | required |" in text


def test_each_request_of_the_api_is_described() -> None:
    schema = api_reference.openapi()
    text = api_reference.reference(schema)
    for path, methods in schema["paths"].items():
        for method in methods:
            assert f"### `{method.upper()} {path}`" in text or method == "head"
    assert "| `file` | form | array of string (binary), required |" in text
    assert "| `top_k` | integer, 1 to 100 or null |" in text
