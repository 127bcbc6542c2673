"""What lists of documents are asked by: filters, and a cursor that tells where a page begins."""

import re
from typing import Annotated

from fastapi import Depends, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, WithJsonSchema

from rag_workloads.api.descriptions import Tag
from rag_workloads.api.ids import DOCUMENT_ID
from rag_workloads.library.documents import ErrorCode, State
from rag_workloads.library.record_reader import Filter, Place
from rag_workloads.web.problems import Problem

# A document's place among all; clients are to make nothing of it.
SEPARATOR = "~"
CURSOR = rf"[0-9]{{1,10}}(\.[0-9]{{1,10}})?{SEPARATOR}{DOCUMENT_ID}"
DATE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")


def encode_cursor(place: Place) -> str:
    """The place as clients see it."""
    return f"{place.created!r}{SEPARATOR}{place.document_id}"


def decode_cursor(cursor: str) -> Place:
    """The inverse of `encode_cursor`."""
    created, _, document_id = cursor.partition(SEPARATOR)
    return Place(float(created), document_id)


def check_cursor(given: str) -> str:
    """The cursor, if it is one; else a Problem."""
    if not re.fullmatch(CURSOR, given):
        detail = "Send what a list answered as `next_cursor`, or no cursor."
        raise Problem(422, "invalid-cursor", "The cursor is not allowed", detail)
    return given


def _dated(value: object) -> object:
    """Pydantic takes a number for seconds too, which the schema does not say."""
    if isinstance(value, str) and not DATE.match(value):
        raise ValueError("is no time such as 2026-11-25T12:00:00Z")
    return value


Cursor = Annotated[
    str, AfterValidator(check_cursor), WithJsonSchema({"type": "string", "pattern": f"^{CURSOR}$"})
]
Time = Annotated[AwareDatetime, BeforeValidator(_dated)]


def _filter(
    *,
    state: State | None = None,
    tag: Tag | None = None,
    error_code: ErrorCode | None = None,
    name: Annotated[str, Query(max_length=255)] = "",
    created_after: Time | None = None,
    created_before: Time | None = None,
) -> Filter:
    """A dependency: which documents are meant, by query parameters."""
    return Filter(
        state=state,
        tag=tag,
        error_code=error_code,
        name=name,
        created_after=created_after,
        created_before=created_before,
    )


def _place(cursor: Cursor | None = None) -> Place | None:
    """A dependency: the place after which a page begins."""
    return decode_cursor(cursor) if cursor else None


FilterOf = Annotated[Filter, Depends(_filter)]
PlaceOf = Annotated[Place | None, Depends(_place)]


class BulkResult(BaseModel):
    """What was done to a page of documents, and the cursor with which to send the request again for more."""

    done: int
    next_cursor: str | None
