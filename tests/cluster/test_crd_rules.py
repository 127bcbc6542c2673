"""Each rule of the CRD: a value that it accepts, one that it refuses, and the sentence that one reads.

What it accepts is built as the operator would, and the API server must accept all children of it.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.cluster.asking import Asking, Refusal
from tests.cluster.children import Children
from tests.cluster.conftest import ROOT
from tests.cluster.kube import Kube, Manifest, pipeline
from tests.specs.places import HOST, MINILM, REF, SPECS, placed
from tests.specs.places import pipeline as with_spec
from tests.specs.rows import Row, rows

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


@pytest.fixture(scope="module")
def children(server: Asking) -> Children:
    return Children(server)


@pytest.fixture
def stored(server: Asking, crd: Kube) -> Iterator[list[Manifest]]:
    """Pipelines that a test stores, which are removed after it."""
    made: list[Manifest] = []
    yield made
    for each in made:
        Kube(crd.kubeconfig, server.namespace).delete("ragpipeline", each["metadata"]["name"])


@pytest.mark.parametrize("row", list(rows()), ids=lambda row: row.place)
def test_a_rule(server: Asking, children: Children, stored: list[Manifest], row: Row) -> None:
    accepted, refused = placed(row.place, row.accepted), placed(row.place, row.refused)
    ask = server.create
    if row.before is not None:
        stored.append(server.create(placed(row.place, row.before), dry=False))
        identity = {"metadata": stored[0]["metadata"]}
        accepted, refused, ask = accepted | identity, refused | identity, server.replace
    assert children.refusals(ask(accepted)) == []
    with pytest.raises(Refusal) as refusal:
        ask(refused)
    assert row.sentence in str(refusal.value)
    assert not refusal.value.shows_an_expression


@pytest.mark.parametrize("spec", SPECS)
def test_all_that_can_be_set_becomes_children_that_are_accepted(
    server: Asking, children: Children, spec: Manifest
) -> None:
    assert children.refusals(server.create(with_spec(spec))) == []


KEY = {"name": "web", "secretKeyRef": REF, "scopes": ["query"]}
BOUNDS: list[tuple[str, str, Any]] = [
    ("spec.api.replicas", "spec.api.replicas", 0),
    ("spec.api.auth.keys[0].scopes", "spec.api.auth.keys[].scopes", []),
    ("spec.api.auth.keys[0].scopes[0]", "spec.api.auth.keys[].scopes", ["all"]),
    ("spec.api.auth.keys[0].scopes[1]", "spec.api.auth.keys[].scopes", ["query", "query"]),
    ("spec.api.auth.keys[0].requestsPerMinute", "spec.api.auth.keys[].requestsPerMinute", 0),
    ("spec.api.auth.keys[1]", "spec.api.auth.keys", [KEY, KEY]),
    ("spec.api.auth.keys", "spec.api.auth.keys", [{**KEY, "name": f"k{number}"} for number in range(17)]),
    ("spec.api.resources.limits.memory", "spec.api.resources.limits", {"memory": -5}),
    ("spec.expose.ingress.host", "spec.expose", {"ingress": {}}),
    ("spec.expose.gateway.hostnames", "spec.expose.gateway.hostnames", []),
    ("spec.expose.gateway.hostnames", "spec.expose.gateway.hostnames", [HOST] * 17),
    ("spec.expose.gateway.name", "spec.expose", {"gateway": {"hostnames": [HOST]}}),
    (
        "spec.expose.ingress.annotations",
        "spec.expose.ingress.annotations",
        {f"a{number}": "" for number in range(33)},
    ),
    ("spec.embedding.model", "spec.embedding", {"managed": {}}),
]


@pytest.mark.parametrize(("named", "place", "value"), BOUNDS)
def test_a_value_out_of_bounds_is_named(server: Asking, named: str, place: str, value: Any) -> None:
    with pytest.raises(Refusal) as refusal:
        server.create(placed(place, value))
    assert named in str(refusal.value)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_accepted(kube: Kube, path: Any) -> None:
    said = kube.apply(yaml.safe_load(path.read_text()), "--dry-run=server", "--validate=strict")
    assert "created (server dry run)" in said


def test_a_nested_default_is_filled_in(kube: Kube) -> None:
    embedding = {"model": MINILM, "managed": {"autoscaling": {"maxReplicas": 4}}}
    kube.apply(pipeline(embedding=embedding, workers={"replicas": 2}))
    stored = kube.get("ragpipeline", "demo")
    assert stored
    spec = stored["spec"]
    assert spec["queue"]["managed"]["storage"]["size"] == "1Gi"
    assert spec["workers"]["concurrency"] == 1
    assert spec["embedding"]["managed"]["autoscaling"]["scaleDown"]["stabilizationWindowSeconds"] == 180


def test_explain_reads_well(crd: Kube) -> None:
    shown = " ".join(crd("explain", "ragpipeline.spec.embedding.managed.autoscaling").split())
    assert "Scale the pods on their queue." in shown
    assert "targetQueueLength <integer> Batches, waiting and running, for each embedding pod." in shown


def test_a_listing_has_these_columns(kube: Kube) -> None:
    kube.apply(pipeline())
    header = kube("get", "ragp", "-o", "wide").splitlines()[0].split()
    assert header == ["NAME", "READY", "REASON", "EMBED", "QUEUE", "DOCS", "URL", "AGE", "MODEL", "MESSAGE"]
