"""What a request may say of the documents that are searched; all that it says must hold."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from rag_workloads.api.descriptions import MAX_TAGS, Tag
from rag_workloads.api.ids import DocumentId
from rag_workloads.library.searches import Where

MAX_DOCUMENTS, MAX_METADATA = 100, 16
# JSON's numbers that every client can write.
LARGEST = (1 << 53) - 1

Tags = Annotated[list[Tag], Field(min_length=1, max_length=MAX_TAGS)]
# It stands in quotes in the store's own language of paths.
Key = Annotated[str, StringConstraints(pattern=r'^[^"\\\x00-\x1f\x7f]{1,128}$')]
Value = (
    Annotated[str, StringConstraints(max_length=1024)] | Annotated[int, Field(ge=-LARGEST, le=LARGEST)] | bool
)


class TagFilter(BaseModel):
    """The document has at least one of `any`, and each of `all`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    any: Tags | None = None
    all: Tags | None = None


class PassageFilter(BaseModel):
    """The document is one of `document_ids`, has these tags, and these values in its metadata.

    `metadata` names members of the document's metadata, not of objects in it; a member that is a list needs
    to hold the value.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    document_ids: Annotated[list[DocumentId], Field(min_length=1, max_length=MAX_DOCUMENTS)] | None = None
    tags: TagFilter | None = None
    metadata: (
        Annotated[
            dict[Key, Value],
            Field(
                min_length=1,
                max_length=MAX_METADATA,
                json_schema_extra={"additionalProperties": False},
            ),
        ]
        | None
    ) = None

    @property
    def where(self) -> Where:
        """The same for the library."""
        tags = self.tags or TagFilter()
        return Where(self.document_ids or (), tags.any or (), tags.all or (), self.metadata or {})
