"""Writes the reference of the API into docs/api.md, from its own OpenAPI."""

import json
from collections.abc import Iterator
from typing import Any

from reference import ROOT, with_reference

from rag_contract.environment.api import ApiSettings
from rag_workloads.api.main import create_app

PAGE = ROOT / "docs/api.md"
Schema = dict[str, Any]
# What is said of every path below /api/v1 in the page's own words.
OF_ALL = {"401", "403", "422", "429", "503"}


def openapi() -> Schema:
    """Returns what the API says of itself; nothing behind it is asked."""
    nowhere = "http://localhost"
    settings = ApiSettings(
        pipeline="reference",
        redis_url="redis://localhost",
        qdrant_url=nowhere,
        qdrant_collection="reference",
        storage_url="file:///nowhere",
        embedding_url=nowhere,
        embedding_model="reference",
    )
    return create_app(settings).openapi()


def reference(schema: Schema) -> str:
    """Returns a section for each request, and one for each object that is sent or answered."""
    lines = ["## Requests", ""]
    for path, methods in sorted(schema["paths"].items()):
        for method, operation in methods.items():
            if method != "head":  # as GET, without the body
                lines += [f"### `{method.upper()} {path}`", "", *_request(operation)]
    lines += ["## Objects", ""]
    for name, each in sorted(schema["components"]["schemas"].items()):
        if "properties" in each or "enum" in each:
            lines += [f"### {name}", "", *_object(each)]
    return "\n".join(lines)


def _request(operation: Schema) -> Iterator[str]:
    yield from (operation["description"], "")
    scopes = next(iter(operation.get("security", [{"": []}])[0].values()))
    if scopes:
        yield from (f"Scope of the key: {', '.join(f'`{scope}`' for scope in scopes)}.", "")
    sent = [_parameter(each) for each in operation.get("parameters", [])]
    sent += [row for kind, body in _contents(operation.get("requestBody", {})) for row in _body(kind, body)]
    if sent:
        yield from ("| sent | in | type |", "|---|---|---|", *sent, "")
    yield from ("| status | answer |", "|---|---|")
    for status, answer in sorted(operation["responses"].items()):
        if status < "400" or status.endswith("XX"):  # those of OpenAI's routes are no problems
            yield f"| {status} | {_answer(answer)} |"
    errors = [
        each
        for each in sorted(operation["responses"])
        if each.isdigit() and each >= "400" and each not in OF_ALL
    ]
    if errors:
        yield f"| {', '.join(errors)} | a problem |"
    yield ""


def _contents(sent: Schema) -> Iterator[tuple[str, Schema]]:
    for kind, content in sent.get("content", {}).items():
        yield kind, content["schema"]


def _parameter(parameter: Schema) -> str:
    schema = parameter["schema"]
    # A parameter is left out, and never null.
    given = next((each for each in schema.get("anyOf", []) if each != {"type": "null"}), schema)
    required = ", required" if parameter.get("required") else ""
    return f"| `{parameter['name']}` | {parameter['in']} | {_type(given)}{required} |"


def _body(kind: str, schema: Schema) -> Iterator[str]:
    if "$ref" in schema:
        yield f"| {_type(schema)} | body | `{kind}` |"
    for name, field in schema.get("properties", {}).items():
        required = ", required" if name in schema["required"] else ""
        yield f"| `{name}` | form | {_type(field)}{required} |"


def _answer(answer: Schema) -> str:
    described = answer["description"] if answer["description"] != "Successful Response" else ""
    bodies = [
        _type(schema) if kind == "application/json" else f"`{kind}`" for kind, schema in _contents(answer)
    ]
    return ": ".join(filter(None, [described, " or ".join(bodies)])) or "no body"


def _object(schema: Schema) -> Iterator[str]:
    yield from (schema.get("description", ""), "")
    if "enum" in schema:
        yield from (", ".join(f"`{each}`" for each in schema["enum"]) + ".", "")
        return
    yield from ("| field | type |", "|---|---|")
    for name, field in schema["properties"].items():
        yield f"| `{name}` | {_type(field)} |"
    yield ""


def _type(schema: Schema) -> str:
    """Returns a type as a reader calls it, with its bounds and its default."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return "any JSON" if name == "JsonValue" else f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        kinds = " or ".join(_type(each) for each in schema["anyOf"])
    elif "enum" in schema:
        kinds = ", ".join(f"`{each}`" for each in schema["enum"])
    elif schema.get("type") == "array":
        kinds = f"array of {_type(schema['items'])}"
    else:
        kinds = f"{schema.get('type', 'any JSON')}{_form(schema)}"
    default = schema.get("default")
    return kinds if default in (None, "", []) else f"{kinds}, default `{json.dumps(default)}`"


def _form(schema: Schema) -> str:
    if "minimum" in schema:
        return f", {schema['minimum']:.0f} to {schema['maximum']:.0f}"
    if "maxLength" in schema:
        return f", at most {schema['maxLength']} characters"
    return f" ({schema['format']})" if "format" in schema else ""


if __name__ == "__main__":
    PAGE.write_text(with_reference(PAGE.read_text(), reference(openapi())))
