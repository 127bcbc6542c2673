"""What clients may say of a document: its name, tags, and metadata, each within bounds."""

import json
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from rag_workloads.api.file_names import clean_name
from rag_workloads.library.documents import Description

MAX_TAGS, MAX_TAG_CHARACTERS = 32, 64
MAX_METADATA_BYTES, MAX_METADATA_LEVELS = 8192, 8
# Words with one blank between them; no comma, which separates tags in a form, and nothing that is not seen.
# The characters are named one by one, as a pattern's own classes mean something else in each language.
WORD = r"[^ ,\x00-\x1f\x7f]+"
TAG = f"{WORD}( {WORD})*"


def _distinct(tags: list[str]) -> list[str]:
    """Each tag once, in the order in which they came."""
    return list(dict.fromkeys(tags))


def _bounded(metadata: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(metadata, allow_nan=False).encode()) > MAX_METADATA_BYTES:
        raise ValueError(f"is larger than {MAX_METADATA_BYTES} bytes of JSON")
    if _levels(metadata) > MAX_METADATA_LEVELS:
        raise ValueError(f"is nested deeper than {MAX_METADATA_LEVELS} levels")
    return metadata


def _levels(value: JsonValue) -> int:
    if not isinstance(value, dict | list):
        return 0
    parts = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_levels, parts), default=0)


def _tag(text: str) -> str:
    if not re.fullmatch(TAG, text):
        raise ValueError("is no tag: words of up to 64 characters in all, with one blank between them")
    return text


Tag = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_TAG_CHARACTERS),
    AfterValidator(_tag),
    # In some languages, $ also matches before a line feed at the end.
    Field(json_schema_extra={"pattern": f"^{TAG}(?!\\n)$"}),
]
Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS), AfterValidator(_distinct)]
Metadata = Annotated[dict[str, JsonValue], AfterValidator(_bounded)]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=1024), AfterValidator(clean_name)]


class Change(BaseModel):
    """What to change of a document's description, as a JSON merge patch (RFC 7396).

    What is not named stays. Members of `metadata` are merged, and those that are null are removed.
    """

    model_config = ConfigDict(extra="forbid")

    # That it cannot be null is said by `apply`, in words.
    file_name: FileName | SkipJsonSchema[None] = None
    tags: Tags | None = None
    metadata: dict[str, JsonValue] | None = None

    def apply(self, description: Description) -> Description:
        """The description with the change; ValueError if its metadata would be too large."""
        changed: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        if "tags" in changed:
            changed["tags"] = self.tags or []
        if changed.get("file_name", "") is None:
            raise ValueError("file_name cannot be removed")
        if "metadata" in changed:
            merged = {} if self.metadata is None else _merged(description.metadata, self.metadata)
            changed["metadata"] = _bounded(merged)
        return description.model_copy(update=changed)


def _merged(target: JsonValue, patch: JsonValue) -> Any:
    """RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
