"""Resources with one odd value each, made from the schema in the manner of Acto: the same ones in each run.

Acto (https://github.com/xlab-uiuc/acto) changes one field of a resource at a time, to values that its type
takes at its edges or not at all, and asks whether the operator refuses them or gets there.
"""

import json
import random
from itertools import zip_longest
from typing import Any, NamedTuple

from tests.specs.places import fields, placed

Manifest = dict[str, Any]
SEED = 11
MOST = 200

TEXTS = ["", " a", "a ", "A", "-a", "a-", "a/b", "../a", "a_b", "a.b", "名字", "a\nb", "a\x00", "$(HOSTNAME)"]
AMOUNTS = [0, 1, -5, "0", "-1", "1", "0.5m", "1.0001Gi", "1e9", "100m", "9Ei", "1Gi ", "nan", "x", True]
RESOURCES = ["cpu", "memory", "ephemeral-storage", "nvidia.com/gpu", "hugepages-2Mi", "gpu", "requests.a.b/c"]
SIZES = ["1", "0", "10Gi", "8191Pi", "8192Pi", "1.5Gi", "-1Gi", "1e9", "100m"]
URLS = ["http://a", "https://a.b:8080/c?d=e", "ftp://a", "a:80", "http://", "http://a b", "http://[::1]:1"]
ODD: dict[str, list[Any]] = {
    "string": [5, True, ["a"], {"a": "b"}],
    "integer": ["1", 1.5, True, 1 << 31, 1 << 63],
    "number": ["1", True],
    "boolean": ["true", 1],
    "array": ["a", {"a": "b"}, []],
    "object": ["a", ["a"], {}],
}


class Mutation(NamedTuple):
    """A value at a place, and what kind of field is there."""

    place: str
    kind: str
    value: Any

    def pipeline(self, name: str) -> Manifest:
        """Return the pipeline with it."""
        found = placed(self.place, self.value)
        found["metadata"]["name"] = name
        return found


def mutations(most: int = MOST) -> list[Mutation]:
    """Return one of each field, then a second one of each, until they are as many as asked for."""
    chance = random.Random(SEED)
    pools = [[Mutation(place, *each) for each in _values(place, schema)] for place, schema in fields()]
    for pool in pools:
        chance.shuffle(pool)
    chance.shuffle(pools)
    in_turn = (each for turn in zip_longest(*pools) for each in turn if each)
    return [each for each, _ in zip(in_turn, range(most), strict=False)]


def _values(place: str, schema: Manifest) -> list[tuple[str, Any]]:
    """Return odd values of a field, each with the kind of the field; none is there twice."""
    kind, values = _by_meaning(place.rpartition(".")[2], schema)
    unlike = [*values, *ODD[schema["type"]], None]
    return [(kind, json.loads(text)) for text in dict.fromkeys(json.dumps(value) for value in unlike)]


def _by_meaning(name: str, schema: Manifest) -> tuple[str, list[Any]]:
    """Return what kind of field it is, and values that its type takes."""
    if name in {"requests", "limits"}:
        amounts = [{resource: amount} for resource in ("cpu", "memory") for amount in AMOUNTS]
        return "amounts", amounts + [{resource: 1} for resource in RESOURCES]
    if "enum" in schema:
        return "choice", [*schema["enum"], "other"]
    if schema["type"] in {"integer", "number"}:
        edges = (schema["minimum"], schema["maximum"])
        return "number", [edge + step for edge in edges for step in (-1, 0, 1)]
    if schema["type"] == "string":
        return _texts(name, schema["maxLength"])
    values: dict[str, list[Any]] = {
        "boolean": [True, False],
        "array": [],
        "object": [{"a b": "c"}, {"a": "b" * 5000}],
    }
    return str(schema["type"]), values[schema["type"]]


def _texts(name: str, longest: int) -> tuple[str, list[Any]]:
    end = name.lower()
    if end.endswith("size") or name == "uploadLimit":
        return "size", SIZES
    if end.endswith("url") or name == "otlpEndpoint":
        return "url", [*URLS, "http://" + "a" * longest]
    return "text", [*TEXTS, "a" * longest, "a" * (longest + 1)]
