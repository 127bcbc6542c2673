"""A cluster by kind, where it and a Docker engine answer: nothing is compiled.

Redis, Qdrant, llama.cpp, KEDA and Prometheus are the released ones, which the node pulls.
"""

import json
import shlex
import shutil
from string import Template

from .errors import DemoError
from .install import create_namespace
from .kube import Kube
from .paths import CACHE, IMAGE_VALUES, PROMETHEUS_MANIFEST
from .prometheus import NAMESPACE
from .released import KEDA, PROMETHEUS_OPERATOR
from .shell import CommandError, run
from .steps import Step, Steps

NAME = "ragpipeline-demo"
# A file of its own leaves the user's kubeconfig as it is. Where it lies, the demo has made the cluster.
KUBECONFIG = CACHE / "kind.kubeconfig"
OTHERS = {
    "kubectl": "https://kubernetes.io/docs/tasks/tools/",
    "helm": "https://helm.sh/docs/intro/install/",
}
# The version is that of the manifest, and of hack/cluster/modules/prometheus.
PROMETHEUS_IMAGE = "quay.io/prometheus/prometheus:v3.14.0"
# The first time, the node pulls the images.
AVAILABLE = ("--for=condition=Available", "--timeout=300s")


class KindError(DemoError):
    """kind could not do something; the message ends with what to do."""


async def answers() -> bool:
    """Whether kind and a Docker engine answer, or did when they made the demo's cluster."""
    if KUBECONFIG.exists():
        return True
    try:
        await run("docker", "info")
        await run("kind", "version")
    except DemoError:
        return False
    return True


class KindCluster:
    """A cluster of one node that is a container."""

    shell_setup = f"export KUBECONFIG={shlex.quote(str(KUBECONFIG))}"
    make_arguments = ""
    image_options: tuple[str, ...] = ("--official",)

    def __init__(self) -> None:
        self.kube = Kube({"KUBECONFIG": str(KUBECONFIG)})

    async def problems(self, steps: Steps) -> str:
        """Nothing is in the way but, perhaps, that kubectl or helm is not there: raises DemoError."""
        for command, page in OTHERS.items():
            if not shutil.which(command):
                raise DemoError(f"{command} is not on PATH: install it as {page} says, then run this again")
        return ""

    async def start(self, steps: Steps) -> None:
        """Makes the cluster, unless the demo has made it before; one of somebody else is left alone."""
        with steps.step(f"Start the kind cluster {NAME}") as step:
            clusters = await _kind("get", "clusters", step=step, advice="start the Docker engine")
            if NAME not in clusters.split():
                await self._create(step)
            elif not KUBECONFIG.exists():
                raise KindError(
                    f"there is a kind cluster {NAME} that the demo has not made: remove it with"
                    f" `kind delete cluster --name {NAME}` if it may go, then run this again"
                )
            try:
                await self.kube.kubectl("wait", "node", "--all", "--for=condition=Ready", "--timeout=60s")
            except CommandError as error:
                raise KindError(
                    f"{error}\nThe cluster does not answer: run `make demo-down`, then this again"
                ) from error

    async def _create(self, step: Step) -> None:
        KUBECONFIG.parent.mkdir(parents=True, exist_ok=True)
        KUBECONFIG.write_text("")  # before the cluster, so that one which is half made can be removed
        options = ("--name", NAME, "--kubeconfig", str(KUBECONFIG), "--wait", "3m")
        await _kind(
            "create",
            "cluster",
            *options,
            step=step,
            advice="see https://kind.sigs.k8s.io/docs/user/known-issues/ for what it needs of a machine",
        )

    async def deliver_images(self, steps: Steps) -> None:
        """Loads the images that were built into the node, which pulls the official ones itself."""
        with steps.step("Load the images into the kind cluster") as step:
            built = json.loads(IMAGE_VALUES.read_text())
            references = [reference for images in built.values() for reference in images.values()]
            await _kind(
                "load",
                "docker-image",
                *references,
                *("--name", NAME),
                step=step,
                advice="make room where Docker keeps its images, which `docker system df` shows",
            )

    async def keda(self, steps: Steps) -> None:
        """Installs KEDA from its released manifests."""
        with steps.step(f"Install KEDA {KEDA.version}") as step:
            await self._apply(str(await KEDA.manifests()), step)
            await self.kube.kubectl("wait", "deployment", "--all", "--namespace=keda", *AVAILABLE)
            await self.kube.kubectl("wait", "apiservice/v1beta1.external.metrics.k8s.io", *AVAILABLE)

    async def prometheus(self, steps: Steps) -> None:
        """Installs the Prometheus operator from its released manifests, and by it the official Prometheus."""
        with steps.step(f"Install Prometheus by its operator {PROMETHEUS_OPERATOR.version}") as step:
            await self._apply(str(await PROMETHEUS_OPERATOR.manifests()), step)
            await self.kube.kubectl("wait", "crd", "--all", "--for=condition=Established")
            await create_namespace(self.kube, NAMESPACE)
            await self._apply("-", step, stdin=prometheus_manifest())
            where = f"--namespace={NAMESPACE}"
            await self.kube.kubectl("wait", "prometheus/prometheus", where, *AVAILABLE)

    async def _apply(self, filename: str, step: Step, stdin: str | None = None) -> None:
        apply = ("apply", "--server-side", "--filename", filename)
        await self.kube.kubectl(*apply, stdin=stdin, show=step.say)

    async def remove(self, steps: Steps) -> None:
        """Deletes the cluster if the demo has made it; images and downloads stay."""
        with steps.step(f"Delete the kind cluster {NAME}") as step:
            if not KUBECONFIG.exists():
                step.log("the demo has made none")
                return
            options = ("--name", NAME, "--kubeconfig", str(KUBECONFIG))
            await _kind("delete", "cluster", *options, step=step, advice="start the Docker engine")
            KUBECONFIG.unlink()
        steps.console.print(f"Kept for the next start: {CACHE}, and the images of Docker.", soft_wrap=True)


def prometheus_manifest() -> str:
    """Returns the Prometheus of hack/cluster, with the official image."""
    manifest = Template(PROMETHEUS_MANIFEST.read_text())
    return manifest.substitute(NAMESPACE=NAMESPACE, IMAGE=PROMETHEUS_IMAGE)


async def _kind(*arguments: str, step: Step, advice: str) -> str:
    """Runs kind and returns its output; raises KindError with what to do."""
    try:
        return await run("kind", *arguments, show=step.say)
    except CommandError as error:
        raise KindError(f"{error}\nkind failed: {advice}, then run this again") from error
