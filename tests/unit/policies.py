"""What NetworkPolicies allow, as a cluster's network enforces them: as much of it as our policies use."""

from collections.abc import Sequence
from typing import NamedTuple

from rag_operator.names import Manifest


class Pod(NamedTuple):
    """A pod, as policies see it."""

    namespace: str
    labels: dict[str, str]


def may_reach(policies: Sequence[Manifest], source: Pod, target: Pod, port: int) -> bool:
    """Return whether one pod may open a connection to a port of another.

    A pod that no policy selects is open to all; else one rule of one policy must let the source in.
    """
    specs = [
        policy["spec"]
        for policy in policies
        if policy["metadata"]["namespace"] == target.namespace
        and _selects(policy["spec"]["podSelector"], target.labels)
    ]
    rules = [rule for spec in specs for rule in spec["ingress"]]
    return not specs or any(_admits(rule, source, target, port) for rule in rules)


def _admits(rule: Manifest, source: Pod, target: Pod, port: int) -> bool:
    if port not in {each["port"] for each in rule["ports"]}:
        return False
    # As in Kubernetes: no list of peers, and an empty one, let everybody in.
    peers = rule.get("from") or [{"namespaceSelector": {}}]
    return any(_is_peer(peer, source, target.namespace) for peer in peers)


def _is_peer(peer: Manifest, source: Pod, own_namespace: str) -> bool:
    assert peer.keys() <= {"namespaceSelector", "podSelector"}
    if "namespaceSelector" in peer:
        namespace = {"kubernetes.io/metadata.name": source.namespace}
        inside = _selects(peer["namespaceSelector"], namespace)
    else:
        inside = source.namespace == own_namespace
    return inside and _selects(peer.get("podSelector", {}), source.labels)


def _selects(selector: Manifest, labels: dict[str, str]) -> bool:
    assert selector.keys() <= {"matchLabels"}
    wanted: dict[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()
