"""What to do about the difference between the children that should be and those that are; no cluster needed.

A child is sent again when its manifest differs from the one that was sent last (whose hash is in an
annotation), or when the object is not as it was when it was last found to be right: only the API server knows
what it makes of a manifest, and one that changes nothing is not written. Nothing else is sent.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rag_operator.drift import digest, untouched
from rag_operator.names import APPLIED_HASH, CLAIM, COMPONENT, SECRET, Key, Manifest, is_owned, key
from rag_operator.quantities import parse_quantity


class Verb(StrEnum):
    """What an action does."""

    PRUNE = "prune"
    CREATE = "create"
    CHANGE = "change"
    CHECK = "check"


@dataclass(frozen=True)
class Action:
    """One step: a manifest to send, or an object to delete, and why."""

    verb: Verb
    manifest: Manifest
    reason: str
    component: str
    observed: Manifest | None = None
    """The object that a manifest is to replace."""

    @property
    def child(self) -> str:
        """Kind and name of what the action is about."""
        return f"{self.manifest['kind']} {self.manifest['metadata']['name']}"

    @property
    def comes_first(self) -> bool:
        """Whether the steps after it do harm without it.

        A password that could not be written is forgotten: pods would restart for another one in each pass.
        """
        return key(self.manifest)[0] == SECRET.kind

    def __str__(self) -> str:
        return f"{self.verb} {self.child}: {self.reason}"


def plan(
    desired: Sequence[Manifest],
    observed: Sequence[Manifest],
    owner_uid: str,
    withheld: Collection[Key] = (),
    checked: Mapping[Key, str] | None = None,
) -> list[Action]:
    """Return what to do, in order; nothing when all is as it should be.

    Children that are `withheld` stay as they are, or are not made. `checked` holds the digests of those that
    were found to be right.
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
        actions.extend(_child_actions(stamp(_no_smaller(manifest, there)), there, checked or {}))
    return actions


def stamp(manifest: Manifest) -> Manifest:
    """Return the manifest with its own hash as an annotation."""
    metadata = manifest["metadata"]
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()[:16]
    annotations = {**metadata.get("annotations", {}), APPLIED_HASH: digest}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def _child_actions(
    manifest: Manifest, observed: Manifest | None, checked: Mapping[Key, str]
) -> Iterator[Action]:
    component = _component(manifest)
    if observed is None:
        yield Action(Verb.CREATE, manifest, "missing", component)
    elif _ending(observed):
        return  # it is made again once it is gone
    elif _applied(observed) != _applied(manifest):
        yield Action(Verb.CHANGE, manifest, "its manifest changed", component, observed)
    elif not untouched(manifest, observed) and checked.get(key(manifest)) != digest(manifest, observed):
        yield Action(Verb.CHECK, manifest, "not as it was seen last", component, observed)


def _no_smaller(manifest: Manifest, observed: Manifest | None) -> Manifest:
    """Return a claim that asks for at least what it has: somebody let it grow, and none can shrink."""
    if observed is None or manifest["kind"] != CLAIM.kind:
        return manifest
    spec, size = manifest["spec"], observed["spec"]["resources"]["requests"]["storage"]
    number, wanted = parse_quantity(size), parse_quantity(spec["resources"]["requests"]["storage"])
    if number is None or wanted is None or number <= wanted:
        return manifest
    return {**manifest, "spec": {**spec, "resources": {"requests": {"storage": size}}}}


def _applied(item: Manifest) -> str | None:
    found: str | None = item["metadata"].get("annotations", {}).get(APPLIED_HASH)
    return found


def _component(item: Manifest) -> str:
    return str(item["metadata"].get("labels", {}).get(COMPONENT, ""))


def _ending(item: Manifest) -> bool:
    return "deletionTimestamp" in item["metadata"]
