"""The ids that clients send, checked in one place: what is none never reaches a store."""

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from rag_workloads.web.problems import Problem

DOCUMENT_ID = "[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
TASK_ID = rf"{DOCUMENT_ID}\.[0-9]{{1,18}}"
BATCH_ID = "[0-9a-f]{32}"
# The draft has it as a string of a structured field, in quotes; many clients send it without them.
IDEMPOTENCY_KEY = r"[!#-\[\]-~]{1,128}"
QUOTED_KEY = f'{IDEMPOTENCY_KEY}|"{IDEMPOTENCY_KEY}"'


def check_document_id(given: str) -> str:
    """The id, if it is one; else a Problem."""
    if not re.fullmatch(DOCUMENT_ID, given):
        detail = (
            "A document id has up to 128 letters, digits, dots, dashes and underscores, "
            "and begins with a letter or digit."
        )
        raise Problem(422, "invalid-document-id", "The document id is not allowed", detail)
    return given


def check_task_id(given: str) -> str:
    """The id, if it is one; else a Problem."""
    if not re.fullmatch(TASK_ID, given):
        detail = "A task id is what the upload answered as `task_id`."
        raise Problem(422, "invalid-task-id", "The task id is not allowed", detail)
    return given


def check_batch_id(given: str) -> str:
    """The id, if it is one; else a Problem."""
    if not re.fullmatch(BATCH_ID, given):
        detail = "A batch id is what the upload answered as `batch_id`."
        raise Problem(422, "invalid-batch-id", "The batch id is not allowed", detail)
    return given


def check_idempotency_key(given: str) -> str:
    """The key without the quotes that it may have, if it is one; else a Problem."""
    if not re.fullmatch(QUOTED_KEY, given):
        detail = "An Idempotency-Key has up to 128 visible ASCII characters, without quotes and backslashes."
        raise Problem(422, "invalid-idempotency-key", "The Idempotency-Key is not allowed", detail)
    return given.strip('"')


def _schema(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$"})


DocumentId = Annotated[str, AfterValidator(check_document_id), _schema(DOCUMENT_ID)]
TaskId = Annotated[str, AfterValidator(check_task_id), _schema(TASK_ID)]
BatchId = Annotated[str, AfterValidator(check_batch_id), _schema(BATCH_ID)]
IdempotencyKey = Annotated[str, AfterValidator(check_idempotency_key), _schema(f"({QUOTED_KEY})")]
