"""What befalls a pipeline that is as it should be: its children are touched, or its API server goes away."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from rag_operator.names import DEPLOYMENT, SECRET, SERVICE, STATEFUL_SET, Kind
from rag_operator.transport import path_of
from tests.cluster.faults.proxy import Refusing
from tests.cluster.faults.state import children_of
from tests.cluster.faults.trials import MERGE, Place
from tests.cluster.kube import Manifest

TOUCHED = (DEPLOYMENT, SERVICE, STATEFUL_SET, SECRET)
AWAY_SECONDS = 5.0

Disturbance = Callable[[Place], Awaitable[None]]


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


async def _merge(place: Place, kind: Kind, name: str, change: Manifest) -> None:
    path = path_of(kind, place.namespace, name)
    (await place.client.patch(path, json=change, headers=MERGE)).raise_for_status()


DISTURBANCES: Mapping[str, Disturbance] = {
    "children deleted": delete,
    "children edited": edit,
    "children without labels": relabel,
    "children without owner": orphan,
    "API server away": go_away,
    "writes forbidden": forbid,
}
