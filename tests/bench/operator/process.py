"""The operator as a process, and what it takes of the machine."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.cluster.faults.operators import tells_of_idleness
from tests.cluster.own_operator import ROOT
from tests.ports import free_port

KIB_OF_A_MIB = 1024


class Process:
    """A running operator."""

    def __init__(self, process: subprocess.Popen[bytes], metrics: str) -> None:
        self._process = process
        self._metrics = metrics

    def is_idle(self, pipelines: int) -> bool:
        """Whether it has told of so many pipelines since its start, and none waits for a pass."""
        try:
            return tells_of_idleness(httpx.get(self._metrics).text, pipelines)
        except httpx.TransportError:  # it does not serve them yet
            return False

    @property
    def memory_mib(self) -> float:
        """The most memory that it ever held."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / KIB_OF_A_MIB

    @property
    def cpu_seconds(self) -> float:
        """What it has used of a core until now."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def operator(kubeconfig: Path, log: Path) -> Iterator[Process]:
    """Run the operator with the settings of the chart, and end it as Kubernetes does."""
    port = free_port()
    variables = {
        "KUBECONFIG": kubeconfig,
        "RAG_OPERATOR_LEASE_NAMESPACE": "default",
        "RAG_OPERATOR_METRICS_PORT": port,
        "RAG_OPERATOR_LIVENESS_PORT": free_port(),
        "PYTHONPATH": ROOT / "operator",
    }
    env = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "rag_operator"], stdout=output, stderr=subprocess.STDOUT, env=env
        )
        try:
            yield Process(child, f"http://127.0.0.1:{port}/metrics")
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait()
