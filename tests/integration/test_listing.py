"""Lists of documents by cursor and filter, on a real Redis."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.records import new_document

from rag_workloads.library.documents import DocumentError, ErrorCode, State
from rag_workloads.library.record_reader import Filter, Place
from rag_workloads.library.records import Records, Target
from rag_workloads.library.scripts import listing

TARGET = Target("manuals", 1)


async def begin(
    records: Records, document_id: str, *tags: str, name: str = "a.pdf", sha256: str = "aa"
) -> int:
    """Begin a document; its generation."""
    new = new_document(
        document_id=document_id,
        file_name=name,
        tags=list(tags),
        sha256=sha256,
        object_key=f"documents/{document_id}/{sha256}",
    )
    return (await records.begin(new, TARGET)).task


async def found(records: Records, limit: int = 100, **wanted: object) -> list[str]:
    """The ids of all pages, one after another."""
    ids, after = list[str](), None
    while True:
        page = await records.page(Filter.model_validate(wanted), limit, after)
        ids += [document.document_id for document in page.documents]
        assert len(page.documents) <= limit
        if (after := page.last) is None:
            return ids


@pytest.fixture
async def shelf(records: Records) -> Records:
    """Ten documents: the first is the oldest."""
    for number in range(10):
        tags = [tag for tag, every in (("even", 2), ("third", 3)) if number % every == 0]
        await begin(records, f"doc-{number}", *tags, name=f"Report {number} of {2020 + number}.pdf")
    return records


@pytest.mark.parametrize("limit", [1, 3, 10, 100])
async def test_pages_have_all_documents_once_newest_first(shelf: Records, limit: int) -> None:
    assert await found(shelf, limit) == [f"doc-{number}" for number in reversed(range(10))]


async def test_documents_of_one_moment_are_all_listed(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime.now(UTC)
    now = moment.timestamp(), moment.isoformat()
    monkeypatch.setattr("rag_workloads.library.records.now", lambda: now)
    for number in range(7):
        await begin(records, f"doc-{number}")
    assert await found(records, 2) == [f"doc-{number}" for number in reversed(range(7))]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({"tag": "even"}, [8, 6, 4, 2, 0]),
        ({"tag": "none"}, []),
        ({"tag": "third", "name": "report"}, [9, 6, 3, 0]),
        ({"name": "OF 2027"}, [7]),
        ({"name": "%d"}, []),
        ({"tag": "even", "state": "pending"}, [8, 6, 4, 2, 0]),
        ({"tag": "even", "state": "failed"}, []),
    ],
)
@pytest.mark.parametrize("limit", [1, 100])
async def test_a_filter(shelf: Records, wanted: dict[str, object], numbers: list[int], limit: int) -> None:
    assert await found(shelf, limit, **wanted) == [f"doc-{number}" for number in numbers]
    every = [document async for document in shelf.every(Filter())]
    assert [d.document_id for d in every if Filter.model_validate(wanted).finds(d)] == [
        f"doc-{number}" for number in numbers
    ]


async def test_a_name_is_found_by_letters_that_are_none_of_a_to_z(records: Records) -> None:
    await begin(records, "doc", name="Été À Paris.pdf")
    assert await found(records, name="Été À paris") == ["doc"]


async def test_a_page_may_be_short_when_little_is_found(
    shelf: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = listing.LIST.replace(f"offset < {listing.LOOKED_AT}", "offset < 2").replace("500", "2")
    monkeypatch.setattr(shelf, "_list_script", shelf.redis.register_script(script))
    page = await shelf.page(Filter(name="of 2020"), 5)
    assert page.documents == []
    assert page.last is not None
    assert await found(shelf, 5, name="of 2020") == ["doc-0"]


async def test_by_the_time_of_creation(records: Records) -> None:
    await begin(records, "doc")
    document = await records.get("doc")
    assert document
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    assert await found(records, created_after=now - hour, created_before=now + hour) == ["doc"]
    assert await found(records, created_after=document.created_at) == ["doc"]
    assert await found(records, created_before=document.created_at) == []
    assert await found(records, created_after=now + hour) == []
    assert await found(records, created_before=now - hour) == []


async def test_by_why_they_failed(shelf: Records) -> None:
    for number in (3, 5):
        document = await shelf.get(f"doc-{number}")
        assert document
        error = DocumentError(ErrorCode.PDF_CORRUPT, "It is broken.")
        await shelf.fail(document.document_id, document.generation, error)
    assert await found(shelf, error_code="PDF_CORRUPT") == ["doc-5", "doc-3"]
    assert await found(shelf, error_code="PDF_CORRUPT", tag="third") == ["doc-3"]
    failed = await shelf.get("doc-5")
    assert failed
    await shelf.restart("doc-5", failed.generation, "token", State.FAILED)
    assert await found(shelf, error_code="PDF_CORRUPT") == ["doc-3"]
    await begin(shelf, "doc-3", sha256="bb")
    assert await found(shelf, error_code="PDF_CORRUPT") == []


async def test_tags_follow_the_document(shelf: Records) -> None:
    document = await shelf.get("doc-4")
    assert document
    await shelf.describe(
        "doc-4", document.revised, "token", document.description.model_copy(update={"tags": ["odd"]})
    )
    assert await found(shelf, tag="even") == ["doc-8", "doc-6", "doc-2", "doc-0"]
    assert await found(shelf, tag="odd") == ["doc-4"]
    await begin(shelf, "doc-4", "even", sha256="bb")
    assert await found(shelf, tag="odd") == []
    now = await shelf.get("doc-4")
    assert now
    await shelf.delete("doc-4", now.generation)
    assert await found(shelf, tag="even") == ["doc-8", "doc-6", "doc-2", "doc-0"]


async def test_how_many_there_are_where_that_is_known(shelf: Records) -> None:
    assert await shelf.total(Filter()) == 10
    assert await shelf.total(Filter(tag="third")) == 4
    assert await shelf.total(Filter(tag="third", state=State.PENDING)) is None
    assert await shelf.total(Filter(name="report")) is None


async def test_every_document_is_seen_though_they_leave_the_list(shelf: Records) -> None:
    seen = []
    async for document in shelf.every(Filter(tag="even")):
        seen.append(document.document_id)
        await shelf.delete(document.document_id, document.generation)
    assert len(seen) == 5
    assert await found(shelf, tag="even") == []


async def test_a_place_after_which_there_is_nothing(shelf: Records) -> None:
    assert (await shelf.page(Filter(), 10, Place(1, "a"))).documents == []
