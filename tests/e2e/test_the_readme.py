"""Every command of the README works as it is written; runs last, and leaves nothing behind."""

import asyncio
import contextlib
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from cluster.config import NETNS
from demo import corpus, install
from demo.kube import Kube
from demo.paths import ROOT
from demo.shell import run
from demo.target import CLUSTER, LocalCluster, Target

pytestmark = pytest.mark.asyncio(loop_scope="session")

README = (ROOT / "README.md").read_text()
# A person starts the next command later than a script does: what runs in the background is up by then.
UNTIL_FORWARDED = "curl -fs --retry 300 --retry-delay 1 --retry-connrefused http://127.0.0.1:8000/live"
INSTALL = "## Install on your cluster"
# What its commands use of the repository.
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


def shell_blocks(section: str) -> list[str]:
    """Returns the ```sh blocks below a heading, as far as the next one of its level."""
    below = README.partition(f"{section}\n")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", below, re.DOTALL)


def make_commands() -> list[list[str]]:
    """Returns every `make` command that the README names anywhere."""
    return [
        found.split() for found in sorted(set(re.findall(r"(?:^|`)(make [^`\n#]+)", README, re.MULTILINE)))
    ]


@pytest.mark.parametrize("command", make_commands(), ids=" ".join)
async def test_make_target_exists(command: list[str]) -> None:
    assert await run(command[0], "--dry-run", *command[1:])


async def test_every_shell_block_is_run_here() -> None:
    whole = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    assert whole == [*shell_blocks("## Two commands"), *shell_blocks(INSTALL)]
    assert shell_blocks("## Two commands") == ["make demo\nmake test\n", "make demo-down\n"]


@pytest_asyncio.fixture(loop_scope="session")
async def registry(cluster: Target, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A registry to push to: the user's, or a real one on the local node."""
    if not isinstance(cluster, LocalCluster):
        yield request.config.getoption("--registry")
        return
    yield (await run(CLUSTER, "registry", "up")).strip().splitlines()[-1]
    await run(CLUSTER, "registry", "down")


@pytest_asyncio.fixture(loop_scope="session")
async def bare(kube: Kube) -> AsyncIterator[Kube]:
    """The cluster without the demo's operator and pipelines; what the README installs there is removed."""
    await install.uninstall_operator(kube)
    yield kube
    gone = ("--ignore-not-found", "--wait")
    await kube.kubectl("delete", "ragpipeline", "quickstart", "--namespace", "default", *gone)
    kept = "app.kubernetes.io/instance in (quickstart, handbook)"
    await kube.kubectl(
        "delete", "persistentvolumeclaims", "--selector", kept, "--namespace", "default", "--wait"
    )
    await kube.helm("uninstall", install.OPERATOR, "--namespace", OPERATOR_NAMESPACE, "--wait")
    await kube.kubectl("delete", "crd", install.CRD, *gone)
    await kube.kubectl("delete", "namespace", OPERATOR_NAMESPACE, *gone)


async def test_install_on_a_cluster(bare: Kube, registry: str, tmp_path: Path) -> None:
    assert shutil.which("curl"), "the README asks with curl: install it"
    with socket.socket() as port:  # what listens there already would answer in the pipeline's place
        port.bind(("127.0.0.1", 8000))
    for name in NEEDED:
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "policy.pdf").write_bytes((await corpus.policy_manual()).read_bytes())
    script = "".join(shell_blocks(INSTALL)).replace("8000:8000 &\n", f"8000:8000 &\n{UNTIL_FORWARDED}\n")
    output = await run(
        "bash",
        "-euxo",
        "pipefail",
        "-c",
        f"cd {tmp_path}\ntrap 'jobs -p | xargs --no-run-if-empty kill' EXIT\n{script}",
        env=bare.env | {"REGISTRY": registry},
    )
    deployment = await bare.get("deployment", "quickstart-api", "default")
    assert deployment
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"].startswith(f"{registry}/")
    assert "default/quickstart is ready" in output
    assert "1 completed." in output
    assert "policy.pdf, page " in output
    assert "These bytes are known; nothing changed." in output
    assert "event: citations" in output


async def test_make_demo_and_its_end(cluster: Target) -> None:
    arguments = cluster.make_arguments.split()
    shown = await run("make", "demo", *arguments)
    assert "It is still running" in shown
    await run("make", "demo-down", *arguments)
    if isinstance(cluster, LocalCluster):
        left = await asyncio.to_thread(_left_behind)
        assert left == []


def _left_behind() -> list[str]:
    """Returns what of the local cluster is still there: namespace, mounts, processes and control groups."""
    namespaces = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout
    mounts = Path("/proc/mounts").read_text()
    groups = map(str, Path("/sys/fs/cgroup").rglob(f"*{NETNS}*"))
    lines = (*namespaces.splitlines(), *mounts.splitlines(), *groups, *_processes())
    return [line for line in lines if NETNS in line or "relay_process.py" in line]


def _processes() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            yield path.read_bytes().replace(b"\0", b" ").decode()
