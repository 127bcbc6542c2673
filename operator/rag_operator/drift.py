"""What of an object is the pipeline's to say, and what is rightly others'. Pure.

The spec of a child is the pipeline's, as a whole: what somebody else adds to it goes, too. Its metadata is
shared, and a few fields belong to those who fill them in: autoscalers, controllers, the API server itself.
"""

import hashlib
import json
from collections.abc import Collection, Iterator
from copy import deepcopy
from typing import Any

from rag_operator.names import CLAIM, DEPLOYMENT, FIELD_MANAGER, PIPELINE, STATEFUL_SET, Manifest
from rag_operator.quantities import same_amount

# Top-level fields that others fill in: the token controller's, and what keeps a Secret from being changed.
_LEFT = {"ServiceAccount": ("secrets", "imagePullSecrets"), "Secret": ("immutable",)}
_SPREAD = "topologySpreadConstraints"
_AMOUNTS = {"requests", "limits"}
_WITH_PODS = {DEPLOYMENT.kind, STATEFUL_SET.kind}


def replacement(manifest: Manifest, observed: Manifest) -> Manifest:
    """Return what an object should be as a whole: the manifest, and what is rightly others'.

    It replaces that very object in the state in which it was seen, or nothing.
    """
    made = deepcopy(manifest)
    made["metadata"] = _metadata(manifest["metadata"], observed["metadata"], _owned(observed))
    for field in _LEFT.get(manifest["kind"], ()):
        if field in observed:
            made[field] = observed[field]
    if "spec" in manifest:
        made["spec"] = _spec(made, observed)
    return made


def untouched(manifest: Manifest, observed: Manifest) -> bool:
    """Return whether it is plain that nobody changed an object since its manifest was sent.

    Nothing that was said is missing, and nobody else wrote more than metadata, as the API server notes; what
    they write into the spec of a claim, such as the name of its volume, stays there. Where it is not plain,
    the API server is asked.
    """
    said, found = manifest["metadata"], observed["metadata"]
    entries = found.get("managedFields", [])
    return (
        bool(entries)
        and (manifest["kind"] == CLAIM.kind or all(map(_is_harmless, entries)))
        and said.get("ownerReferences", []) == found.get("ownerReferences", [])
        and _holds(manifest, observed)
    )


def digest(manifest: Manifest, observed: Manifest) -> str:
    """Return what tells whether an object is still as it was, as far as the manifest is concerned."""
    return hashlib.sha256(json.dumps(_counted(manifest, observed), sort_keys=True).encode()).hexdigest()[:16]


def what_changed(manifest: Manifest, before: Manifest, after: Manifest) -> str:
    """Return the path of the first field that differs between two states of a child."""
    return next(_differences(_counted(manifest, before), _counted(manifest, after), ""), "").lstrip(".")


def _is_harmless(entry: Manifest) -> bool:
    """Whether an entry of the managed fields is ours, of a status, or of metadata alone."""
    ours = entry["manager"] == FIELD_MANAGER
    return ours or "subresource" in entry or entry["fieldsV1"].keys() <= {"f:metadata"}


def _holds(said: Any, found: Any) -> bool:
    """Whether all that was said is there, as an API server keeps it."""
    if isinstance(said, dict) and isinstance(found, dict):
        return all(_holds_field(field, value, found) for field, value in said.items())
    if isinstance(said, list) and isinstance(found, list):
        return len(said) == len(found) and all(map(_holds, said, found))
    return bool(said == found)


def _holds_field(field: str, said: Any, found: Manifest) -> bool:
    """Compare one field: amounts by what they are worth, and nothing is kept of empty texts and lists."""
    if field in _AMOUNTS:
        amounts = found.get(field, {})
        return all(key in amounts and same_amount(amount, amounts[key]) for key, amount in said.items())
    return _holds(said, found[field]) if field in found else said in ("", [])


def _counted(manifest: Manifest, observed: Manifest) -> Manifest:
    """Return an object without what others may change at any time."""
    said, found = manifest["metadata"], observed["metadata"]
    metadata: Manifest = {
        field: {key: value for key, value in found.get(field, {}).items() if key in said.get(field, {})}
        for field in ("labels", "annotations")
    }
    metadata["ownerReferences"] = found.get("ownerReferences", [])
    counted = {key: value for key, value in observed.items() if key != "status"} | {"metadata": metadata}
    if _is_scaled_by_others(manifest):
        counted["spec"] = {key: value for key, value in observed["spec"].items() if key != "replicas"}
    return counted


def _differences(one: Any, other: Any, path: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from _differences(one.get(key), other.get(key), f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _differences(left, right, f"{path}[{index}]")
    elif one != other:
        yield path


def _metadata(said: Manifest, found: Manifest, owned: Manifest) -> Manifest:
    ours = owned.get("f:metadata", {})
    identity = ("uid", "resourceVersion", "finalizers")
    made = said | {field: found[field] for field in identity if field in found}
    for field in ("labels", "annotations"):
        made[field] = _others(found.get(field, {}), ours.get(f"f:{field}", {})) | said.get(field, {})
    others = [each for each in found.get("ownerReferences", []) if not _is_pipeline(each)]
    made["ownerReferences"] = [*said.get("ownerReferences", []), *others]
    return made


def _others(found: dict[str, str], ours: Collection[str]) -> dict[str, str]:
    """Return the entries that we did not write."""
    return {key: value for key, value in found.items() if f"f:{key}" not in ours}


def _is_pipeline(owner: Manifest) -> bool:
    """Whether a reference leads to this pipeline, or to one before it that had its name."""
    return (owner["apiVersion"], owner["kind"]) == (PIPELINE.api_version, PIPELINE.kind)


def _spec(made: Manifest, observed: Manifest) -> Manifest:
    spec: Manifest = made["spec"]
    found: Manifest = observed.get("spec", {})
    if made["kind"] == CLAIM.kind:  # all but its size is settled once it is bound
        return {**found, **spec}
    if made["kind"] == "Ingress" and "f:ingressClassName" not in _owned(observed).get("f:spec", {}):
        by_admission = {key: value for key, value in found.items() if key == "ingressClassName"}
        return {**by_admission, **spec}
    if made["kind"] in _WITH_PODS:
        if _is_scaled_by_others(made):  # an autoscaler ignores a Deployment of none
            spec["replicas"] = max(1, found.get("replicas", 1))
        _keep_in_template(spec["template"], found["template"], _owned(observed))
    return spec


def _keep_in_template(template: Manifest, found: Manifest, owned: Manifest) -> None:
    """Keep annotations, such as that of a restart, and how somebody spreads the pods over more than nodes."""
    fields = owned.get("f:spec", {}).get("f:template", {}).get("f:metadata", {})
    others = _others(found["metadata"].get("annotations", {}), fields.get("f:annotations", {}))
    template["metadata"]["annotations"] = others | template["metadata"].get("annotations", {})
    constraints = template["spec"].get(_SPREAD, [])
    ours = {each["topologyKey"] for each in constraints}
    more = [each for each in found["spec"].get(_SPREAD, []) if each["topologyKey"] not in ours]
    template["spec"][_SPREAD] = [*constraints, *more]


def _is_scaled_by_others(manifest: Manifest) -> bool:
    return manifest["kind"] == DEPLOYMENT.kind and "replicas" not in manifest["spec"]


def _owned(observed: Manifest) -> Manifest:
    """Return the fields that we wrote last, as the API server notes them."""
    owned: Manifest = {}
    for entry in observed["metadata"].get("managedFields", []):
        if entry["manager"] == FIELD_MANAGER and "subresource" not in entry:
            _merge(owned, entry["fieldsV1"])
    return owned


def _merge(into: Manifest, fields: Manifest) -> None:
    for key, value in fields.items():
        _merge(into.setdefault(key, {}), value)
