"""The operator keeps what a pipeline consists of, and lets go of it in the end; Helm installed this one."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from demo import install
from demo.pipeline import Pipeline
from demo.steps import Steps

from tests.patience import PATIENCE_SECONDS, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHILDREN = "deployments,statefulsets,services,serviceaccounts,secrets"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def handbook(pipeline: Pipeline, steps: Steps) -> AsyncIterator[Pipeline]:
    """A small pipeline from charts/ragpipeline, Ready."""
    with steps.step("helm install charts/ragpipeline") as step:
        yield await install.install_chart(pipeline.kube, step)
    await install.uninstall_chart(pipeline.kube)


async def test_both_charts_are_installed(handbook: Pipeline) -> None:
    releases = json.loads(await handbook.kube.helm("list", "--all-namespaces", "--output", "json"))
    status = {release["name"]: release["status"] for release in releases}
    assert status[install.OPERATOR] == "deployed"
    assert status[install.CHART_RELEASE] == "deployed"


async def test_deleted_child_comes_back(handbook: Pipeline) -> None:
    kube, name, namespace = handbook.kube, f"{handbook.name}-worker", handbook.namespace
    before = await kube.get("deployment", name, namespace)
    assert before
    # kubectl would wait for ever if the operator makes it again at once.
    await kube.kubectl("delete", "deployment", name, "-n", namespace, "--wait=false")

    async def back() -> bool:
        now = await kube.get("deployment", name, namespace)
        return now is not None and now["metadata"]["uid"] != before["metadata"]["uid"]

    await until(back)


async def test_edited_child_is_put_right(handbook: Pipeline) -> None:
    kube, name, namespace = handbook.kube, f"{handbook.name}-api", handbook.namespace
    before = await kube.get("service", name, namespace)
    assert before
    patch = '{"spec": {"selector": {"app.kubernetes.io/component": "nobody"}}}'
    await kube.kubectl("patch", "service", name, "-n", namespace, "-p", patch)

    async def right() -> bool:
        now = await kube.get("service", name, namespace)
        return now is not None and now["spec"]["selector"] == before["spec"]["selector"]

    await until(right)


async def test_deletion_removes_all_but_the_retained_claims(handbook: Pipeline) -> None:
    """The last one of this module: it takes the pipeline away."""
    kube, namespace = handbook.kube, handbook.namespace
    await kube.kubectl(
        "delete", "ragpipeline", handbook.name, "-n", namespace, f"--timeout={PATIENCE_SECONDS}s"
    )
    selector = f"app.kubernetes.io/instance={handbook.name}"

    async def gone() -> bool:
        return not await kube.list(CHILDREN, namespace, selector) and not await kube.list(
            "pods", namespace, selector
        )

    await until(gone)
    claims = {claim["metadata"]["name"] for claim in await kube.list("persistentvolumeclaims", namespace)}
    assert claims == {f"{handbook.name}-{volume}" for volume in ("redis-data", "qdrant-data", "objects")}
