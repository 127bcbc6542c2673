"""A cluster by kind, where it and a Docker engine answer: nothing is compiled.

Redis, Qdrant, llama.cpp and KEDA are the released ones, which the node pulls.
"""

import json
import shlex
import shutil
from hashlib import sha256
from pathlib import Path

import httpx

from .errors import DemoError
from .kube import Kube
from .paths import CACHE, IMAGE_VALUES
from .shell import CommandError, run
from .steps import Step, Steps

NAME = "ragpipeline-demo"
# A file of its own leaves the user's kubeconfig as it is. Where it lies, the demo has made the cluster.
KUBECONFIG = CACHE / "kind.kubeconfig"
OTHERS = {
    "kubectl": "https://kubernetes.io/docs/tasks/tools/",
    "helm": "https://helm.sh/docs/intro/install/",
}
# The version of hack/cluster/modules/keda, and like there without webhooks.
KEDA_VERSION = "2.21.0"
KEDA_URL = f"https://github.com/kedacore/keda/releases/download/v{KEDA_VERSION}/keda-{KEDA_VERSION}-core.yaml"
KEDA_SHA256 = "e682084c3a93b8adc30fb22f2e63a1604ef1832d31769976a40682c5fa745927"
# The first time, the node pulls KEDA's images.
KEDA_TIMEOUT = "--timeout=300s"


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
        with steps.step(f"Install KEDA {KEDA_VERSION}") as step:
            manifests = str(await keda_manifests())
            await self.kube.kubectl("apply", "--server-side", "--filename", manifests, show=step.say)
            available = ("--for=condition=Available", KEDA_TIMEOUT)
            await self.kube.kubectl("wait", "deployment", "--all", "--namespace=keda", *available)
            await self.kube.kubectl("wait", "apiservice/v1beta1.external.metrics.k8s.io", *available)

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


async def keda_manifests() -> Path:
    """Returns KEDA's released manifests, fetched once; raises DemoError unless they are those pinned here."""
    path = CACHE / KEDA_URL.rpartition("/")[2]
    if not path.exists():
        try:
            async with httpx.AsyncClient(follow_redirects=True, timeout=60) as http:
                response = (await http.get(KEDA_URL)).raise_for_status()
        except httpx.HTTPError as error:
            raise DemoError(
                f"{KEDA_URL} cannot be fetched ({error}): bring it to {path} yourself, then run this again"
            ) from error
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(response.content)
    if sha256(path.read_bytes()).hexdigest() != KEDA_SHA256:
        raise DemoError(
            f"{path} is not what KEDA has released as {KEDA_VERSION}: remove it, then run this again"
        )
    return path


async def _kind(*arguments: str, step: Step, advice: str) -> str:
    """Runs kind and returns its output; raises KindError with what to do."""
    try:
        return await run("kind", *arguments, show=step.say)
    except CommandError as error:
        raise KindError(f"{error}\nkind failed: {advice}, then run this again") from error
