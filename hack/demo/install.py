"""Brings images, operator and pipelines into a cluster with the commands that a user would type."""

import json

from . import prometheus
from .errors import DemoError
from .kube import Kube
from .paths import IMAGE_VALUES, OPERATOR_CHART, PIPELINE_CHART, QUICKSTART
from .pipeline import Pipeline
from .shell import run
from .steps import Step, Steps

IMAGES = ("hack/images/build", "--demo")
OPERATOR = "ragpipeline-operator"
# Not the README's: Helm then tells the demo's operator from one that a user has installed.
OPERATOR_NAMESPACE = "ragpipeline-demo-system"
CRD = "ragpipelines.ragpipeline.dev"
NAMESPACE = "ragpipeline-demo"
READY_STEP = "kubectl apply -f examples/quickstart.yaml, until Ready"
CHART_NAMESPACE = "ragpipeline-demo-chart"
CHART_RELEASE = "handbook"
# A second pipeline beside the first on two cores: one of everything, no language model.
CHART_VALUES = ("spec.api.replicas=1", "spec.llm=null", "spec.embedding.managed.autoscaling=null")


async def build_images(steps: Steps, *options: str) -> None:
    """Builds the images that are missing; `options` are of hack/images/build."""
    with steps.step("Build the images") as step:
        await run(*IMAGES, *options, show=step.say)


async def install_operator(kube: Kube, steps: Steps) -> None:
    """Installs or upgrades the operator with its chart, and waits until it is available."""
    with steps.step(f"helm install {OPERATOR}") as step:
        await require_no_other_operator(kube)
        where = ("--namespace", OPERATOR_NAMESPACE, "--create-namespace")
        scraper = f"networkPolicies.scraperNamespace={prometheus.NAMESPACE}"
        values = ("--values", str(IMAGE_VALUES), "--set", scraper)
        await kube.helm(
            "upgrade",
            "--install",
            OPERATOR,
            str(OPERATOR_CHART),
            *where,
            *values,
            "--wait",
            "--timeout=3m",
            show=step.say,
        )


async def apply_quickstart(kube: Kube, steps: Steps) -> Pipeline:
    """Applies examples/quickstart.yaml in a namespace of its own, and waits until it is Ready."""
    pipeline = Pipeline(kube, "quickstart", NAMESPACE)
    with steps.step(READY_STEP) as step:
        await create_namespace(kube, NAMESPACE)
        await kube.kubectl("apply", "--namespace", NAMESPACE, "--filename", str(QUICKSTART), show=step.say)
        await pipeline.wait_ready(step)
        await pipeline.wait_rolled_out(json.loads(IMAGE_VALUES.read_text())["images"]["api"])
    return pipeline


async def install_chart(kube: Kube, step: Step) -> Pipeline:
    """Installs a second pipeline with Helm, and waits until it is Ready."""
    values = [argument for value in CHART_VALUES for argument in ("--set", value)]
    where = ("--namespace", CHART_NAMESPACE, "--create-namespace")
    await kube.helm(
        "upgrade", "--install", CHART_RELEASE, str(PIPELINE_CHART), *where, *values, show=step.say
    )
    pipeline = Pipeline(kube, CHART_RELEASE, CHART_NAMESPACE)
    await pipeline.wait_ready(step)
    return pipeline


async def uninstall_chart(kube: Kube) -> None:
    """Removes the second pipeline, and the claims that it leaves on purpose."""
    await kube.helm("uninstall", CHART_RELEASE, "--namespace", CHART_NAMESPACE)
    await kube.kubectl("delete", "pvc", "--all", "--namespace", CHART_NAMESPACE)


async def uninstall_operator(kube: Kube) -> None:
    """Removes the demo's pipelines, its operator, and the resource definition that the chart keeps.

    Raises DemoError, and leaves the operator, where somebody's pipelines would go with it.
    """
    gone = ("--ignore-not-found", "--wait")
    await kube.kubectl("delete", "namespace", NAMESPACE, CHART_NAMESPACE, *gone)
    if await _operator_namespace(kube) != OPERATOR_NAMESPACE:
        return
    where = "{range .items[*]}{.metadata.namespace}/{.metadata.name} {end}"
    others = await kube.kubectl("get", CRD, "--all-namespaces", "--output", f"jsonpath={where}")
    if others.strip():
        raise DemoError(
            f"the demo's operator stays, for it runs {others.strip()}: delete these, then run this again"
        )
    await kube.helm("uninstall", OPERATOR, "--namespace", OPERATOR_NAMESPACE, "--ignore-not-found", "--wait")
    await kube.kubectl("delete", "crd", CRD, *gone)
    await kube.kubectl("delete", "namespace", OPERATOR_NAMESPACE, *gone)


async def require_no_other_operator(kube: Kube) -> None:
    """Raises DemoError where a user has installed the operator: the demo would take over its pipelines."""
    if (namespace := await _operator_namespace(kube)) not in ("", OPERATOR_NAMESPACE):
        raise DemoError(
            f"the operator is here already, in namespace {namespace}: run the demo on another cluster"
        )


async def _operator_namespace(kube: Kube) -> str:
    """Returns the namespace of the Helm release that brought the resource definition; empty without one."""
    definition = await kube.get("customresourcedefinition", CRD, "default")
    annotations = definition["metadata"].get("annotations", {}) if definition else {}
    return str(annotations.get("meta.helm.sh/release-namespace", "unknown" if definition else ""))


async def create_namespace(kube: Kube, name: str) -> None:
    """Creates a namespace if it is not there."""
    manifest = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"
    await kube.kubectl("apply", "--filename", "-", stdin=manifest)
