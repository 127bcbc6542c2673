"""Command line of the demo: `python -m demo up|down|local` in the folder hack."""

import asyncio
from collections.abc import Coroutine
from typing import Annotated

import httpx
import typer

from rag_cli.errors import CliError, leaves

from . import story
from .errors import DemoError
from .local import UNSHOWN, local
from .steps import Steps
from .target import target

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
Kubeconfig = Annotated[str, typer.Option(help="A cluster of your own; without it, hack/cluster's.")]
Kind = Annotated[bool, typer.Option(help="Use kind, where it and a Docker engine answer.")]
Registry = Annotated[str, typer.Option(help="Where images are pushed, and your cluster pulls them from.")]


@app.command()
def up(kubeconfig: Kubeconfig = "", registry: Registry = "", kind: Kind = True) -> None:
    """Runs the whole demo on a cluster, or as local processes where this machine cannot hold one."""
    steps = Steps()

    async def run() -> None:
        chosen = await target(kubeconfig, registry, kind)
        if why := await chosen.problems(steps):
            steps.console.print(f"[yellow]No cluster on this machine: {why}[/]\n[yellow]{UNSHOWN}[/]")
            await local(steps)
        else:
            await story.up(chosen, steps)

    _run(run(), steps)


@app.command()
def down(kubeconfig: Kubeconfig = "", registry: Registry = "", kind: Kind = True) -> None:
    """Removes everything that `up` started."""
    steps = Steps()

    async def run() -> None:
        chosen = await target(kubeconfig, registry, kind)
        await chosen.remove(steps)

    _run(run(), steps)


@app.command("local")
def local_command() -> None:
    """Runs the pipeline as local processes and asks the demo's questions."""
    steps = Steps()
    _run(local(steps), steps)


def _run(work: Coroutine[object, object, None], steps: Steps) -> None:
    """Runs to the end, or prints what went wrong without a traceback and exits 1."""
    failed = False
    try:
        asyncio.run(work)
    except* (DemoError, CliError, httpx.HTTPError) as group:
        failed = True
        for error in leaves(group):
            steps.console.print(f"[red]{type(error).__name__}[/]", end=" ")
            steps.console.print(str(error), markup=False, highlight=False)
    if failed:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
