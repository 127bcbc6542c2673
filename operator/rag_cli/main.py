"""The commands of `ragpipeline`."""

from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from rag_cli import prose, show
from rag_cli.answers import State
from rag_cli.board import Board
from rag_cli.connection import connected
from rag_cli.errors import EXIT_CODES, FORESEEN, CliError, Exit
from rag_cli.files import files_in
from rag_cli.finding import find
from rag_cli.kube import Kubectl
from rag_cli.logs import show_logs
from rag_cli.options import Options, command
from rag_cli.resource import Pipeline
from rag_cli.uploading import Uploading
from rag_contract.stats import Stats

app = typer.Typer(
    help="Use a RagPipeline: upload documents, ask about them, and see what it does.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # among them is the key
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"ragpipeline {version('ragpipeline')}")
        raise typer.Exit


@app.callback()
def main(
    _: Annotated[
        bool, typer.Option("--version", help="Tell the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """What is said before a command."""


Name = Annotated[str, typer.Argument(help="The RagPipeline; needless where there is only one.")]
One = Annotated[str, typer.Argument(help="The id of the document, or the name of its file.")]
Many = Annotated[list[str], typer.Argument(help="Ids of documents, or names of files.")]


@app.command()
@command
async def status(options: Options, name: Name = "") -> Exit:
    """Tell how a pipeline is, and what to do next. Exit code 1 if it is not ready."""
    if options.url:
        async with connected(options) as client:
            stats = await client.stats()
        _show(options, stats, prose.api_status(stats))
        return Exit.FAILED if stats.problems else Exit.WELL
    pipeline = await Kubectl(options).pipeline(name or options.pipeline)
    counts = await _stats(options, pipeline)
    if options.json:
        own = pipeline.model_dump(mode="json", by_alias=True)
        show.as_json({**own, "stats": counts.model_dump(mode="json") if counts else None})
    else:
        show.sentences(prose.pipeline_status(pipeline, counts))
    return Exit.WELL if pipeline.ready.status == "True" else Exit.FAILED


async def _stats(options: Options, pipeline: Pipeline) -> Stats | None:
    """Return what the API counts; None where it does not answer, or asks for a key."""
    if pipeline.condition("ApiReady").status != "True":
        return None
    with suppress(*FORESEEN):
        async with connected(options, pipeline) as client:
            return await client.stats()
    return None


@app.command()
@command
async def upload(
    options: Options,
    path: Annotated[list[Path], typer.Argument(exists=True, help="Files, and folders with all in them.")],
    document_id: Annotated[
        str, typer.Option("--id", help="Takes the place of the document of that id.")
    ] = "",
    wait: Annotated[bool, typer.Option(help="Wait until each document has ended.")] = True,
) -> Exit:
    """Upload files that the pipeline does not have yet. Exit code 1 if one was refused or failed.

    Stopped by Ctrl-C or a lost connection, it goes on when it is called again: nothing is sent twice.
    """
    files, left_out = files_in(path)
    if not files:
        raise CliError("There is no file that holds text.", Exit.USAGE)
    if document_id and len(files) > 1:
        raise CliError("With --id there must be one file only.", Exit.USAGE)
    board = Board(len(files))
    async with connected(options) as client:
        uploading = Uploading(client, board, document_id)
        with board.shown():
            outcomes = await (uploading.send_and_follow(files) if wait else uploading.send(files))
    if options.json:
        show.as_json([each.model_dump(mode="json") for each in outcomes])
    else:
        show.sentences([*prose.uploads(outcomes), *prose.left_out(left_out)])
    return Exit.FAILED if any(each.bad for each in outcomes) else Exit.WELL


@app.command()
@command
async def why(options: Options, document: One) -> Exit:
    """Tell how a document came to be as it is, and what to do. Exit code 1 if it failed."""
    async with connected(options) as client:
        found = await find(client, document)
    _show(options, found, prose.why(found))
    return Exit.FAILED if found.state == "failed" else Exit.WELL


@app.command()
@command
async def ask(
    options: Options,
    question: Annotated[list[str], typer.Argument(help="What you want to know, in quotes or without.")],
    top_k: Annotated[
        int | None, typer.Option(min=1, max=100, help="Passages to answer from; else by the spec.")
    ] = None,
) -> None:
    """Answer a question from the documents, and tell where it stands."""
    if not (text := " ".join(question).strip()):
        raise CliError("The question is empty.", Exit.USAGE)
    more = {"top_k": top_k} if top_k else {}
    async with connected(options) as client:
        if options.json:
            show.as_json((await client.answer(text, **more)).model_dump(mode="json"))
            return
        answered = False
        async for piece in client.ask(text, **more):
            if isinstance(piece, str):
                answered = True
                print(piece, end="", flush=True)
            else:
                if answered:
                    print()
                elif not piece:
                    print("No document says anything of it.")
                show.citations(piece)


@app.command()
@command
async def documents(
    options: Options,
    state: Annotated[State | None, typer.Option(help="How they are.")] = None,
    tag: Annotated[str, typer.Option(help="A tag that they have.")] = "",
    name: Annotated[str, typer.Option(help="A part of the file's name.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
) -> None:
    """List documents, newest first."""
    wanted = {key: value for key, value in {"state": state, "tag": tag, "name": name}.items() if value}
    async with connected(options) as client:
        page = await client.documents(limit=limit, **wanted)
    if options.json:
        show.as_json(page.model_dump(mode="json"))
        return
    show.documents(page.documents)
    if page.next_cursor:
        show.sentences(["There are more: raise --limit, or filter them."])


@app.command()
@command
async def retry(options: Options, document: Many) -> None:
    """Try documents again that failed or were cancelled, from their stored files."""
    async with connected(options) as client:
        found = [await find(client, each) for each in document]
        tried = [await client.retry(each.document_id) for each in found]
    if options.json:
        show.as_json([each.model_dump(mode="json") for each in tried])
    else:
        show.sentences(f"{each.file_name} ({each.document_id}) is tried again." for each in tried)


@app.command()
@command
async def delete(options: Options, document: Many) -> None:
    """Delete documents, with their vectors and files."""
    async with connected(options) as client:
        found = [await find(client, each) for each in document]
        for each in found:
            await client.delete(each.document_id)
    if options.json:
        show.as_json([{"document_id": each.document_id, "file_name": each.file_name} for each in found])
    else:
        show.sentences(f"{each.file_name} ({each.document_id}) is deleted." for each in found)


@app.command()
@command
async def logs(
    options: Options,
    name: Name = "",
    component: Annotated[
        str, typer.Option("--component", "-c", help="One of api, worker, embedding, llm, redis, qdrant.")
    ] = "",
    tail: Annotated[int, typer.Option(help="Lines of each container; -1 for all.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they say more.")] = False,
) -> None:
    """Show what a pipeline's pods say; with --output json, an object a line."""
    if options.url:
        raise CliError("Logs are kept by the cluster: leave out --url.", Exit.USAGE)
    kubectl = Kubectl(options)
    pipeline = await kubectl.pipeline(name or options.pipeline)
    await show_logs(kubectl, pipeline, component, tail, follow=follow, as_json=options.json)


def _show(options: Options, answer: BaseModel, lines: Iterable[str]) -> None:
    """Print an answer as it is for programs, and in sentences for people."""
    if options.json:
        show.as_json(answer.model_dump(mode="json"))
    else:
        show.sentences(lines)
