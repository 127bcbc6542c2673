"""The operator's chart gives its operator the settings, the CRD and the rights that its code asks for."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster.build import binary
from images.charts import package

from rag_operator.names import KINDS, PIPELINE
from rag_operator.settings import Settings
from tests.cluster.kube import Kube

ROOT = Path(__file__).resolve().parents[2]
RECORDS = Path(__file__).parent / "rendered"
GOLDEN = (
    ("operator", "ragpipeline-operator", ()),
    (
        "operator-namespaces",
        "ragpipeline-operator",
        (
            "--namespace=rag-system",
            "--set=watchNamespaces={rag,docs},replicas=2,crds.enabled=false,dashboards.enabled=false",
        ),
    ),
    (
        "operator-monitored",
        "ragpipeline-operator",
        (
            "--api-versions=monitoring.coreos.com/v1/PodMonitor",
            "--set=monitoring.labels.release=prometheus,imagePullSecrets[0].name=pull",
        ),
    ),
    ("pipeline", "ragpipeline", ()),
    (
        "pipeline-external",
        "ragpipeline",
        (
            "--set=name=docs,spec.llm=null,spec.vectorStore.managed=null,spec.vectorStore.external.url=http://qdrant:6333",
        ),
    ),
)
Manifest = dict[str, Any]


def render(chart: str, *arguments: str) -> list[Manifest]:
    """Returns the manifests of one of our charts, or of an archive."""
    path = str(ROOT / "charts" / chart)
    command = [binary("helm", "helm"), "template", "release", path, "--kube-version=1.34"]
    shown = subprocess.run([*command, *arguments], check=True, capture_output=True, text=True).stdout
    return [manifest for manifest in yaml.safe_load_all(shown) if manifest]


def test_packaged_charts_install_images_by_their_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{Path(binary('helm', 'helm')).parent}:{os.environ['PATH']}")
    by_digest = {name: f"example.com/{name}:1@sha256:{'0f' * 32}" for name in ("operator", "worker", "api")}
    package({"images": by_digest}, tmp_path)
    archives = sorted(tmp_path.iterdir())
    assert [each.suffix for each in archives] == [".tgz", ".tgz"]
    shown = [yaml.safe_dump_all(render(str(each))) for each in archives]
    assert all(by_digest[name] in "".join(shown) for name in by_digest)
    assert "ragpipeline/ragpipeline-worker:" not in "".join(shown)


@pytest.fixture(scope="module")
def operator() -> list[Manifest]:
    return render("ragpipeline-operator")


@pytest.mark.parametrize("chart", ["ragpipeline-operator", "ragpipeline"])
def test_helm_finds_nothing_wrong(chart: str) -> None:
    subprocess.run([binary("helm", "helm"), "lint", "--strict", f"{ROOT}/charts/{chart}"], check=True)


@pytest.mark.parametrize(
    ("chart", "value", "told"),
    [
        ("ragpipeline-operator", "watchNamespace=rag", "additional properties 'watchNamespace' not allowed"),
        ("ragpipeline-operator", "replicas=two", "at '/replicas': got string, want integer"),
        ("ragpipeline-operator", "images.worker=", "at '/images/worker'"),
        ("ragpipeline-operator", "logLevel=loud", "at '/logLevel'"),
        ("ragpipeline", "collection=handbook", "additional properties 'collection' not allowed"),
        ("ragpipeline", "spec.vectorStore=null", "missing property 'vectorStore'"),
    ],
)
def test_a_value_that_means_nothing_is_refused(chart: str, value: str, told: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        render(chart, "--set", value)
    assert told in refused.value.stderr


@pytest.mark.parametrize("chart", ["ragpipeline-operator", "ragpipeline"])
def test_the_pod_of_helm_test_may_do_nothing_but_ask(chart: str, kube: Kube) -> None:
    (pod,) = of_kind(render(chart, "--namespace", kube.namespace), "Pod")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    labels = ("pod-security.kubernetes.io/enforce=restricted", "--overwrite")
    kube("label", "namespace", kube.namespace, *labels)
    kube.apply(pod, "--dry-run=server", "--validate=strict")


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def test_environment_is_the_settings(operator: list[Manifest], monkeypatch: pytest.MonkeyPatch) -> None:
    (deployment,) = of_kind(operator, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    prefix = Settings.model_config["env_prefix"]
    variables = {each["name"]: each.get("value", "") for each in container["env"] if each["name"] != "POD_ID"}
    given = {name.removeprefix(prefix).lower() for name in variables}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert set(settings.model_images) == set(Settings.model_fields["model_images"].default)
    assert settings.image_qdrant == Settings.model_fields["image_qdrant"].default
    assert given == set(Settings.model_fields) - {"metrics_port", "liveness_port"}


def test_definition_is_the_generated_one_and_is_kept(operator: list[Manifest]) -> None:
    (definition,) = of_kind(operator, "CustomResourceDefinition")
    assert definition["metadata"].pop("annotations")["helm.sh/resource-policy"] == "keep"
    generated = yaml.safe_load((ROOT / "crds/ragpipelines.yaml").read_text())
    generated["metadata"].pop("annotations", None)
    assert definition == generated


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [((), "ClusterRole"), (("--set", "watchNamespaces={rag,docs}"), "Role")],
    ids=["all", "some"],
)
def test_rights_cover_every_kind_of_child(arguments: tuple[str, ...], kind: str) -> None:
    manifests = render("ragpipeline-operator", *arguments)
    name = "default-release-ragpipeline-operator"
    roles = [role for role in of_kind(manifests, kind) if role["metadata"]["name"] == name]
    bound = [each for each in of_kind(manifests, f"{kind}Binding") if each["roleRef"]["name"] == name]
    scopes = [None] if kind == "ClusterRole" else ["rag", "docs"]
    assert [role["metadata"].get("namespace") for role in roles] == scopes
    assert [each["metadata"].get("namespace") for each in bound] == scopes
    role = roles[-1]
    granted = {
        (group, resource): set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    for child in KINDS.values():
        group = child.api_version.rpartition("/")[0]
        assert granted[group, child.plural] >= {"get", "list", "watch", "create", "update", "delete"}
    assert granted["ragpipeline.dev", PIPELINE.plural] == {"list", "watch"}
    assert granted["ragpipeline.dev", f"{PIPELINE.plural}/status"] >= {"patch"}


@pytest.mark.parametrize("arguments", [(), ("--set", "watchNamespaces={rag}")], ids=["all", "one"])
def test_the_cluster_can_be_named(arguments: tuple[str, ...]) -> None:
    roles = of_kind(render("ragpipeline-operator", *arguments), "ClusterRole")
    rules = [rule for role in roles for rule in role["rules"] if "namespaces" in rule["resources"]]
    assert [(rule["resourceNames"], rule["verbs"]) for rule in rules] == [(["kube-system"], ["get"])]


def test_releases_of_one_name_share_no_object_outside_their_namespaces() -> None:
    def wide(namespace: str) -> set[tuple[str, str]]:
        manifests = render("ragpipeline-operator", "--namespace", namespace)
        return {
            (manifest["kind"], manifest["metadata"]["name"])
            for manifest in manifests
            if manifest["kind"].startswith("ClusterRole")
        }

    assert wide("one")
    assert not wide("one") & wide("two")


def test_pipeline_chart_passes_the_spec_on() -> None:
    rendered = render(
        "ragpipeline", "--set", "spec.vectorStore.collection=handbook", "--set", "name=handbook"
    )
    (pipeline,) = of_kind(rendered, "RagPipeline")
    assert pipeline["metadata"]["name"] == "handbook"
    assert pipeline["spec"]["vectorStore"] == {"collection": "handbook", "managed": {}}


def test_values_replace_what_the_pipeline_chart_chooses(kube: Kube, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(
        """
        spec:
          vectorStore:
            managed: null
            external: {url: "https://qdrant.example.com"}
          embedding:
            managed: {autoscaling: null, replicas: 2}
          llm: null
        """
    )
    manifests = render("ragpipeline", "--namespace", kube.namespace, "--values", str(values))
    (rendered,) = of_kind(manifests, "RagPipeline")
    kube.apply(rendered, "--dry-run=server", "--validate=strict")
    spec = rendered["spec"]
    assert spec["vectorStore"] == {
        "collection": "documents",
        "external": {"url": "https://qdrant.example.com"},
    }
    assert spec["embedding"]["managed"] == {"replicas": 2}
    assert "llm" not in spec


def test_the_operator_is_scraped_where_there_are_pod_monitors(operator: list[Manifest]) -> None:
    assert not of_kind(operator, "PodMonitor")
    kind, labels = "monitoring.coreos.com/v1/PodMonitor", "monitoring.labels.release=prometheus"
    (monitor,) = of_kind(
        render("ragpipeline-operator", f"--api-versions={kind}", "--set", labels), "PodMonitor"
    )
    (deployment,) = of_kind(operator, "Deployment")
    pod = deployment["spec"]["template"]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    ports = {each["name"] for each in pod["spec"]["containers"][0]["ports"]}
    assert endpoint["port"] in ports


def test_dashboards_are_found_by_their_label_and_can_be_left_out(operator: list[Manifest]) -> None:
    made = of_kind(operator, "ConfigMap")
    assert len(made) == 3
    for each in made:
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        ((name, text),) = each["data"].items()
        assert text == (ROOT / f"charts/ragpipeline-operator/dashboards/{name.partition('-')[2]}").read_text()
    assert not of_kind(render("ragpipeline-operator", "--set", "dashboards.enabled=false"), "ConfigMap")


def test_dashboards_go_where_grafana_looks() -> None:
    chosen = ("dashboards.namespace=monitoring", "dashboards.annotations.grafana_folder=RAG")
    made = of_kind(render("ragpipeline-operator", "--set", ",".join(chosen)), "ConfigMap")
    assert {each["metadata"]["namespace"] for each in made} == {"monitoring"}
    assert {each["metadata"]["annotations"]["grafana_folder"] for each in made} == {"RAG"}


@pytest.mark.parametrize(("name", "chart", "arguments"), GOLDEN, ids=[name for name, _, _ in GOLDEN])
def test_what_is_rendered_is_on_record(name: str, chart: str, arguments: tuple[str, ...]) -> None:
    page = RECORDS / f"{name}.yaml"
    made = yaml.safe_dump_all(map(short, render(chart, *arguments)), sort_keys=False, width=120)
    if os.environ.get("RECORD"):
        page.write_text(made)
    assert page.read_text() == made, (
        "if the change is meant: RECORD=1 pytest tests/cluster/test_charts.py -k record"
    )


def short(manifest: Manifest) -> Manifest:
    """Leaves out what is generated, and compared elsewhere: the definition's schema, the dashboards."""
    if manifest["kind"] == "CustomResourceDefinition":
        return {key: manifest[key] for key in ("apiVersion", "kind", "metadata")}
    if manifest["kind"] == "ConfigMap":
        return manifest | {"data": sorted(manifest["data"])}
    return manifest


def test_the_definition_of_another_is_left_alone(crd: Kube) -> None:
    """Here kubectl has applied it: Helm is told what to do, and installs without it."""
    install = [binary("helm", "helm"), "install", "second", f"{ROOT}/charts/ragpipeline-operator"]
    asked = [*install, f"--kubeconfig={crd.kubeconfig}", "--dry-run=server"]
    refused = subprocess.run(asked, check=False, capture_output=True, text=True)
    assert "belongs to no release of Helm" in refused.stderr
    assert "--set crds.enabled=false" in refused.stderr
    subprocess.run([*asked, "--set=crds.enabled=false"], check=True, capture_output=True)
