"""Brings images, operator and pipelines into a cluster with the commands that a user would type."""

import json

from .kube import Kube
from .paths import IMAGE_VALUES, OPERATOR_CHART, PIPELINE_CHART, QUICKSTART
from .pipeline import Pipeline
from .shell import run
from .steps import Step, Steps

IMAGES = "hack/images/build"
OPERATOR = "ragpipeline-operator"
OPERATOR_NAMESPACE = "ragpipeline-system"
NAMESPACE = "ragpipeline-demo"
READY_STEP = "kubectl apply -f examples/quickstart.yaml, until Ready"
CHART_NAMESPACE = "ragpipeline-demo-chart"
CHART_RELEASE = "handbook"
# A second pipeline beside the first on two cores: one of everything, no language model.
CHART_VALUES = ("spec.api.replicas=1", "spec.llm=null", "spec.embedding.managed.autoscaling=null")


async def build_images(steps: Steps) -> None:
    """Builds the images that are missing."""
    with steps.step("Build the images") as step:
        await run(IMAGES, show=step.say)


async def install_operator(kube: Kube, steps: Steps) -> None:
    """Installs or upgrades the operator with its chart, and waits until it is available."""
    with steps.step(f"helm install {OPERATOR}") as step:
        where = ("--namespace", OPERATOR_NAMESPACE, "--create-namespace", "--values", str(IMAGE_VALUES))
        await kube.helm(
            "upgrade",
            "--install",
            OPERATOR,
            str(OPERATOR_CHART),
            *where,
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
    """Removes the demo's pipelines, the operator, and the resource definition that its chart keeps."""
    gone = ("--ignore-not-found", "--wait")
    await kube.kubectl("delete", "namespace", NAMESPACE, CHART_NAMESPACE, *gone)
    await kube.helm("uninstall", OPERATOR, "--namespace", OPERATOR_NAMESPACE, "--ignore-not-found", "--wait")
    await kube.kubectl("delete", "crd", "ragpipelines.ragpipeline.dev", *gone)
    await kube.kubectl("delete", "namespace", OPERATOR_NAMESPACE, *gone)


async def create_namespace(kube: Kube, name: str) -> None:
    """Creates a namespace if it is not there."""
    manifest = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"
    await kube.kubectl("apply", "--filename", "-", stdin=manifest)
