"""Run a pipeline locally: prepare, start the stores, then the rest; at the end stop in reverse order."""

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from rag_contract.endpoints import API_PORT
from rag_operator.children import Site, build
from rag_operator.local.processes import ProcessFailed, Running, run_once, start
from rag_operator.local.translate import LocalProcess, Model, Plan, Translator, container_ports
from rag_operator.names import Component

AFTER_A_FAILURE = (
    "All others were stopped, and what is stored stays: run it again, as `make local`, to go on."
)
STORES = {Component.REDIS, Component.QDRANT}


class PortTaken(RuntimeError):
    """Something else listens on the port that the API should have."""


class CollectionChanged(RuntimeError):
    """The documents are in another collection, and nobody here would embed them anew."""


async def run(site: Site, state_dir: Path, port: int, console: Console) -> None:
    """Run until Ctrl-C or SIGTERM.

    Raise PortTaken or CollectionChanged, or ProcessFailed if a process ends by itself.
    """
    require_free(port)
    require_collection(state_dir, site.indexes.serving.spec.collection)
    manifests = build(site)
    ports = {each: port if each == API_PORT else free_port() for each in container_ports(manifests)}
    plan = Translator(manifests, state_dir, ports, site.user_secrets).plan()
    logs = state_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    running: list[Running] = []
    story = asyncio.create_task(_serve(plan, logs, running, port, console))
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({story, stopped}, return_when=asyncio.FIRST_COMPLETED)
        story.cancel()
        with suppress(asyncio.CancelledError):
            await story
    except* ProcessFailed as failures:
        raise ProcessFailed(f"{_first(failures)}\n{AFTER_A_FAILURE}") from None
    finally:
        console.print("Stopping")
        for process in reversed(running):
            await process.stop()


async def _serve(plan: Plan, logs: Path, running: list[Running], port: int, console: Console) -> None:
    prepare(plan)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        async with asyncio.TaskGroup() as tasks:
            for model in plan.models:
                tasks.create_task(_write_model(model, logs, progress))
            stores = [process for process in plan.processes if process.component in STORES]
            tasks.create_task(_start_all(stores, logs, running, progress))
        rest = [process for process in plan.processes if process.component not in STORES]
        await _start_all(rest, logs, running, progress)
    console.print(f"API: [bold]http://127.0.0.1:{port}[/bold]   logs: {logs}   Ctrl-C stops")
    async with asyncio.TaskGroup() as tasks:
        for process in running:
            tasks.create_task(process.until_ended())


def prepare(plan: Plan) -> None:
    """Make the folders of all volumes and write the files of mounted Secrets, for this user only."""
    for folder in plan.folders:
        folder.mkdir(parents=True, exist_ok=True)
    for path, text in plan.files.items():
        path.touch(mode=0o600)
        path.write_text(text)


async def _write_model(model: Model, logs: Path, progress: Progress) -> None:
    """Write a model's files, once: a folder that is there is whole, for it is renamed when it is."""
    if any(model.folder.iterdir()):
        return
    task = progress.add_task(f"model {model.name}", total=1)
    part = model.folder.with_name(f"{model.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    command = [sys.executable, "-m", "rag_standins.models", model.name, "--out", str(part)]
    await run_once(command, logs / f"model-{model.name}.log")
    os.replace(part, model.folder)
    progress.update(task, completed=1, description=f"[green]model {model.name}")


async def _start_all(
    specs: Sequence[LocalProcess], logs: Path, running: list[Running], progress: Progress
) -> None:
    """Start processes and wait until all are ready."""
    async with asyncio.TaskGroup() as tasks:
        for spec in specs:
            process = await start(spec, logs)
            running.append(process)
            tasks.create_task(_await_ready(process, progress))


async def _await_ready(process: Running, progress: Progress) -> None:
    task = progress.add_task(process.spec.name, total=1)
    await process.until_ready()
    progress.update(task, completed=1, description=f"[green]{process.spec.name}")


def _first(failures: BaseExceptionGroup[ProcessFailed]) -> ProcessFailed:
    """Return one failure: when several processes end, the others mostly follow the first."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def require_free(port: int) -> None:
    """Raise PortTaken if something listens on a port: its answers would pass for our own."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise PortTaken(
                f"port {port} of 127.0.0.1 is taken; choose another: `make local PORT=9000`, or --port 9000"
            )


def require_collection(state_dir: Path, collection: str) -> None:
    """Raise CollectionChanged if the documents of a folder are in another collection.

    In a cluster they are embedded anew by the pods of a second index. Here there is one process of each kind.
    """
    note = state_dir / "collection"
    before = note.read_text() if note.exists() else collection
    if before != collection:
        raise CollectionChanged(
            f"the documents in {state_dir} are in collection {before}, and only the operator embeds them "
            f"anew for {collection}: set vectorStore.collection back, or begin in another --state-dir"
        )
    state_dir.mkdir(parents=True, exist_ok=True)
    note.write_text(collection)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
