"""What a namespace holds of a pipeline, without what differs between two runs that went the same way."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from rag_operator.names import CORE_KINDS, PIPELINE, SECRET, Kind
from rag_operator.transport import path_of
from tests.cluster.kube import NAME, Manifest

# What the API server and its controllers add to a spec, and differs by the run.
CHOSEN = {"clusterIP", "clusterIPs", "volumeName", "nodePort", "healthCheckNodePort"}
# In the names of labels and annotations whose values follow from a password or from the owner's uid.
HASH = "hash"
# Variables that tell when the pipeline was made.
DATED = {"COLLECTION_REVISION", "INDEXES_DECIDED"}


@dataclass(frozen=True)
class State:
    """The children by kind and name, the conditions by type, and the passwords by Secret and key."""

    children: dict[str, Any] = field(default_factory=dict)
    conditions: dict[str, tuple[str, str]] = field(default_factory=dict)
    is_current: bool = False
    passwords: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def is_gone(self) -> bool:
        """Whether only the children are left that outlive their pipeline."""
        return not self.conditions and not any(child["owners"] for child in self.children.values())

    def remains(self) -> "State":
        """Return what is left of it once the pipeline is deleted."""
        kept = {name: child for name, child in self.children.items() if not child["owners"]}
        return State(kept, is_current=True)

    def differences(self, other: "State") -> list[str]:
        """Return what is not the same, by name."""
        names = [
            f"{what} {name}"
            for what in ("children", "conditions")
            for name in sorted({*getattr(self, what), *getattr(other, what)})
            if getattr(self, what).get(name) != getattr(other, what).get(name)
        ]
        return names + (["observedGeneration"] if self.is_current != other.is_current else [])


async def look(client: httpx.AsyncClient, namespace: str) -> State:
    """Return the present state."""
    answer = await client.get(path_of(PIPELINE, namespace, NAME))
    pipeline = answer.json() if answer.is_success else {}
    uid = pipeline.get("metadata", {}).get("uid", "no uid")
    children, passwords = dict[str, Any](), dict[str, str]()
    for kind in CORE_KINDS:
        for item in await children_of(client, namespace, kind):
            name = f"{kind.kind} {item['metadata']['name']}"
            if kind == SECRET:
                passwords |= {f"{name} {key}": value for key, value in item["data"].items()}
            told = json.dumps(_lasting(kind, item))
            children[name] = json.loads(told.replace(namespace, "NAMESPACE").replace(uid, "UID"))
    status = pipeline.get("status", {})
    conditions = {each["type"]: (each["status"], each["reason"]) for each in status.get("conditions", [])}
    generation = pipeline.get("metadata", {}).get("generation")
    return State(children, conditions, status.get("observedGeneration") == generation, passwords)


async def children_of(client: httpx.AsyncClient, namespace: str, kind: Kind) -> list[Manifest]:
    """Return the objects of a kind in the namespace that are not the cluster's own."""
    found = (await client.get(path_of(kind, namespace))).raise_for_status().json()["items"]
    return [item for item in found if item["metadata"]["name"].startswith(NAME)]


def _lasting(kind: Kind, item: Manifest) -> Manifest:
    metadata = item["metadata"]
    annotations = {
        name: value
        for name, value in metadata.get("annotations", {}).items()
        if name.startswith("ragpipeline.dev/") and HASH not in name
    }
    owners = [(owner["kind"], owner["name"]) for owner in metadata.get("ownerReferences", [])]
    return {
        "labels": metadata.get("labels"),
        "annotations": annotations,
        "owners": owners,
        "ending": "deletionTimestamp" in metadata,
        "spec": _without_chosen(item.get("spec")),
        "data": sorted(item.get("data", {})) if kind == SECRET else item.get("data"),
    }


def _without_chosen(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_chosen(item) for item in node if not _is_dated(item)]
    if isinstance(node, dict):
        kept = {key: value for key, value in node.items() if key not in CHOSEN and HASH not in key}
        return {key: _without_chosen(value) for key, value in kept.items()}
    return node


def _is_dated(item: Any) -> bool:
    return isinstance(item, dict) and item.get("name") in DATED
