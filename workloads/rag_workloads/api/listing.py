"""What lists of documents are asked by: filters, and a cursor that tells where a page begins."""

import base64
import binascii
from typing import Annotated

from fastapi import Depends, Query
from pydantic import AwareDatetime, BaseModel

from rag_workloads.api.descriptions import Tag
from rag_workloads.library.documents import ErrorCode, State
from rag_workloads.library.record_reader import Filter, Place
from rag_workloads.web.problems import Problem

SEPARATOR = "\n"


def encode_cursor(place: Place) -> str:
    """The place as clients see it, who are to make nothing of it."""
    return base64.urlsafe_b64encode(SEPARATOR.join(place).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> Place:
    """The inverse of `encode_cursor`. Raises Problem."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        created, document_id = text.split(SEPARATOR)
        float(created)
    except (binascii.Error, ValueError) as error:
        detail = "Send what a list answered as `next_cursor`, or no cursor."
        raise Problem(422, "invalid-cursor", "The cursor is not allowed", detail) from error
    return Place(created, document_id)


def _filter(
    *,
    state: State | None = None,
    tag: Tag | None = None,
    error_code: ErrorCode | None = None,
    name: Annotated[str, Query(max_length=255)] = "",
    created_after: AwareDatetime | None = None,
    created_before: AwareDatetime | None = None,
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


def _place(cursor: Annotated[str | None, Query(max_length=512)] = None) -> Place | None:
    """A dependency: the place after which a page begins."""
    return decode_cursor(cursor) if cursor else None


FilterOf = Annotated[Filter, Depends(_filter)]
PlaceOf = Annotated[Place | None, Depends(_place)]


class BulkResult(BaseModel):
    """What was done to a page of documents, and the cursor with which to send the request again for more."""

    done: int
    next_cursor: str | None
