"""Makes hundreds of pipelines, changes some, leaves them alone, and starts the operator anew."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from statistics import quantiles

import yaml
from demo.steps import Steps

from rag_operator.cluster import Cluster
from rag_operator.names import DEPLOYMENT, PIPELINE, Manifest
from rag_operator.transport import Transport, path_of
from tests.bench.operator.control_plane import READS, ControlPlane, Request, control_plane
from tests.bench.operator.process import Process, operator
from tests.cluster.kube import pipeline
from tests.cluster.own_operator import ROOT

PIPELINES = 500
PIPELINES_OF_A_NAMESPACE = 25
CHANGES = 100
CHANGE = {"spec": {"retrieval": {"topK": 9}}}
MERGE = "application/merge-patch+json"
QUIET_SECONDS = 10
REST_SECONDS = 60
AT_ONCE = 16
API_SUFFIX = "-api"
CRD = ROOT / "crds" / "ragpipelines.yaml"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


async def measure(steps: Steps, count: int = PIPELINES) -> dict[str, float]:
    """Return the figures of docs/benchmarks/operator.json."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with control_plane(folder) as cluster:
            await _install_crd(cluster)
            with operator(cluster.kubeconfig, folder / "operator.log") as process:
                with steps.step(f"Make {count} pipelines") as step:
                    created = await _create(cluster, count)
                    step.log(f"{created:.0f} s")
                    await _quiet(cluster, process, count)
                with steps.step(f"Change {CHANGES} of them"):
                    delays = await _change(cluster, count)
                    await _quiet(cluster, process, count)
                with steps.step("Leave them alone"):
                    at_rest = await _rest(cluster, process)
                peak = process.memory_mib
            with operator(cluster.kubeconfig, folder / "operator.log") as process:
                with steps.step("Start the operator anew"):
                    started = time.time()
                    await _quiet(cluster, process, count)
                    quiet = max((each.at for each in _passes(cluster.requests(started))), default=started)
                peak = max(peak, process.memory_mib)
    return {
        "pipelines": count,
        "all_created_seconds": round(created, 1),
        "change_to_children_p95_seconds": round(quantiles(delays, n=20)[-1], 2),
        **at_rest,
        "memory_mib": round(peak, 1),
        "restart_to_quiet_seconds": round(quiet - started, 1),
    }


async def _create(cluster: ControlPlane, count: int) -> float:
    """Make pipelines; return how long it took until the last one had its last child."""
    started = time.monotonic()
    spaces = range(-(-count // PIPELINES_OF_A_NAMESPACE))
    await _all(_post(cluster.transport, "/api/v1/namespaces", _namespace(each)) for each in spaces)
    places = [_place(number) for number in range(count)]
    await _all(_post(cluster.transport, path_of(PIPELINE, space), pipeline(name)) for space, name in places)

    async def made() -> bool:
        found = await Cluster(cluster.transport).list(DEPLOYMENT)
        return len([each for each in found if each["metadata"]["name"].endswith(API_SUFFIX)]) == count

    await _until(made)
    return time.monotonic() - started


async def _change(cluster: ControlPlane, count: int) -> list[float]:
    """Change pipelines one by one; return how long each took to come to its Deployment."""
    delays = []
    for number in range(0, count, max(1, count // CHANGES)):
        namespace, name = _place(number)
        path = path_of(DEPLOYMENT, namespace, f"{name}{API_SUFFIX}")
        before = (await cluster.transport.request("GET", path))["metadata"]["generation"]
        own = path_of(PIPELINE, namespace, name)
        await cluster.transport.request("PATCH", own, body=CHANGE, content_type=MERGE)
        started = time.monotonic()
        while (await cluster.transport.request("GET", path))["metadata"]["generation"] == before:
            await asyncio.sleep(0.02)
        delays.append(time.monotonic() - started)
    return delays


async def _rest(cluster: ControlPlane, process: Process) -> dict[str, float]:
    """Return what the operator does a minute while nothing happens."""
    started, used = time.time(), process.cpu_seconds
    await asyncio.sleep(REST_SECONDS)
    minutes = (time.time() - started) / 60
    requests = cluster.requests(started)
    leases = [each for each in requests if each.resource == "leases"]
    writes = [each for each in requests if each.verb not in READS and each not in leases]
    return {
        "steady_writes_per_minute": round(len(writes) / minutes, 1),
        "steady_reads_per_minute": round(sum(each.verb in READS for each in requests) / minutes, 1),
        "lease_requests_per_minute": round(len(leases) / minutes, 1),
        "cpu_cores_at_rest": round((process.cpu_seconds - used) / (60 * minutes), 3),
    }


async def _quiet(cluster: ControlPlane, process: Process, count: int) -> None:
    """Wait until the operator has had a look at each pipeline, and then asks for nothing for some seconds."""

    async def quiet() -> bool:
        return process.is_idle(count) and not _passes(cluster.requests(time.time() - QUIET_SECONDS))

    await asyncio.sleep(QUIET_SECONDS)
    await _until(quiet)


def _passes(requests: Iterable[Request]) -> list[Request]:
    """Return the requests that passes make: neither the lease, nor discovery, nor watches."""
    return [each for each in requests if each.resource not in {"", "leases"} and each.verb != "watch"]


async def _until(look: Callable[[], Awaitable[bool]]) -> None:
    """Wait for as long as it takes."""
    while not await look():
        await asyncio.sleep(1)


async def _all(requests: Iterable[Awaitable[object]]) -> None:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(request: Awaitable[object]) -> None:
        async with slots:
            await request

    await asyncio.gather(*(one(request) for request in requests))


async def _post(transport: Transport, path: str, body: Manifest) -> None:
    await transport.request("POST", path, body=body)


def _namespace(number: int) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"team-{number}"}}


def _place(number: int) -> tuple[str, str]:
    """Return namespace and name of a pipeline."""
    return f"team-{number // PIPELINES_OF_A_NAMESPACE}", f"pipeline-{number}"


async def _install_crd(cluster: ControlPlane) -> None:
    definition = yaml.safe_load(CRD.read_text())
    await cluster.transport.request("POST", CRDS, body=definition)

    async def served() -> bool:
        return await Cluster(cluster.transport).serves(PIPELINE)

    await _until(served)
