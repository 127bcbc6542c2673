"""An operator with the rights of the chart lives all that a pipeline can: none is missing, none unused."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag_operator.names import GATEWAY, KINDS, PIPELINE, Kind, Manifest
from rag_operator.transport import path_of
from tests.cluster.faults.granting import grant
from tests.cluster.faults.rights import Noting, Right
from tests.cluster.faults.state import children_of
from tests.cluster.faults.trials import MERGE, SPEC, Place, Trials
from tests.cluster.kube import NAME, Kube, established
from tests.cluster.optional_kinds import definition, is_served
from tests.patience import until

# Asked for by no request: whoever names an owner whose deletion is to wait for its children needs it.
UNASKED = {Right("update", "ragpipeline.dev", "ragpipelines/finalizers")}
HOST = "rag.example.com"
# With scalers, and with pods of which one may go at a time.
WHOLE: Manifest = {
    **SPEC,
    "api": {"replicas": 2},
    "embedding": {"managed": {"autoscaling": {"maxReplicas": 4}}},
    "storage": {"managed": {"retentionPolicy": "Delete"}},
}
EXPOSED: tuple[Manifest, ...] = (
    {"ingress": {"host": HOST}, "gateway": None},
    {"gateway": {"name": "shared", "hostnames": [HOST]}, "ingress": None},
)
EDIT: Manifest = {"metadata": {"labels": {"app.kubernetes.io/component": "other"}}}
# Of a child's spec, what the API server gives to one object alone.
OWN = {"clusterIP", "clusterIPs", "volumeName"}


@pytest.fixture
def every_kind(alone: Kube) -> Iterator[Kube]:
    """A cluster that serves all kinds; of those that others bring it knows the names."""
    brought = [definition(kind) for kind in (*KINDS.values(), GATEWAY) if not is_served(alone, kind)]
    for each in brought:
        alone.apply(each)
    names = [each["metadata"]["name"] for each in brought]
    try:
        established(alone, *names)
        yield alone
    finally:
        alone("delete", "crd", *names)


@pytest.mark.parametrize("scope", ["all", "one", "several"])
def test_no_right_is_missing_and_none_unused(every_kind: Kube, scope: str, tmp_path: Path) -> None:
    async def live() -> tuple[set[Right], set[Right]]:
        async with Trials(every_kind.kubeconfig, tmp_path).place() as place:
            served = {"all": [], "one": [place.namespace], "several": [place.namespace, "default"]}[scope]
            kube = Kube(every_kind.kubeconfig, place.namespace)
            given = await asyncio.to_thread(grant, kube, served)
            noting = place.proxy.harm = Noting()
            place.proxy.token = given.token
            place.operator.tell(
                watch_namespaces=json.dumps(served),
                lease_namespace=place.namespace,
                lease_name=given.account,
            )
            place.operator.start()
            await place.act("create")
            for expose in EXPOSED:
                await live_once(place, noting, expose)
            await used_up(noting, given.rights - UNASKED)
            return noting.used, given.rights

    used, rights = asyncio.run(live())
    assert used - rights == set()


async def live_once(place: Place, noting: Noting, expose: Manifest) -> None:
    """Have each child of a pipeline changed by somebody, and one more of each kind, which is not wanted."""
    change = {"spec": {**WHOLE, "expose": expose}}
    pipeline = path_of(PIPELINE, place.namespace, NAME)
    (await place.client.patch(pipeline, json=change, headers=MERGE)).raise_for_status()
    await place.settle("create")
    edited = set[Right]()
    for kind in KINDS.values():
        found = await children_of(place.client, place.namespace, kind)
        for child in found:
            path = path_of(kind, place.namespace, child["metadata"]["name"])
            (await place.client.patch(path, json=EDIT, headers=MERGE)).raise_for_status()
            edited.add(Right("update", kind.api_version.rpartition("/")[0], kind.plural))
        for child in found[:1]:
            path = path_of(kind, place.namespace)
            (await place.client.post(path, json=one_more(kind, child))).raise_for_status()
    await used_up(noting, edited)  # before it is another spec in which some of them are not wanted


def one_more(kind: Kind, child: Manifest) -> Manifest:
    """Return another object of a pipeline's, with a name that none of its children has."""
    metadata = {name: child["metadata"].get(name) for name in ("labels", "ownerReferences")}
    kept = {name: value for name, value in child.items() if name not in {"metadata", "status"}}
    if "spec" in child:
        kept["spec"] = {name: value for name, value in child["spec"].items() if name not in OWN}
    made = {**metadata, "name": f"{NAME}-one-more"}
    return {**kept, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": made}


async def used_up(noting: Noting, rights: set[Right]) -> None:
    """Wait until all rights were used; AssertionError names those that never are."""

    async def none_left() -> bool:
        return rights <= noting.used

    try:
        await until(none_left)
    except TimeoutError:
        raise AssertionError(f"never used: {sorted(rights - noting.used)}") from None
