"""Operators that start at once: forked from a process that has imported everything."""

import multiprocessing
import os
import sys
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import httpx
import yaml

from tests.ports import free_port

# Its path is read once for all, when the operator's packages are imported: each has a folder of its own.
KUBECONFIG = "kubeconfig"
RESYNC_SECONDS = 2
READY = 'type="Ready"'


def context() -> ForkServerContext:
    """Return where operators are forked from."""
    os.environ["KUBECONFIG"] = KUBECONFIG
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload(["rag_operator.main"])
    return forking


class Operator:
    """An operator for one namespace, at an API server's URL; `kill` and `start` may follow each other."""

    def __init__(
        self, forking: ForkServerContext, folder: Path, url: str, namespace: str, **settings: object
    ) -> None:
        folder.mkdir()
        (folder / "log").touch()
        self._forking, self._folder = forking, folder
        (folder / KUBECONFIG).write_text(yaml.safe_dump(_kubeconfig(url)))
        port = free_port()
        self._metrics = f"http://127.0.0.1:{port}/metrics"
        told = {
            "watch_namespaces": f'["{namespace}"]',
            "resync_seconds": RESYNC_SECONDS,
            "secret_seconds": RESYNC_SECONDS,
            "metrics_port": port,
            "liveness_port": free_port(),
            **settings,
        }
        self._process: ForkServerProcess | None = None
        self._env = dict[str, str]()
        self.tell(**told)

    def tell(self, **settings: object) -> None:
        """Give the next one other settings."""
        self._env |= {f"RAG_OPERATOR_{name.upper()}": str(value) for name, value in settings.items()}

    def connect(self, kubeconfig: Path) -> None:
        """Have the next one use another kubeconfig."""
        (self._folder / KUBECONFIG).write_text(kubeconfig.read_text())

    def start(self) -> None:
        """Start a new one."""
        self._process = self._forking.Process(target=_operate, args=(self._folder, self._env), daemon=True)
        self._process.start()

    def kill(self) -> None:
        """Send SIGKILL; raise AssertionError if it ended by itself before."""
        assert self._process
        code = self._process.exitcode
        assert code is None, f"the operator ended by itself with {code}: {self.log()[-2000:]}"
        self._process.kill()
        self._process.join()

    def end(self) -> None:
        """Kill it if it runs."""
        if self._process and self._process.exitcode is None:
            self.kill()

    async def is_idle(self, pipelines: int) -> bool:
        """Return whether it has told of so many pipelines since its start, and none waits for a pass."""
        try:
            async with httpx.AsyncClient() as client:
                return tells_of_idleness((await client.get(self._metrics)).text, pipelines)
        except httpx.TransportError:  # it does not serve them yet
            return False

    def log(self) -> str:
        """Return what it has logged."""
        return (self._folder / "log").read_text()


def tells_of_idleness(metrics: str, pipelines: int) -> bool:
    """Return whether an operator's metrics tell of so many pipelines, and of none that waits for a pass.

    Passes say less: one is made for each pipeline whose children are known before it is known itself.
    """
    lines = metrics.splitlines()
    told = [line for line in lines if line.startswith("ragpipeline_condition{") and READY in line]
    return len(told) >= pipelines and "ragpipeline_operator_queue_depth 0.0" in lines


def _operate(folder: Path, env: dict[str, str]) -> None:
    with (folder / "log").open("a") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    os.chdir(folder)
    os.environ.update(env)
    from rag_operator.main import main

    main()


def _kubeconfig(url: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "proxy",
        "clusters": [{"name": "proxy", "cluster": {"server": url}}],
        "users": [{"name": "operator", "user": {"token": "any"}}],
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "operator"}}],
    }
