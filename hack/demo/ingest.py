"""Uploads one document and shows how far it is."""

from pathlib import Path

from rag_cli.answers import Status
from rag_cli.client import Client

from .errors import DemoError
from .steps import Step


class IngestFailed(DemoError):
    """A document ended otherwise than completed; the message holds its code, page and hint, if any."""


async def ingest(client: Client, path: Path, document_id: str, step: Step) -> Status:
    """Uploads a file, follows it until it is completed, and returns that status; raises IngestFailed."""
    uploaded = await client.upload(path, document_id)
    step.log(uploaded.message)
    async for status in client.follow(uploaded.task_id):
        step.say(f"{status.progress:3.0f} % {bar(status.progress, 100)} {status.stage or status.status}")
    if status.status != "completed":
        raise IngestFailed(f"{path.name}: {status.error or status.status}")
    if status.result:
        step.log(f"{status.result.pages} pages, {status.result.chunks} chunks")
    return status


def bar(value: float, most: float, width: int = 24) -> str:
    """Returns a bar of text that fills in proportion to value / most."""
    filled = round(width * min(1.0, value / most)) if most else 0
    return "█" * filled + "░" * (width - filled)
