"""The demo by kind: its commands and their order, recorded by doubles, for no kind can run where we test."""

import io
import json
import os
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from cluster import build
from demo import debian, install, kind, released, shell, story
from demo.errors import DemoError
from demo.kind import KindCluster
from demo.paths import ROOT
from demo.steps import Steps
from demo.target import LocalCluster, target
from rich.console import Console
from tests.unit.doubles import COMMANDS, Machine

PATH = os.environ["PATH"]
RELEASE = b"kind: List\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine whose PATH has the doubles alone."""
    (tmp_path / "bin").mkdir()
    for name in ("calls", "images", "builds", "clusters"):
        (tmp_path / name).touch()
    machine = Machine(tmp_path)
    machine.has(*COMMANDS)
    machine.fails("nothing")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(released, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(kind, "KUBECONFIG", tmp_path / "cache" / "kind.kubeconfig")
    return machine


@pytest.fixture
def checkout(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what images are made of, and the rest of PATH: what is built is not this checkout's."""
    copy = machine.folder / "checkout"
    for name in ("hack/images", "operator", "workloads", "requirements"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "hack" / "page", copy / "hack")  # finds here what it fetched there
    monkeypatch.setenv("PATH", f"{machine.folder}/bin:{PATH}")
    monkeypatch.delenv("BASE_IMAGE", raising=False)
    monkeypatch.setattr(shell, "ROOT", copy)
    for module in (install, kind):
        monkeypatch.setattr(module, "IMAGE_VALUES", copy / "build" / "images.yaml")
    return copy


@pytest.fixture
def steps() -> Steps:
    return Steps(Console(file=io.StringIO()))


@pytest.fixture
def manifests(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """KEDA's manifests and those of the Prometheus operator, as if they had been fetched before."""
    pinned = sha256(RELEASE).hexdigest()
    for name in ("KEDA", "PROMETHEUS_OPERATOR"):
        monkeypatch.setattr(kind, name, replace(getattr(kind, name), sha256=pinned))
    paths = [
        machine.folder / "cache" / name for name in ("keda-2.21.0.yaml", "prometheus-operator-0.85.0.yaml")
    ]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_bytes(RELEASE)
    return paths


async def test_kind_is_chosen_where_it_and_docker_answer(machine: Machine) -> None:
    assert isinstance(await target("", "", with_kind=True), KindCluster)
    assert machine.calls() == ["docker info", "kind version"]


@pytest.mark.parametrize("broken", ["docker info", "kind version"])
async def test_cluster_is_compiled_where_one_does_not_answer(machine: Machine, broken: str) -> None:
    machine.fails(broken)
    assert isinstance(await target("", "", with_kind=True), LocalCluster)


@pytest.mark.parametrize("absent", ["docker", "kind"])
async def test_cluster_is_compiled_where_one_is_not_there(machine: Machine, absent: str) -> None:
    (machine.folder / "bin" / absent).unlink()
    assert isinstance(await target("", "", with_kind=True), LocalCluster)


async def test_cluster_is_compiled_when_asked(machine: Machine) -> None:
    chosen = await target("", "", with_kind=False)
    assert isinstance(chosen, LocalCluster)
    assert chosen.make_arguments == " KIND=no"
    assert machine.calls() == []


async def prepare(cluster: KindCluster, steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_: Steps) -> None: ...

    monkeypatch.setattr(story, "fetch_manual", nothing)
    assert await cluster.problems(steps) == ""
    await story.prepare(cluster, steps)


async def test_cluster_images_keda_prometheus_and_operator_come_in_their_order(
    machine: Machine, checkout: Path, manifests: list[Path], steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = KindCluster()
    await prepare(cluster, steps, monkeypatch)
    kubeconfig = str(kind.KUBECONFIG)
    assert machine.calls("kind ")[:2] == [
        "kind get clusters",
        f"kind create cluster --name ragpipeline-demo --kubeconfig {kubeconfig} --wait 3m",
    ]
    assert cluster.kube.env == {"KUBECONFIG": kubeconfig}
    built = json.loads((checkout / "build" / "images.yaml").read_text())
    assert set(built["images"]) == {"operator", "api", "worker", "embedding", "llm"}
    assert "HuggingFaceTB/SmolLM2-135M-Instruct" in built["modelImages"]
    references = [*built["images"].values(), *built["modelImages"].values()]
    loading = machine.calls("kind load docker-image ")
    assert [set(call.split()[3:-2]) for call in loading] == [set(references)]
    assert loading[0].endswith(" --name ragpipeline-demo")
    (helm,) = machine.calls("helm upgrade --install ragpipeline-operator ")
    assert helm.partition(" --set ")[2].startswith("networkPolicies.scraperNamespace=monitoring ")
    assert machine.calls().index(loading[0]) > max(map(machine.calls().index, machine.calls("docker build ")))
    available = "--for=condition=Available --timeout=300s"
    in_order(
        machine,
        *machine.calls("kind create"),
        "kubectl wait node --all --for=condition=Ready --timeout=60s",
        *loading,
        helm,
    )
    keda, operator = (f"kubectl apply --server-side --filename {path}" for path in manifests)
    in_order(
        machine,
        keda,
        f"kubectl wait deployment --all --namespace=keda {available}",
        f"kubectl wait apiservice/v1beta1.external.metrics.k8s.io {available}",
    )
    in_order(
        machine,
        operator,
        "kubectl wait crd --all --for=condition=Established",
        "kubectl apply --server-side --filename -",
        f"kubectl wait prometheus/prometheus --namespace=monitoring {available}",
        helm,
    )


def in_order(machine: Machine, *calls: str) -> None:
    """All of these were made, and in this order."""
    indexes = [machine.calls().index(call) for call in calls]
    assert indexes == sorted(indexes)


def test_prometheus_is_the_official_image_of_the_compiled_clusters_version() -> None:
    manifests = list(yaml.safe_load_all(kind.prometheus_manifest()))
    (spec,) = (manifest["spec"] for manifest in manifests if manifest["kind"] == "Prometheus")
    assert spec["image"] == f"quay.io/prometheus/prometheus:{spec['version']}"
    # Prometheus' module is numbered in another way than its releases: v0.314.0 is v3.14.0.
    major, minor, patch = spec["version"].removeprefix("v").split(".")
    required = (ROOT / "hack/cluster/modules/prometheus/go.mod").read_text()
    assert f"github.com/prometheus/prometheus v0.{major}{minor}.{patch} " in required


async def test_images_are_built_by_buildkit_from_the_same_dockerfiles(
    machine: Machine, checkout: Path, steps: Steps
) -> None:
    await install.build_images(steps, *KindCluster.image_options)
    builds = machine.calls("docker build ")
    assert {call.split()[2].rpartition("/")[2] for call in builds} == {
        "Dockerfile",
        *(f"{name}.Dockerfile" for name in ("api", "worker", "embedding", "llm", "model")),
    }
    assert not any("BASE_IMAGE" in call for call in builds)
    assert machine.builds() == {"buildkit=1 without-attestations=1"}
    await install.build_images(steps, *KindCluster.image_options)
    assert machine.calls("docker build ") == builds


async def test_cluster_that_the_demo_has_made_is_used_again(machine: Machine, steps: Steps) -> None:
    await KindCluster().start(steps)
    await KindCluster().start(steps)
    assert len(machine.calls("kind create")) == 1


async def test_cluster_of_somebody_else_is_neither_used_nor_deleted(machine: Machine, steps: Steps) -> None:
    machine.has_cluster("ragpipeline-demo")
    with pytest.raises(DemoError, match="`kind delete cluster --name ragpipeline-demo` if it may go"):
        await KindCluster().start(steps)
    await KindCluster().remove(steps)
    assert machine.calls("kind ") == ["kind get clusters"]


async def test_removes_what_it_made_and_no_other(machine: Machine, steps: Steps) -> None:
    machine.has_cluster("kind")
    await KindCluster().start(steps)
    kubeconfig = kind.KUBECONFIG
    await KindCluster().remove(steps)
    await KindCluster().remove(steps)
    assert machine.calls("kind delete") == [
        f"kind delete cluster --name ragpipeline-demo --kubeconfig {kubeconfig}"
    ]
    assert not kubeconfig.exists()


async def test_cluster_that_is_half_made_is_the_demos_to_remove(machine: Machine, steps: Steps) -> None:
    machine.fails("kind create")
    with pytest.raises(
        DemoError, match=r"kind broke\nkind failed: see https://kind.sigs.k8s.io/.* run this again"
    ):
        await KindCluster().start(steps)
    machine.fails("docker info")
    chosen = await target("", "", with_kind=True)
    await chosen.remove(steps)
    assert len(machine.calls("kind delete cluster --name ragpipeline-demo")) == 1


@pytest.mark.parametrize(
    ("failing", "next_step"),
    [
        ("kind get", "kind failed: start the Docker engine, then run this again"),
        ("kubectl wait node", "The cluster does not answer: run `make demo-down`, then this again"),
        ("docker build", "see whether `docker pull python:3.12-slim-bookworm` works"),
        ("kind load", "kind failed: make room where Docker keeps its images"),
    ],
)
async def test_command_that_fails_says_what_to_do(
    machine: Machine,
    checkout: Path,
    manifests: list[Path],
    steps: Steps,
    monkeypatch: pytest.MonkeyPatch,
    failing: str,
    next_step: str,
) -> None:
    machine.fails(failing)
    with pytest.RaisesGroup(pytest.RaisesExc(DemoError, match=next_step), flatten_subgroups=True) as failed:
        await prepare(KindCluster(), steps, monkeypatch)
    assert f"{failing.partition(' ')[0]} broke" in str(failed.value.exceptions[0])


@pytest.mark.parametrize(("absent", "page"), kind.OTHERS.items())
async def test_command_that_is_not_there_is_asked_for_first(
    machine: Machine, steps: Steps, absent: str, page: str
) -> None:
    (machine.folder / "bin" / absent).unlink()
    with pytest.raises(DemoError, match=f"{absent} is not on PATH: install it as {page} says"):
        await KindCluster().problems(steps)


async def test_manual_comes_out_of_a_container_where_there_is_no_apt(
    machine: Machine, tmp_path: Path
) -> None:
    path = await debian.extract(
        "debian-policy", "usr/share/doc/policy.pdf", tmp_path / "corpus" / "policy.pdf"
    )
    assert path.read_bytes() == b"hello"
    (call,) = machine.calls("docker run ")
    assert call.startswith("docker run --rm debian:bookworm-slim sh -ec ")
    assert call.endswith(" debian-policy usr/share/doc/policy.pdf")


async def test_compiling_says_how_long_it_takes_and_why(
    tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "CACHE", tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert "kubernetes" in build.outlook()
    assert "up to 10 minutes with 4 cores" in build.outlook()
    assert "because no Docker engine with kind brings them ready-made" in build.outlook()
    for module in build.ALL:
        build.folder(module).mkdir(parents=True)
    assert build.outlook() == ""
