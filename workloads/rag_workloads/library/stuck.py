"""Why a document could not follow into another index at the last look."""

from typing import Literal, Self

from pydantic import BaseModel

from rag_workloads.library.collections import VectorStoreAway
from rag_workloads.library.record_reader import RecordUnreadable

MESSAGE_CHARACTERS = 1000

Code = Literal["RECORD_UNREADABLE", "VECTOR_STORE_AWAY", "VECTOR_STORE_REFUSED"]


class Stuck(BaseModel):
    """A document that could not follow, why, and what to do. It is looked at again every second."""

    document_id: str
    code: Code
    message: str
    hint: str

    @classmethod
    def by(cls, document_id: str, error: Exception) -> Self:
        """What an error means for a document."""
        code, hint = _meaning(error)
        message = str(error)[:MESSAGE_CHARACTERS]
        return cls(document_id=document_id, code=code, message=message, hint=hint)


def _meaning(error: Exception) -> tuple[Code, str]:
    match error:
        case RecordUnreadable():
            return "RECORD_UNREADABLE", "Run the release that wrote the record, or a later one."
        case VectorStoreAway():
            return "VECTOR_STORE_AWAY", "See that Qdrant answers: the condition VectorStoreReady tells."
        case _:
            return "VECTOR_STORE_REFUSED", "Look at Qdrant's log for why it refuses."
