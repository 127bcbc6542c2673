"""One API server and one operator for all tests of a process; a namespace for each test.

RAG_TEST_KUBECONFIG chooses a cluster of the user's. Its operator is used if it has one; else one is started.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from cluster.build import build, folder

from tests.cluster.api_server import api_server
from tests.cluster.asking import Asking, asking
from tests.cluster.kube import Kube, accepts, established, pipeline
from tests.cluster.optional_kinds import gateway_api, monitoring
from tests.cluster.own_operator import RESYNC_SECONDS, OwnOperator
from tests.patience import eventually

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = "app.kubernetes.io/name=ragpipeline-operator"
KEDA_KINDS = ("scaledobjects", "triggerauthentications")


@pytest.fixture(scope="session")
def bare() -> bool:
    """Whether the cluster is a bare API server of our own, in which no pod runs and KEDA is but its CRDs."""
    return "RAG_TEST_KUBECONFIG" not in os.environ


@pytest.fixture(scope="session")
def cluster(bare: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    if not bare:
        yield Kube(Path(os.environ["RAG_TEST_KUBECONFIG"]))
        return
    with api_server(tmp_path_factory.mktemp("control-plane")) as kubeconfig:
        yield Kube(kubeconfig)


@pytest.fixture(scope="session")
def crd(cluster: Kube) -> Kube:
    """The cluster, which knows RagPipelines."""
    cluster("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    established(cluster, "ragpipelines.ragpipeline.dev")
    return cluster


@pytest.fixture(scope="session")
def keda_crds() -> list[str]:
    """The files of KEDA's CRDs: in KEDA_CRDS, or in what hack/cluster builds."""
    if "KEDA_CRDS" not in os.environ:
        build(["keda"])
    source = Path(os.environ.get("KEDA_CRDS") or folder("keda") / "config" / "crd" / "bases")
    return [str(source / f"keda.sh_{kind}.yaml") for kind in KEDA_KINDS]


@pytest.fixture(scope="session")
def own_operator(crd: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnOperator]:
    """The operator as a process of ours."""
    operator = OwnOperator(crd.kubeconfig, tmp_path_factory.mktemp("operator"))
    operator.start()
    yield operator
    operator.kill()


@pytest.fixture
def alone(crd: Kube, bare: bool, own_operator: OwnOperator) -> Iterator[Kube]:
    """The cluster without the operator of all tests: a test that starts its own must not be helped."""
    if not bare:
        pytest.skip("the operator of a cluster that is not ours is left alone")
    own_operator.kill()
    yield crd
    own_operator.start()


@pytest.fixture(scope="session")
def operator(crd: Kube, request: pytest.FixtureRequest) -> float:
    """The operator; the value is its resync period in seconds."""
    if crd("get", "deployments", "--all-namespaces", f"--selector={INSTALLED}", "--output=name"):
        return 15
    request.getfixturevalue("own_operator")
    return RESYNC_SECONDS


@pytest.fixture
def kube(crd: Kube) -> Iterator[Kube]:
    """The cluster, in a namespace of the test's own."""
    name = f"test-{uuid4().hex[:8]}"
    crd("create", "namespace", name)
    yield Kube(crd.kubeconfig, name)
    crd("delete", "namespace", name, "--wait=false")


@pytest.fixture
def unruled(crd: Kube, bare: bool) -> Iterator[None]:
    """A CRD that accepts any value, as one did under which a pipeline was stored long ago."""
    if not bare:
        pytest.skip("the CRD of a cluster that is not ours is left alone")
    generated = yaml.safe_load((ROOT / "crds/ragpipelines.yaml").read_text())
    try:
        crd.apply(_without_bounds(generated), "--server-side", "--force-conflicts")
        yield
    finally:
        crd("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
        eventually(lambda: not accepts(crd, pipeline(api={"replicas": 0}), "--dry-run=server"))


def _without_bounds(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_bounds(item) for item in node]
    if not isinstance(node, dict):
        return node
    bounds = {"x-kubernetes-validations", "pattern", "minimum"}
    return {key: _without_bounds(value) for key, value in node.items() if key not in bounds}


@pytest.fixture(scope="module")
def server(
    crd: Kube, bare: bool, keda_crds: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asking]:
    """A server that knows every kind of child, in a namespace of the file's own."""
    with (
        monitoring().unknown(crd, bare=bare) as monitors,
        gateway_api().unknown(crd, bare=bare) as routes,
        asking(crd.kubeconfig, f"test-{uuid4().hex[:8]}", tmp_path_factory.mktemp("asking")) as found,
    ):
        install(crd, keda_crds)
        monitors.install(crd)
        routes.install(crd)
        crd("create", "namespace", found.namespace)
        yield found
        crd("delete", "namespace", found.namespace, "--wait=false")


@pytest.fixture
def keda(crd: Kube, keda_crds: list[str]) -> None:
    """KEDA's kinds."""
    install(crd, keda_crds)


def install(cluster: Kube, crds: list[str]) -> None:
    """Install CRDs and wait until they are served."""
    for path in crds:
        cluster("apply", "--server-side", "--force-conflicts", "-f", path)
    established(cluster, *(f"{kind}.keda.sh" for kind in KEDA_KINDS))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """On failure show what a person would look at."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    kube = getattr(item, "funcargs", {}).get("kube")
    if report.when == "call" and report.failed and isinstance(kube, Kube):
        for view in (("get", "ragpipelines", "-o", "yaml"), ("get", "all,pvc"), ("get", "events")):
            try:
                report.sections.append((f"kubectl {' '.join(view)}", kube(*view)))
            except (subprocess.SubprocessError, RuntimeError) as error:
                report.sections.append(("kubectl", str(error)))
