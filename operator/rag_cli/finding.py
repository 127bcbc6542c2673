"""Finds the document that is meant: by its id, or by the name of its file."""

import httpx

from rag_cli.answers import Document
from rag_cli.client import Client
from rag_cli.errors import CliError


async def find(client: Client, word: str) -> Document:
    """Return the document of that id, or the only one whose file has that name; raises CliError."""
    if document := await _by_id(client, word):
        return document
    # Names that contain the wanted one are found too.
    named = [each async for each in client.every_document(name=word) if each.file_name == word]
    if not named:
        raise CliError(f"There is no document {word!r}, by id or name; `ragpipeline documents` lists them.")
    if len(named) > 1:
        ids = ", ".join(each.document_id for each in named)
        raise CliError(f"Several documents are named {word!r}. Give the id of one: {ids}")
    return named[0]


async def _by_id(client: Client, word: str) -> Document | None:
    """Return the document of that id; None if there is none, or if it can be no id."""
    try:
        return await client.document(word)
    except httpx.HTTPStatusError as error:
        if error.response.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
            return None
        raise
