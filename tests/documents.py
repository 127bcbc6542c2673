"""Uploads documents for a test, waits for their end, and takes them away again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pymupdf

from rag_cli.answers import Status
from rag_cli.client import Client
from tests.patience import PATIENCE_SECONDS


@asynccontextmanager
async def uploaded(client: Client, *paths: Path) -> AsyncIterator[list[str]]:
    """Uploads files under their names as document ids, yields their tasks, and deletes the documents."""
    try:
        yield [(await client.upload(path, path.stem)).task_id for path in paths]
    finally:
        await asyncio.gather(*(client.delete(path.stem) for path in paths))


@asynccontextmanager
async def removed(client: Client, prefix: str) -> AsyncIterator[None]:
    """Deletes all documents of a prefix after the body, however it ends: later tests would find them."""
    try:
        yield
    finally:
        for document_id in await client.document_ids():
            if document_id.startswith(prefix):
                await client.delete(document_id)


async def ended(client: Client, task_id: str) -> Status:
    """Returns the status of a document once it is completed or failed."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [status async for status in client.follow(task_id)][-1]


def small_pdf(path: Path, *pages: str) -> Path:
    """Writes a PDF with these texts, one a page."""
    with pymupdf.open() as pdf:
        for text in pages:
            pdf.new_page().insert_textbox((50, 50, 550, 800), text)
        pdf.save(path)
    return path


def damage_page(source: Path, target: Path, number: int) -> Path:
    """Copies a PDF with the content of one page (from 1) overwritten by bytes that are no drawing at all."""
    with pymupdf.open(source) as pdf:
        for xref in pdf[number - 1].get_contents():
            pdf.update_stream(xref, b"\x00\xff<<(" * 200)
        pdf.save(target)
    return target
