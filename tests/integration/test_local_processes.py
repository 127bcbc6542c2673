"""Single processes of `make local`, and what a person is told when one ends."""

import socket
from pathlib import Path

import pytest

from rag_operator.local.processes import ProcessFailed, start
from rag_operator.local.runner import CollectionChanged, PortTaken, require_collection, require_free
from rag_operator.local.translate import LocalProcess
from rag_operator.names import Component


async def never() -> bool:
    return False


@pytest.mark.parametrize(
    ("end", "told"), [("exit 3", "ended with status 3"), ("kill -9 $$", "was killed by SIGKILL")]
)
async def test_a_process_that_ends_is_named_with_what_it_said_in_this_run(
    tmp_path: Path, end: str, told: str
) -> None:
    (tmp_path / "worker.log").write_text("of the run before")
    command = ["sh", "-c", f"echo of this run; {end}"]
    worker = await start(LocalProcess("worker", Component.WORKER, command, {}, never, 1), tmp_path)
    with pytest.raises(ProcessFailed) as caught:
        await worker.until_ready()
    assert str(caught.value) == f"worker {told}; the end of its log, {worker.log}:\nof this run"


def test_a_port_that_is_taken_is_told_with_both_ways_to_name_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortTaken) as caught:
        require_free(taken.getsockname()[1])
    assert "make local PORT=" in str(caught.value)
    assert "--port" in str(caught.value)


def test_documents_are_not_left_behind_in_another_collection(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    require_collection(folder, "docs")
    with pytest.raises(CollectionChanged, match="are in collection docs, "):
        require_collection(folder, "other")
    require_collection(folder, "docs")
