"""What the demo runs on: a cluster by kind, the one of hack/cluster, or one that the user has."""

import shlex
from pathlib import Path
from typing import Protocol

from . import kind
from .errors import DemoError
from .install import IMAGES, require_no_other_operator, uninstall_operator
from .kube import Kube
from .paths import CACHE
from .prometheus import absence
from .shell import CommandError, run
from .steps import Steps

CLUSTER = "hack/cluster/cluster"
INSTALL_KEDA = "https://keda.sh/docs/latest/deploy/"


class Target(Protocol):
    """A cluster, and how images, KEDA and Prometheus come into it."""

    kube: Kube
    # What a user types to reach the cluster with kubectl, and after `make demo-down` to remove everything.
    shell_setup: str
    make_arguments: str
    # What `hack/images/build` is told, before its command.
    image_options: tuple[str, ...]

    async def problems(self, steps: Steps) -> str:
        """Returns in one line why this machine cannot hold the cluster; empty when it can or need not."""

    async def start(self, steps: Steps) -> None:
        """Makes the cluster answer."""

    async def deliver_images(self, steps: Steps) -> None:
        """Brings the images, once they are built, to where the cluster finds them."""

    async def keda(self, steps: Steps) -> None:
        """Makes KEDA available in the cluster."""

    async def prometheus(self, steps: Steps) -> None:
        """Makes the Prometheus operator's kinds available, and a Prometheus that takes them up."""

    async def remove(self, steps: Steps) -> None:
        """Removes everything that the demo brought."""


class LocalCluster:
    """The cluster of hack/cluster on this machine; nothing else in the demo knows of it."""

    shell_setup = f'eval "$({CLUSTER} env)"'
    image_options: tuple[str, ...] = ()

    def __init__(self, make_arguments: str = "") -> None:
        self.kube = Kube({})
        self.make_arguments = make_arguments

    async def problems(self, steps: Steps) -> str:
        """Asks hack/cluster what this machine lacks; says how long the start will take, and why."""
        with steps.step("Look whether this machine can hold a cluster") as step:
            try:
                step.log((await run(CLUSTER, "check")).splitlines()[-1])
            except CommandError as error:
                return error.tail[-1]
        return ""

    async def start(self, steps: Steps) -> None:
        """Compiles and starts Kubernetes."""
        with steps.step("Compile Kubernetes, etcd, KEDA, Prometheus and Helm") as step:
            await run(CLUSTER, "build", show=step.say)
        with steps.step("Start the cluster") as step:
            await run(CLUSTER, "up", show=step.say)
        await self.connect()

    async def connect(self) -> None:
        """Learns where the kubeconfig, kubectl and helm are."""
        exports = (shlex.split(line)[1].partition("=") for line in (await run(CLUSTER, "env")).splitlines())
        self.kube = Kube({name: value for name, _, value in exports})

    async def deliver_images(self, steps: Steps) -> None:
        """Loads the images into the node."""
        with steps.step("Load the images into the node") as step:
            await run(*IMAGES, "load", show=step.say)

    async def keda(self, steps: Steps) -> None:
        """Installs KEDA from its own manifests."""
        with steps.step("Install KEDA") as step:
            await run(CLUSTER, "keda", show=step.say)

    async def prometheus(self, steps: Steps) -> None:
        """Installs Prometheus by its operator."""
        with steps.step("Install Prometheus") as step:
            await run(CLUSTER, "prometheus", show=step.say)

    async def remove(self, steps: Steps) -> None:
        """Stops the cluster; binaries, images and downloads stay, so that the next start is quick."""
        with steps.step("Stop the cluster") as step:
            await run(CLUSTER, "down", show=step.say)
        steps.console.print(
            f"Kept for the next start: {CACHE}, the images of buildah, and the node's.", soft_wrap=True
        )


class GivenCluster:
    """A cluster that the user has, which pulls its images from a registry that the user can push to."""

    image_options: tuple[str, ...] = ()

    def __init__(self, kubeconfig: str, registry: str) -> None:
        self.kube = Kube({"KUBECONFIG": kubeconfig})
        self.shell_setup = f"export KUBECONFIG={shlex.quote(kubeconfig)}"
        self.make_arguments = f" KUBECONFIG={shlex.quote(kubeconfig)} REGISTRY={registry}"
        self._registry = registry

    async def problems(self, steps: Steps) -> str:
        """This machine holds nothing but kubectl, helm and the images."""
        return ""

    async def start(self, steps: Steps) -> None:
        """Asks the cluster for its version, and whether somebody's operator is there already."""
        with steps.step("Reach the cluster") as step:
            step.log((await self.kube.kubectl("version")).strip().replace("\n", ", "))
            await require_no_other_operator(self.kube)

    async def deliver_images(self, steps: Steps) -> None:
        """Pushes the images to the registry."""
        with steps.step(f"Push the images to {self._registry}") as step:
            await run(*IMAGES, "push", self._registry, show=step.say)

    async def keda(self, steps: Steps) -> None:
        """Makes sure that the cluster has KEDA, which is not the demo's to install there."""
        with steps.step("Look for KEDA"):
            if not await self.kube.serves("keda.sh"):
                raise DemoError(
                    f"this cluster has no KEDA: install it as {INSTALL_KEDA} says, then run this again"
                )

    async def prometheus(self, steps: Steps) -> None:
        """Looks whether the cluster has Prometheus, which the demo can do without."""
        with steps.step("Look for Prometheus") as step:
            if why := await absence(self.kube):
                step.log(f"{why}: the demo will end without a word of alerts")

    async def remove(self, steps: Steps) -> None:
        """Removes the operator and its resource."""
        with steps.step("Uninstall the operator"):
            await uninstall_operator(self.kube)


async def target(kubeconfig: str, registry: str, with_kind: bool) -> Target:
    """Returns the cluster of a kubeconfig, or if both are empty kind's, where it answers, or the local one.

    Raises DemoError if one of both is empty.
    """
    if bool(kubeconfig) != bool(registry):
        raise DemoError("KUBECONFIG and REGISTRY go together: the cluster pulls its images from the registry")
    if kubeconfig:
        return _given(kubeconfig, registry)
    if not with_kind:
        return LocalCluster(" KIND=no")
    return kind.KindCluster() if await kind.answers() else LocalCluster()


def _given(kubeconfig: str, registry: str) -> GivenCluster:
    path = Path(kubeconfig).expanduser().absolute()
    if not path.is_file():
        raise DemoError(f"there is no kubeconfig {path}")
    return GivenCluster(str(path), registry)
