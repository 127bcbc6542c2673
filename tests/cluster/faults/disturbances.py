"""What befalls a pipeline that is as it should be: its children are touched, or its API server goes away."""

import asyncio
from collections.abc import Mapping

from rag_operator.names import (
    DEPLOYMENT,
    KEDA_KINDS,
    MONITORING_KINDS,
    PIPELINE,
    SECRET,
    SERVICE,
    STATEFUL_SET,
    Kind,
)
from rag_operator.transport import path_of
from tests.cluster.another_server import another_server
from tests.cluster.faults.granting import grant
from tests.cluster.faults.proxy import Refusing
from tests.cluster.faults.state import children_of
from tests.cluster.faults.trials import MERGE, Place, Step
from tests.cluster.kube import NAME, Manifest, established
from tests.cluster.optional_kinds import definition
from tests.patience import until

TOUCHED = (DEPLOYMENT, SERVICE, STATEFUL_SET, SECRET)
AWAY_SECONDS = 5.0


async def delete(place: Place) -> None:
    """Delete children of every kind but Secrets, whose passwords nobody could have."""
    for kind in (DEPLOYMENT, SERVICE, STATEFUL_SET):
        for item in await children_of(place.client, place.namespace, kind):
            path = path_of(kind, place.namespace, item["metadata"]["name"])
            (await place.client.delete(path)).raise_for_status()


async def edit(place: Place) -> None:
    """Give the pods of each Deployment another image, and each Service another port."""
    for item in await children_of(place.client, place.namespace, DEPLOYMENT):
        container = item["spec"]["template"]["spec"]["containers"][0] | {"image": "example.com/other:1"}
        spec = {"template": {"spec": {"containers": [container]}}}
        await _merge(place, DEPLOYMENT, item["metadata"]["name"], {"spec": spec})
    for item in await children_of(place.client, place.namespace, SERVICE):
        ports = [each | {"port": each["port"] + 1} for each in item["spec"]["ports"]]
        await _merge(place, SERVICE, item["metadata"]["name"], {"spec": {"ports": ports}})


async def relabel(place: Place) -> None:
    """Take all labels from children of every kind."""
    for kind in TOUCHED:
        for item in await children_of(place.client, place.namespace, kind):
            labels = dict.fromkeys(item["metadata"]["labels"])
            await _merge(place, kind, item["metadata"]["name"], {"metadata": {"labels": labels}})


async def orphan(place: Place) -> None:
    """Take the owner from each Deployment."""
    for item in await children_of(place.client, place.namespace, DEPLOYMENT):
        await _merge(place, DEPLOYMENT, item["metadata"]["name"], {"metadata": {"ownerReferences": []}})


async def go_away(place: Place) -> None:
    """Cut all connections and refuse others for a while; meanwhile a Deployment is deleted."""
    await place.proxy.close()
    await delete(place)
    await asyncio.sleep(AWAY_SECONDS)
    await place.proxy.open()


async def forbid(place: Place) -> None:
    """Take away the right to write for a while; meanwhile children are deleted."""
    place.proxy.harm = Refusing(403, every=1, most=5)
    await delete(place)


async def connect_directly(place: Place) -> None:
    """Give the operator an API server of its own, on the etcd of all."""
    place.server = place.closing.enter_context(another_server(place.kube.kubeconfig.parent))
    place.operator.connect(place.server.kubeconfig)


async def restart_server(place: Place) -> None:
    """Kill that API server, and start it again a while later; meanwhile children are deleted."""
    assert place.server
    place.server.kill()
    await delete(place)
    await asyncio.sleep(AWAY_SECONDS)
    await asyncio.to_thread(place.server.start)


async def limit_rights(place: Place) -> None:
    """Give the operator no more rights than its chart does."""
    place.proxy.token = (await asyncio.to_thread(grant, place.kube, [place.namespace])).token


async def take_rights(place: Place) -> None:
    """Delete the operator's Roles, and give them back a while later; meanwhile children are deleted."""
    roles = await asyncio.to_thread(place.kube.list, "roles")
    for role in roles:
        await asyncio.to_thread(place.kube.delete, "role", role["metadata"]["name"])
    place.proxy.cut_watches()
    await delete(place)
    await asyncio.sleep(AWAY_SECONDS)
    for role in roles:
        role["metadata"] = {key: role["metadata"][key] for key in ("name", "namespace", "labels")}
        await asyncio.to_thread(place.kube.apply, role)


async def add_and_remove_kinds(place: Place) -> None:
    """Add the kinds of KEDA and of monitoring, have children of them made, and remove the kinds again."""
    kinds = (*KEDA_KINDS, *MONITORING_KINDS)
    definitions = [definition(kind) for kind in kinds]
    names = [each["metadata"]["name"] for each in definitions]
    remove = ("delete", "crd", "--ignore-not-found", *names)
    await asyncio.to_thread(place.kube, *remove)
    for each in definitions:
        await asyncio.to_thread(place.kube.apply, each)
    await asyncio.to_thread(established, place.kube, *names)
    await _scale(place, {"maxReplicas": 4})

    async def all_made() -> bool:
        # An API server that still prepares a new kind answers 429.
        answers = [await place.client.get(path_of(kind, place.namespace)) for kind in kinds]
        return all(each.is_success and each.json()["items"] for each in answers)

    await until(all_made)
    await asyncio.to_thread(place.kube, *remove)
    await _scale(place, None)


async def _scale(place: Place, autoscaling: Manifest | None) -> None:
    change = {"spec": {"embedding": {"managed": {"autoscaling": autoscaling}}}}
    path = path_of(PIPELINE, place.namespace, NAME)
    (await place.client.patch(path, json=change, headers=MERGE)).raise_for_status()


async def _merge(place: Place, kind: Kind, name: str, change: Manifest) -> None:
    path = path_of(kind, place.namespace, name)
    (await place.client.patch(path, json=change, headers=MERGE)).raise_for_status()


DISTURBANCES: Mapping[str, Step] = {
    "children deleted": delete,
    "children edited": edit,
    "children without labels": relabel,
    "children without owner": orphan,
    "API server away": go_away,
    "writes forbidden": forbid,
    "API server restarted": restart_server,
    "Roles deleted": take_rights,
}
# What is arranged before the operator starts.
ARRANGEMENTS: Mapping[str, Step] = {
    "API server restarted": connect_directly,
    "Roles deleted": limit_rights,
}
# What befalls all pipelines of a cluster, and so is tried with no other.
OF_THE_CLUSTER: Mapping[str, Step] = {"kinds added and removed": add_and_remove_kinds}
