"""The operator as a process that a test can kill."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
RESYNC_SECONDS = 2.0


class OwnOperator:
    """The operator; `more` are variables of its environment."""

    def __init__(self, kubeconfig: Path, folder: Path, **more: str) -> None:
        self._log = folder / "operator.log"
        variables = {
            "KUBECONFIG": kubeconfig,
            "RAG_OPERATOR_RESYNC_SECONDS": RESYNC_SECONDS,
            "RAG_OPERATOR_SECRET_SECONDS": RESYNC_SECONDS,
            "RAG_OPERATOR_METRICS_PORT": free_port(),
            "RAG_OPERATOR_LIVENESS_PORT": free_port(),
            "PYTHONPATH": ROOT / "operator",
            **more,
        }
        self._env = {**os.environ, **{name: str(value) for name, value in variables.items()}}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        command = [sys.executable, "-m", "rag_operator"]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=self._env)

    def kill(self) -> None:
        """End it at once, whatever it is doing; raise AssertionError if it ended by itself before."""
        assert self._process
        ended = self._process.poll()
        assert ended is None, f"the operator ended by itself with status {ended}:\n{self._log.read_text()}"
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Stop it as a machine does that hangs."""
        self._running.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on as if nothing had happened."""
        self._running.send_signal(signal.SIGCONT)

    @property
    def ended(self) -> bool:
        """Whether it ended by itself."""
        return self._running.poll() is not None

    @property
    def log(self) -> str:
        """All that it said."""
        return self._log.read_text()

    @property
    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process
        return self._process
