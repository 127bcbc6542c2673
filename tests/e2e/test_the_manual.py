"""Every command of the pages works as it is written, and leaves nothing behind."""

import re
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from demo import corpus, install
from demo.kube import Kube
from demo.paths import ROOT
from demo.shell import run
from demo.target import CLUSTER, LocalCluster, Target

from tests.manual import TOUR, Part, make_commands

pytestmark = pytest.mark.asyncio(loop_scope="session")

# A person starts the next command later than a script does: what runs in the background is up by then.
UNTIL_FORWARDED = "curl -fs --retry 300 --retry-delay 1 --retry-connrefused http://127.0.0.1:8000/live"
# What the commands use of the repository.
NEEDED = (
    "charts",
    "examples",
    "hack",
    "build",
    "operator",
    "workloads",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)
OPERATOR_NAMESPACE = "ragpipeline-system"
# What the pages promise of their commands, by the page.
SAID = {
    "README.md": (
        "default/quickstart is ready",
        "1 completed.",
        "policy.pdf, page ",
        "These bytes are known; nothing changed.",
        "event: citations",
    ),
    "docs/use.md": ('"document_id":"policy"', "event: citations", '"done":'),
    "docs/operations.md": (
        "AutoscalingReady=True",
        "quickstart-redis-data",
        "condition met",
        "REGISTRY/ragpipeline-api:",
    ),
}


@pytest.mark.parametrize("command", make_commands(), ids=" ".join)
async def test_make_target_exists(command: list[str]) -> None:
    assert await run(command[0], "--dry-run", *command[1:])


@dataclass(frozen=True)
class Shell:
    """Where a person would run the commands: the repository, and a cluster without the operator."""

    kube: Kube
    folder: Path
    registry: str

    async def run(self, part: Part) -> str:
        """Run the commands of a part in a shell, and end what they left in the background."""
        script = "".join(part.commands())
        script = re.sub(
            r"^(kubectl port-forward .* &)$", rf"\1\n{UNTIL_FORWARDED}", script, flags=re.MULTILINE
        )
        prepared = f"cd {self.folder}\ntrap 'jobs -p | xargs --no-run-if-empty kill' EXIT\n"
        path = 'export PATH="$PWD/build/cli/bin:$PATH"\n'
        return await run(
            *("bash", "-euxo", "pipefail", "-c", f"{prepared}{path}{script}"),
            env=self.kube.env | {"REGISTRY": self.registry},
        )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def registry(cluster: Target, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A registry to push to: the user's, or a real one on the local node."""
    if not isinstance(cluster, LocalCluster):
        yield request.config.getoption("--registry")
        return
    yield (await run(CLUSTER, "registry", "up")).strip().splitlines()[-1]
    await run(CLUSTER, "registry", "down")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shell(kube: Kube, registry: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shell]:
    """The cluster without the demo's operator and pipelines; what the pages install there is removed."""
    assert shutil.which("curl"), "the pages ask with curl: install it"
    with socket.socket() as port:  # what listens there already would answer in the pipeline's place
        port.bind(("127.0.0.1", 8000))
    await install.uninstall_operator(kube)
    folder = tmp_path_factory.mktemp("repository")
    for name in NEEDED:
        (folder / name).symlink_to(ROOT / name)
    (folder / "policy.pdf").write_bytes((await corpus.policy_manual()).read_bytes())
    yield Shell(kube, folder, registry)
    await _remove(kube)


async def _remove(kube: Kube) -> None:
    """Remove what is left where a command failed, and the Secrets of the examples."""
    gone = ("--ignore-not-found", "--wait")
    if await kube.get("crd", install.CRD, "default"):
        await kube.kubectl("delete", "ragpipeline", "--all", "--namespace", "default", *gone)
    kept = ("--selector", "app.kubernetes.io/instance in (quickstart, handbook)", "--namespace", "default")
    await kube.kubectl("delete", "persistentvolumeclaims", *kept, "--wait")
    await kube.kubectl("delete", "secret", "shared-stores", "rag-keys", "--namespace", "default", *gone)
    found = ("--ignore-not-found", "--namespace", OPERATOR_NAMESPACE, "--wait")
    await kube.helm("uninstall", install.OPERATOR, *found)
    await kube.kubectl("delete", "crd", install.CRD, *gone)
    await kube.kubectl("delete", "namespace", OPERATOR_NAMESPACE, *gone)


@pytest.mark.parametrize("part", TOUR, ids=str)
async def test_commands_of_the_page(shell: Shell, part: Part) -> None:
    output = await shell.run(part)
    for said in SAID.get(part.page, ()):
        assert said.replace("REGISTRY", shell.registry) in output


async def test_the_pages_leave_nothing(shell: Shell) -> None:
    assert await shell.kube.get("crd", install.CRD, "default") is None
    assert await shell.kube.get("namespace", OPERATOR_NAMESPACE, "default") is None
