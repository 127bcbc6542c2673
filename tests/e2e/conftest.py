"""One cluster, operator and pipeline for all end-to-end tests, brought up by the demo's own steps.

`make test-e2e KUBECONFIG=... REGISTRY=...` chooses a cluster of the user's, as with `make demo`.
`make test-e2e EMBEDDING_CPU=250m` holds the embedding pods to a quarter of a core: no test depends on it.
"""

from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest
import pytest_asyncio
from demo import corpus, install, story
from demo.ingest import ingest
from demo.kube import Kube
from demo.pipeline import Pipeline
from demo.questions import Answer, ask_all
from demo.steps import Steps
from demo.target import Target, target

from rag_cli.client import Client
from tests.e2e.killing import Killer, killer_pod
from tests.e2e.look import look
from tests.e2e.redis import Redis, redis_of
from tests.e2e.vectors import Vectors, vectors_of

# Where a failed test looks, from the moment that there is a cluster.
CLUSTER = pytest.StashKey[Kube]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kubeconfig", default="", help="a cluster of yours, in place of hack/cluster's")
    parser.addoption("--embedding-cpu", default="", help="the CPU limit of an embedding pod, such as 250m")
    parser.addoption(
        "--registry", default="", help="where images are pushed, and that cluster pulls them from"
    )


@pytest.fixture(scope="session")
def steps() -> Steps:
    return Steps()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster(steps: Steps, request: pytest.FixtureRequest) -> Target:
    """The local cluster, or the one that is given; a machine that can hold none fails, and says why."""
    kubeconfig, registry = map(request.config.getoption, ("--kubeconfig", "--registry"))
    chosen = await target(kubeconfig, registry, with_kind=False)
    if why := await chosen.problems(steps):
        pytest.fail(f"no local cluster on this machine: {why}")
    await story.prepare(chosen, steps)
    request.config.stash[CLUSTER] = chosen.kube
    return chosen


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kube(cluster: Target) -> Kube:
    return cluster.kube


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pipeline(kube: Kube, steps: Steps, request: pytest.FixtureRequest) -> Pipeline:
    """The quickstart, Ready."""
    pipeline = await install.apply_quickstart(kube, steps)
    if cpu := request.config.getoption("--embedding-cpu"):
        with steps.step(f"Hold the embedding pods to {cpu} of CPU") as step:
            resources = {"requests": {"cpu": cpu}, "limits": {"cpu": cpu}}
            await pipeline.patch({"embedding": {"managed": {"resources": resources}}}, step)
    return pipeline


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def client(pipeline: Pipeline) -> AsyncIterator[Client]:
    """The API's, without what a run that was stopped has left: questions would be answered from it."""
    async with pipeline.api() as client:
        for document_id in await client.document_ids():
            if document_id != corpus.MANUAL_ID:
                await client.delete(document_id)
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def manual(client: Client, steps: Steps) -> Path:
    """Debian's policy manual, ingested."""
    path = await corpus.policy_manual()
    with steps.step("Upload the manual") as step:
        await ingest(client, path, corpus.MANUAL_ID, step)
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def answers(manual: Path, client: Client, steps: Steps) -> list[Answer]:
    """The demo's questions, answered."""
    return await ask_all(client, steps.console)


@pytest_asyncio.fixture(loop_scope="session")
async def vectors(pipeline: Pipeline) -> AsyncIterator[Vectors]:
    async with vectors_of(pipeline) as vectors:
        yield vectors


@pytest_asyncio.fixture(loop_scope="session")
async def redis(pipeline: Pipeline) -> Redis:
    return await redis_of(pipeline)


@pytest_asyncio.fixture(loop_scope="session")
async def killer(pipeline: Pipeline) -> AsyncIterator[Killer]:
    async with killer_pod(pipeline) as killer:
        yield killer


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds to the report of a failed test what a person would look at in the cluster."""
    report = yield
    if report.failed and (kube := item.config.stash.get(CLUSTER, None)):
        report.sections.append(("cluster", look(kube)))
    return report
