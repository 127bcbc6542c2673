"""Writes the reference of the RagPipeline into docs/resource.md, from the CRD that the cluster serves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/resource.md"
CRD = ROOT / "crds/ragpipelines.yaml"
BEGIN, END = "<!-- reference: make reference -->\n", "<!-- end of reference -->\n"


# Blocks that recur, and that a reader of Kubernetes resources knows: one row each.
KNOWN = {("key", "name"): "{name, key}", ("limits", "requests"): "{requests, limits}"}


def rows(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yields (path, type, default, description) of each field in an OpenAPI v3 schema, depth first."""
    for name, field in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        required = name in schema.get("required", [])
        nested = field.get("items", field)
        known = KNOWN.get(tuple(sorted(nested.get("properties", {}))))
        kind = " \\| ".join(field["enum"]) if "enum" in field else known or field.get("type", "any")
        yield here, kind, _default(field.get("default"), required), field.get("description", "")
        if not known:
            yield from rows(nested, here + ("[]" if "items" in field else ""))


def _default(value: Any, required: bool) -> str:
    if value is None:
        return "required" if required else ""
    if value in ({}, []):
        return ""
    flow = yaml.safe_dump(value, default_flow_style=True, width=1000, sort_keys=False)
    return f"`{flow.removesuffix(chr(10)).removesuffix(chr(10) + '...')}`"


def reference(crd: dict[str, Any]) -> str:
    """Returns the Markdown tables of one CRD: a heading and a table for each block of its spec."""
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    lines: list[str] = []
    for block, schema in spec["properties"].items():
        lines += [f"## `spec.{block}`", "", schema.get("description", ""), ""]
        fields = list(rows(schema))
        if fields:
            lines += ["| field | type | default | meaning |", "|---|---|---|---|"]
            lines += [f"| `{path}` | {kind} | {default} | {text} |" for path, kind, default, text in fields]
            lines.append("")
    return "\n".join(lines) + "\n"


def with_reference(page: str, text: str) -> str:
    """Returns `page` with the part between its markers replaced by `text`."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + text + END + after


if __name__ == "__main__":
    PAGE.write_text(with_reference(PAGE.read_text(), reference(yaml.safe_load(CRD.read_text()))))
