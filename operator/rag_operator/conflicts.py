"""Objects of somebody else that have a name of ours, and which of our children would use them. Pure.

Such an object is left as it is. A child that would use it is neither made nor changed, nor is one that uses
that child: no pod writes into a claim, reads a Secret or talks to a Service that is not the pipeline's.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence

from rag_operator.evidence import Failure
from rag_operator.names import (
    COMPONENT,
    DEPLOYMENT,
    HTTP_ROUTE,
    INGRESS,
    SCALED_OBJECT,
    SECRET,
    STATEFUL_SET,
    Key,
    Manifest,
    key,
)

REASON = "ObjectConflict"
_POD_KINDS = {DEPLOYMENT.kind, STATEFUL_SET.kind}
_ROUTE_KINDS = {INGRESS.kind, HTTP_ROUTE.kind}


def conflicts(desired: Sequence[Manifest], foreign: Sequence[Manifest]) -> dict[Key, Failure]:
    """Return what keeps children from being made or changed, by their kind and name."""
    taken = {key(item) for item in foreign}
    services = {_host(child): key(child) for child in desired if child["kind"] == "Service"}
    uses = {key(child): set(_used(child, services)) for child in desired}
    causes = {each: each for each in uses if each in taken}
    while held := {
        each: causes[min(used & causes.keys())]
        for each, used in uses.items()
        if each not in causes and used & causes.keys()
    }:
        causes |= held
    children = {key(child): child for child in desired}
    return {each: _failure(children[each], cause) for each, cause in causes.items()}


def _used(child: Manifest, services: Mapping[str, Key]) -> Iterator[Key]:
    """Yield kind and name of everything that a child refers to; `services` are ours by their address."""
    if child["kind"] in _POD_KINDS:
        yield "NetworkPolicy", child["metadata"]["name"]  # no pod goes without what guards it
        yield from _used_by_pods(child["spec"])
    if child["kind"] == SCALED_OBJECT.kind:
        yield DEPLOYMENT.kind, child["spec"]["scaleTargetRef"]["name"]
        for trigger in child["spec"]["triggers"]:
            yield "TriggerAuthentication", trigger["authenticationRef"]["name"]
    if child["kind"] in _ROUTE_KINDS:
        rules = json.dumps(child["spec"]["rules"])
        yield from (service for service in services.values() if f'"{service[1]}"' in rules)
    if child["kind"] == "TriggerAuthentication":
        yield from ((SECRET.kind, each["name"]) for each in child["spec"]["secretTargetRef"])
    text = json.dumps(child["spec"]) if child["kind"] in _POD_KINDS else _contents(child)
    yield from (service for host, service in services.items() if f"/{host}:" in text or f"@{host}:" in text)


def _used_by_pods(spec: Manifest) -> Iterator[Key]:
    pod = spec["template"]["spec"]
    yield "ServiceAccount", pod["serviceAccountName"]
    if "serviceName" in spec:
        yield "Service", spec["serviceName"]
    for volume in pod["volumes"]:
        if claim := volume.get("persistentVolumeClaim"):
            yield "PersistentVolumeClaim", claim["claimName"]
        if secret := volume.get("secret"):
            yield SECRET.kind, secret["secretName"]
    for container in (*pod["containers"], *pod.get("initContainers", [])):
        for variable in container.get("env", []):
            if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                yield SECRET.kind, reference["name"]


def _contents(child: Manifest) -> str:
    """Return all values of a Secret; nothing for another kind."""
    values = child["data"].values() if child["kind"] == SECRET.kind else ()
    return "\n".join(f"/{base64.b64decode(value).decode()}" for value in values)


def _host(service: Manifest) -> str:
    return f"{service['metadata']['name']}.{service['metadata']['namespace']}"


def _failure(child: Manifest, cause: Key) -> Failure:
    own, other = " ".join(key(child)), " ".join(cause)
    message = (
        f"{other} exists and does not belong to the pipeline; delete it, or give the pipeline another name"
    )
    if own != other:
        message = f"{own} would use what is not ours and is left as it is: {message}"
    return Failure(child["kind"], str(child["metadata"]["labels"][COMPONENT]), message, REASON)
