"""On a cluster, another model's index takes over without an empty moment; called off, it leaves nothing."""

import functools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from signal import Signals
from typing import Any

import pytest
import pytest_asyncio
import yaml
from demo.install import OPERATOR, OPERATOR_NAMESPACE, create_namespace
from demo.kube import Kube
from demo.paths import QUICKSTART
from demo.pipeline import Pipeline
from demo.steps import Steps
from redis.asyncio import Redis

from rag_cli.client import Client
from rag_contract.stats import Stats
from rag_standins.models.minilm import CUT_ID, MODEL_ID
from tests.durability import corpus
from tests.durability.answers import Answers, ask, differences, questions
from tests.durability.stores import Expected, Stores, compare
from tests.e2e.cluster_site import DIGESTS
from tests.e2e.killing import Killer
from tests.e2e.redis import redis_of
from tests.e2e.steady import SteadyClient, steady_client
from tests.e2e.vectors import vectors_of
from tests.integration.test_reindex import ingest, notes
from tests.patience import until
from tests.reindexing import asking

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAME, NAMESPACE = "reindex", "ragpipeline-e2e-reindex"
FIRST, SECOND, THIRD = "reindex-minilm", "reindex-cut", "reindex-given-up"
DOCUMENTS, COMING, GOING, SEED = 24, 4, 2, 11
GRACE_SECONDS = 10
LOSE_FILE = """
import os, pathlib, shutil, sys
shutil.rmtree(pathlib.Path(os.environ["STORAGE_URL"].removeprefix("file://"), "documents", sys.argv[1]))
"""


@dataclass(frozen=True)
class Site:
    """The pipeline, and what is known of its documents."""

    pipeline: Pipeline
    client: SteadyClient
    expected: dict[str, Expected]
    asked: list[str]

    async def name(self, collection: str, model: str) -> None:
        """Have the spec name another collection and another model."""
        spec = {"vectorStore": {"collection": collection}, "embedding": {"model": model}}
        change = ("--type", "merge", "--patch", json.dumps({"spec": spec}))
        await self.pipeline.kube.kubectl("patch", "ragpipeline", NAME, "-n", NAMESPACE, *change)

    async def answers(self) -> Answers:
        """What the questions are answered with now."""
        return await self.client.call(lambda client: ask(client, self.asked))

    async def stats(self) -> Stats:
        return await self.client.call(lambda client: client.stats())

    async def deployments(self) -> set[str]:
        """The names of the pipeline's Deployments."""
        return {each["metadata"]["name"] for each in await self.pipeline.kube.list("deployments", NAMESPACE)}

    @asynccontextmanager
    async def stores(self, index: str, collection: str) -> AsyncIterator[Stores]:
        """Opens the three stores, past the pipeline."""
        kube, password = self.pipeline.kube, (await redis_of(self.pipeline)).password
        async with (
            kube.forward(f"{NAME}-redis", 6379, NAMESPACE) as url,
            Redis.from_url(url.replace("http:", "redis:"), password=password) as redis,
            vectors_of(self.pipeline) as vectors,
        ):
            yield Stores(redis, vectors.client, index, collection, self._files)

    async def _files(self) -> dict[str, str]:
        files: dict[str, str] = json.loads(await self.in_api("python", "-c", DIGESTS))
        return files

    async def in_api(self, *command: str) -> str:
        """What a command says that runs in a pod of the API, which has the files."""
        return await self.pipeline.kube.kubectl(
            "exec", "-n", NAMESPACE, f"deployment/{NAME}-api", "--", *command
        )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(kube: Kube, steps: Steps) -> AsyncIterator[Site]:
    """A pipeline with documents, in a namespace of its own."""
    pipeline = Pipeline(kube, NAME, NAMESPACE)
    files = await corpus.documents(DOCUMENTS)
    expected = {file.stem: Expected.of(file) for file in files}
    await create_namespace(kube, NAMESPACE)
    try:
        with steps.step("A pipeline whose model will change, until Ready") as step:
            await kube.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(_pipeline()))
            await pipeline.wait_ready(step)
        with steps.step(f"Upload {DOCUMENTS} documents"):
            async with pipeline.api() as client:
                await ingest(client, files)
        async with steady_client(pipeline) as client:
            yield Site(pipeline, client, expected, questions(expected, SEED))
    finally:
        await kube.kubectl("delete", "namespace", NAMESPACE)


def _pipeline() -> dict[str, Any]:
    """One of everything, no language model, and not scaled."""
    resource: dict[str, Any] = yaml.safe_load(QUICKSTART.read_text())
    spec = resource["spec"]
    del spec["llm"]
    del spec["embedding"]["managed"]["autoscaling"]
    spec["vectorStore"] |= {"collection": FIRST, "indexGraceSeconds": GRACE_SECONDS}
    return {**resource, "metadata": {"name": NAME}}


async def _disturb(site: Site, killer: Killer, coming: list[Path], going: list[Path]) -> None:
    """Uploads and deletes while pods of both indexes and the operator are killed."""
    victims = ("embedding-b", "worker-b", "embedding", "worker")
    await until(lambda: killer.running("embedding-b"))
    for at, file in enumerate(coming):
        await site.client.call(functools.partial(Client.upload, path=file, document_id=file.stem))
        if at < len(going):
            await site.client.call(functools.partial(Client.delete, document_id=going[at].stem))
        await killer.send(Signals.SIGKILL, victims[at % len(victims)])
        operator = ("-n", OPERATOR_NAMESPACE, "-l", f"app.kubernetes.io/name={OPERATOR}")
        await site.pipeline.kube.kubectl("delete", "pod", *operator, "--grace-period=0", "--force")


@pytest.mark.timeout(3600)
async def test_no_question_is_answered_from_an_empty_or_a_mixed_index(
    site: Site, killer: Killer, tmp_path: Path
) -> None:
    going, coming = notes(tmp_path / "going", GOING), notes(tmp_path / "coming", COMING)
    await site.client.call(lambda client: ingest(client, going))
    before, first = await site.answers(), (await site.stats()).index
    async with steady_client(site.pipeline) as asker, asking(asker, site.asked) as answers:
        await site.name(SECOND, CUT_ID)
        await _disturb(site, replace(killer, namespace=NAMESPACE, pipeline=NAME), coming, going)

        async def switched() -> bool:
            return (await site.stats()).index != first

        await until(switched, pause=0.5)
        await answers.more(2 * len(site.asked))
        after = await site.answers()
    assert set(answers.judge(before, after)) == {"before", "after"}
    index = (await site.stats()).index
    await site.client.call(lambda client: ingest(client, coming))  # known, or on their way
    site.expected.update({file.stem: Expected.of(file) for file in coming})

    async def nothing_differs() -> bool:
        async with site.stores(index, SECOND) as stores:
            gone = not await stores.qdrant.collection_exists(FIRST)
            return gone and (await compare(stores, site.expected)).all == []

    await until(nothing_differs, pause=2)

    async def is_one_again() -> bool:
        conditions = await site.pipeline.conditions()
        reason = conditions.get("IndexReady", {}).get("reason")
        return reason == "Current" and await site.deployments() == _named("api", "worker-b", "embedding-b")

    await until(is_one_again, pause=1)
    resource = await site.pipeline.kube.get("ragpipeline", NAME, NAMESPACE)
    assert resource
    assert resource["status"]["collection"]["name"] == SECOND
    assert resource["status"]["embeddingModel"] == CUT_ID


@pytest.mark.timeout(3600)
async def test_a_re_index_that_is_called_off_half_way_leaves_nothing(site: Site) -> None:
    """After the one above, whose collection it goes back to."""
    before, index = await site.answers(), (await site.stats()).index
    lost = sorted(site.expected)[0]
    # One document cannot be had any more, so that the other index never has all.
    await site.in_api("python", "-c", LOSE_FILE, lost)
    await site.name(THIRD, MODEL_ID)

    async def blocked() -> bool:
        return (await site.pipeline.conditions()).get("IndexReady", {}).get("reason") == "ReindexBlocked"

    await until(blocked, pause=1)
    status = await site.client.call(lambda client: client.reindex())
    assert [each["document_id"] for each in status["failures"]] == [lost]
    assert status["failures"][0]["error"]["code"] == "OBJECT_MISSING"
    assert (status["done"], status["total"]) == (len(site.expected) - 1, len(site.expected))
    given_up = next(each for each in (await site.stats()).indexes if each != index)
    await site.name(SECOND, CUT_ID)

    async def nothing_left() -> bool:
        async with site.stores(index, SECOND) as stores:
            keys = [key.decode() async for key in stores.redis.scan_iter(match=f"*{given_up}:*", count=1000)]
            return (
                keys
                == [f"{given_up}:docs:retired"]  # which keeps out what is about to end, and goes by itself
                and not await stores.qdrant.collection_exists(THIRD)
                and (await site.stats()).indexes == [index]
                and await site.deployments() == _named("api", "worker-b", "embedding-b")
            )

    await until(nothing_left, pause=2)
    assert differences(before, await site.answers()) == []


def _named(*components: str) -> set[str]:
    return {f"{NAME}-{each}" for each in components}
