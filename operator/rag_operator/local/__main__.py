"""Run a RagPipeline as local processes: `python -m rag_operator.local -f examples/quickstart.yaml`."""

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import ValidationError
from rich.console import Console

from rag_operator.children import Site
from rag_operator.indexes import decide
from rag_operator.local.processes import ProcessFailed
from rag_operator.local.runner import CollectionChanged, PortTaken, run
from rag_operator.local.translate import Untranslatable
from rag_operator.pipeline import KIND, RagPipeline, Spec
from rag_operator.resolution import Unresolved, decode, resolve
from rag_operator.settings import Settings


class InvalidFile(ValueError):
    """A file without exactly one usable RagPipeline."""


FAILURES = (
    CollectionChanged,
    InvalidFile,
    PortTaken,
    ProcessFailed,
    Untranslatable,
    ValidationError,
    yaml.YAMLError,
)


def load(text: str) -> Site:
    """Return what to build from a file with one RagPipeline and the Secrets that it refers to."""
    documents: list[dict[str, Any]] = [each for each in yaml.safe_load_all(text) if each]
    pipelines = [each for each in documents if each.get("kind") == KIND]
    if len(pipelines) != 1:
        raise InvalidFile(f"the file must hold one {KIND}, not {len(pipelines)}")
    # Here no API server tells of a mistyped field.
    Spec.model_validate(pipelines[0].get("spec"), extra="forbid")
    pipeline = RagPipeline.model_validate(pipelines[0])
    secrets = {each["metadata"]["name"]: _contents(each) for each in documents if each["kind"] == "Secret"}
    resolved = resolve(pipeline, user=secrets, own={})
    if isinstance(resolved, Unresolved):
        raise InvalidFile(resolved.message)
    settings = Settings(cluster_id="local")
    queue, vector_store = resolved.queue, resolved.vector_store
    return Site(pipeline, decide(pipeline), settings, queue, vector_store, secrets, keda=False)


def _contents(secret: dict[str, Any]) -> dict[str, str]:
    plain: dict[str, str] = secret.get("stringData", {})
    return decode(secret) | plain


def default_state_dir(name: str) -> Path:
    """Return the folder of a pipeline's data."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "ragpipeline" / name


def main(
    file: Annotated[Path, typer.Option("--file", "-f", exists=True, help="File with a RagPipeline.")],
    state_dir: Annotated[Path | None, typer.Option(help="Folder of the pipeline's data.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the API on 127.0.0.1.")] = 8000,
) -> None:
    """Run a RagPipeline as local processes, until Ctrl-C."""
    console = Console()
    try:
        site = load(file.read_text())
        folder = (state_dir or default_state_dir(site.pipeline.metadata.name)).resolve()
        asyncio.run(run(site, folder, port, console))
    except FAILURES as error:
        console.print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(main)
