"""The options that every command has, and how every command ends."""

import asyncio
import functools
import inspect
import io
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic import HttpUrl, TypeAdapter, ValidationError
from rich.console import Console

from rag_cli.errors import FORESEEN, CliError, Exit, explain, leaves

HTTP_URL = TypeAdapter(HttpUrl)


def _address(given: str) -> str:
    """Return the URL; BadParameter if it is none."""
    try:
        return given and str(HTTP_URL.validate_python(given))
    except ValidationError as error:
        hint = "" if "://" in given else f"; is it http://{given}?"
        raise typer.BadParameter(f"{error.errors()[0]['msg']}{hint}") from None


def _key(given: str) -> str:
    """Return the key; BadParameter if no header can hold it."""
    if not given.isascii() or not given.isprintable():
        raise typer.BadParameter("A key has only ASCII characters that can be printed.")
    return given


class Output(StrEnum):
    """For people, or for programs."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True)
class Options:
    """Which pipeline is meant, how it is reached, and how it is told of."""

    pipeline: Annotated[
        str,
        typer.Option("--pipeline", "-p", envvar="RAGPIPELINE", help="The RagPipeline, if there are several."),
    ] = ""
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Its namespace; else that of the context.")
    ] = ""
    context: Annotated[str, typer.Option(help="The context of the kubeconfig; else the current one.")] = ""
    kubeconfig: Annotated[str, typer.Option(help="The kubeconfig; else the one that kubectl finds.")] = ""
    url: Annotated[
        str,
        typer.Option(
            envvar="RAGPIPELINE_URL", help="An API that is reached without a cluster.", callback=_address
        ),
    ] = ""
    api_key: Annotated[
        str,
        typer.Option(
            envvar="RAGPIPELINE_API_KEY", help="The key of an API that asks for one.", callback=_key
        ),
    ] = field(default="", repr=False)
    output: Annotated[Output, typer.Option("--output", "-o", help="For people, or for programs.")] = (
        Output.TEXT
    )

    @property
    def json(self) -> bool:
        """Whether a program reads what is shown."""
        return self.output is Output.JSON


def command(work: Callable[..., Awaitable[Exit | None]]) -> Callable[..., None]:
    """Make a command of a coroutine that takes `Options` first: they become options of its own."""
    shared = inspect.signature(Options).parameters

    @functools.wraps(work)
    def run(**given: Any) -> None:
        # Of a terminal that has not all characters, those are shown as it can.
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")
        options = Options(**{name: given.pop(name) for name in shared})
        raise typer.Exit(_ending(work(options, **given)))

    own = list(inspect.signature(work).parameters.values())[1:]
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *shared.values())]
    vars(run).update(__signature__=inspect.Signature(parameters), __annotations__={})
    return run


def _ending(work: Awaitable[Exit | None]) -> Exit:
    """Return the exit code of a command, after what went wrong was said."""

    async def main() -> Exit:
        return await work or Exit.WELL

    failures: list[CliError] = []
    try:
        return asyncio.run(main())
    except* KeyboardInterrupt:
        failures = [CliError("Stopped.", Exit.STOPPED)]
    except* FORESEEN as group:
        failures = [explain(each) for each in leaves(group)]
    for message in dict.fromkeys(map(str, failures)):
        Console(stderr=True).print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    return failures[0].exit
