"""What is done to all documents that a filter finds, while others change them."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.integration.test_lost_replies import Room

from rag_workloads.api.bulk import delete_documents
from rag_workloads.api.parts import Parts
from rag_workloads.library.collections import Fingerprint
from rag_workloads.library.documents import DocumentError, ErrorCode, State
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.record_reader import Filter, Page


@pytest.fixture
async def room(library: Library) -> Room:
    await library.vectors.ensure(Fingerprint("model", "f", 2))
    return Room(library)


async def test_what_is_tried_again_while_others_are_removed_stays(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = await room.begun()
    await room.library.fail("doc", document.generation, DocumentError(ErrorCode.PARSE_TIMEOUT, "slow"))
    page = room.library.records.page

    async def page_before_it_is_tried_again(*args: Any) -> Page:
        found = await page(*args)
        await room.library.retry("doc")
        return found

    monkeypatch.setattr(room.library.records, "page", page_before_it_is_tried_again)
    parts = cast(Parts, SimpleNamespace(library=room.library))
    assert (await delete_documents(parts, Filter(state=State.FAILED))).done == 0
    assert (await room.record()).unfinished
