"""What to do about the difference between the children that should be and those that are; no cluster needed.

A child is sent again when its manifest differs from the one that was last applied (whose hash is in an
annotation), or when the object no longer holds what the manifest says, because somebody edited it.
Nothing else is sent.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rag_operator.names import COMPONENT, FIELD_MANAGER, SECRET, Key, Manifest, is_owned, key
from rag_operator.quantities import parse_quantity

APPLIED_HASH = "ragpipeline.dev/applied-hash"
# Objects in which one more key means another thing; elsewhere others may add what is theirs.
_SELECTORS = {"selector", "podSelector", "namespaceSelector", "labelSelector", "matchLabels"}


class Verb(StrEnum):
    """What an action does."""

    PRUNE = "prune"
    HAND_OVER = "hand over"
    CREATE = "create"
    CHANGE = "change"


@dataclass(frozen=True)
class Action:
    """One step: a manifest to apply, or an object to delete, and why."""

    verb: Verb
    manifest: Manifest
    reason: str
    component: str

    @property
    def child(self) -> str:
        """Kind and name of what the action is about."""
        return f"{self.manifest['kind']} {self.manifest['metadata']['name']}"

    @property
    def comes_first(self) -> bool:
        """Whether the steps after it do harm without it.

        A password that could not be written is forgotten: pods would restart for another one in each pass. A
        Deployment whose number of pods was not handed over falls to one.
        """
        return self.verb is Verb.HAND_OVER or self.manifest["kind"] == SECRET.kind

    def __str__(self) -> str:
        return f"{self.verb} {self.child}: {self.reason}"


def plan(
    desired: Sequence[Manifest],
    observed: Sequence[Manifest],
    owner_uid: str,
    withheld: Collection[Key] = (),
) -> list[Action]:
    """Return what to do, in order; nothing when all is as it should be.

    Children that are `withheld` stay as they are, or are not made.
    """
    present = {key(item): item for item in observed}
    wanted = {key(item) for item in desired}
    # First: a scaler that is no longer wanted must not act on what follows.
    actions = [
        Action(Verb.PRUNE, item, "no longer part of the pipeline", _component(item))
        for item in observed
        if key(item) not in wanted and is_owned(item, owner_uid) and not _ending(item)
    ]
    for manifest in desired:
        if key(manifest) in withheld:
            continue
        there = present.get(key(manifest))
        actions.extend(_child_actions(stamp(_no_smaller(manifest, there)), there))
    return actions


def stamp(manifest: Manifest) -> Manifest:
    """Return the manifest with its own hash as an annotation."""
    metadata = manifest["metadata"]
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()[:16]
    annotations = {**metadata.get("annotations", {}), APPLIED_HASH: digest}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def drift(desired: Any, observed: Any, path: str = "") -> str | None:
    """Return the path of the first desired value that the observed object lacks; None if it holds them all.

    What the API server adds (defaults, status) does not count, except in a selector. It also drops empty
    values and may spell a quantity in another way.
    """
    if isinstance(desired, dict) and isinstance(observed, dict):
        if path.rpartition(".")[2] in _SELECTORS and (added := sorted(observed.keys() - desired.keys())):
            return f"{path}.{added[0]}"
        pairs: Iterator[tuple[str, Any, Any]] = (
            (f"{path}.{key}", value, observed.get(key)) for key, value in desired.items()
        )
    elif isinstance(desired, list) and isinstance(observed, list):
        if _named(desired) and _named(observed):
            by_name = {item["name"]: item for item in observed}
            pairs = ((f"{path}[{item['name']}]", item, by_name.get(item["name"])) for item in desired)
        elif len(desired) != len(observed):
            return path
        else:
            pairs = (
                (f"{path}[{index}]", item, other)
                for index, (item, other) in enumerate(zip(desired, observed, strict=True))
            )
    else:
        return None if _same(desired, observed) else path
    return next((found for where, one, other in pairs if (found := drift(one, other, where))), None)


def _child_actions(manifest: Manifest, observed: Manifest | None) -> Iterator[Action]:
    component = _component(manifest)
    if observed is None:
        yield Action(Verb.CREATE, manifest, "missing", component)
        return
    if _owns_replicas(observed) and "replicas" not in manifest["spec"]:
        replicas = _replicas_only(observed)
        yield Action(Verb.HAND_OVER, replicas, "an autoscaler takes over the number of pods", component)
    applied = observed["metadata"].get("annotations", {}).get(APPLIED_HASH)
    if applied != manifest["metadata"]["annotations"][APPLIED_HASH]:
        yield Action(Verb.CHANGE, manifest, "its manifest changed", component)
    elif where := drift(manifest, observed):
        yield Action(Verb.CHANGE, manifest, f"{where.lstrip('.')} was changed by somebody else", component)


def _no_smaller(manifest: Manifest, observed: Manifest | None) -> Manifest:
    """Return a claim that asks for at least what it has: somebody let it grow, and none can shrink."""
    if observed is None or manifest["kind"] != "PersistentVolumeClaim":
        return manifest
    spec, size = manifest["spec"], observed["spec"]["resources"]["requests"]["storage"]
    number, wanted = parse_quantity(size), parse_quantity(spec["resources"]["requests"]["storage"])
    if number is None or wanted is None or number <= wanted:
        return manifest
    return {**manifest, "spec": {**spec, "resources": {"requests": {"storage": size}}}}


def _replicas_only(observed: Manifest) -> Manifest:
    """Return the number of pods as it is, but at least one: an autoscaler ignores a Deployment of none."""
    metadata = {key: observed["metadata"][key] for key in ("name", "namespace")}
    return {
        "apiVersion": observed["apiVersion"],
        "kind": observed["kind"],
        "metadata": metadata,
        "spec": {"replicas": max(1, observed["spec"].get("replicas", 1))},
    }


def _owns_replicas(observed: Manifest) -> bool:
    """Whether the number of pods would fall back to one if our next apply left it out."""
    return any(
        "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
        for entry in observed["metadata"].get("managedFields", [])
        if entry["manager"] == FIELD_MANAGER and entry["operation"] == "Apply"
    )


def _component(item: Manifest) -> str:
    return str(item["metadata"].get("labels", {}).get(COMPONENT, ""))


def _ending(item: Manifest) -> bool:
    return "deletionTimestamp" in item["metadata"]


def _named(items: list[Any]) -> bool:
    """Whether the items are told apart by their names, as containers and variables are."""
    names = [item.get("name") for item in items if isinstance(item, dict)]
    return bool(items) and len(set(names) - {None}) == len(items)


def _same(desired: Any, observed: Any) -> bool:
    if desired == observed or (not desired and observed is None):
        return True
    if not (isinstance(desired, str) and isinstance(observed, str)):
        return False
    number = parse_quantity(desired)
    return number is not None and number == parse_quantity(observed)
