"""From a form to its answer: files are received as they come in, and begun once the whole form was read."""

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from rag_contract.document_ids import of_content
from rag_workloads.api.batches import BatchAccepted, FileAccepted, FileRefused
from rag_workloads.api.idempotency import Answer
from rag_workloads.api.multipart import invalid_upload
from rag_workloads.api.upload import Form, FormFile, Refused, UploadFields
from rag_workloads.jobs.payloads import parse_task_id, task_id
from rag_workloads.library.documents import NewDocument, State
from rag_workloads.library.intake import Intake
from rag_workloads.library.upload_batches import BatchFile, UploadBatch, UploadBatches
from rag_workloads.web.problems import Problem, ProblemBody

STATUS_PATH, BATCHES_PATH = "/api/v1/documents/upload/status", "/api/v1/batches"


class Received(NamedTuple):
    """A file of a form: where it was written, or why it was refused."""

    file: FormFile
    key: str = ""
    refusal: Refused | None = None


async def receive(intake: Intake, form: Form, body: AsyncIterator[bytes]) -> list[Received]:
    """Read a form to its end; what is wrong with one file keeps no other from coming in."""
    received = []
    async for file in form.files(body):
        try:
            received.append(Received(file, await intake.receive(file.chunks())))
        except Refused as refusal:
            received.append(Received(file, refusal=refusal))
    return received


def fingerprint(files: Sequence[Received], fields: UploadFields) -> str:
    """Of all that was sent, once the form was read."""
    sent = [[file.name, file.content_type, file.sha256] for file, *_ in files]
    return hashlib.sha256(json.dumps([sent, fields.model_dump()], sort_keys=True).encode()).hexdigest()


async def answer_one(intake: Intake, received: Received, fields: UploadFields) -> Answer:
    """Begin the only file of a form. Raises Refused."""
    if received.refusal:
        raise received.refusal
    accepted, new = await _begin(intake, received, fields)
    location = f"{STATUS_PATH}/{accepted.task_id}"
    body = accepted.model_dump(mode="json", exclude={"file_name"})
    return Answer(status=202 if new else 200, location=location, body=body)


async def answer_several(
    intake: Intake, batches: UploadBatches, files: Sequence[Received], fields: UploadFields
) -> Answer:
    """Begin those files that were not refused, and keep what became of each. Problem if that leaves none."""
    if fields.document_id:
        raise invalid_upload("A `document_id` names one document: send it with a single file.")
    if all(each.refusal for each in files):
        refused = [_refused(each).model_dump(mode="json") for each in files]
        raise Problem(
            422, "all-files-refused", "No file was taken", "Each file was refused.", documents=refused
        )
    answers: list[FileAccepted | FileRefused] = []
    kept: list[BatchFile] = []
    for each in files:
        if each.refusal:
            answers.append(_refused(each))
            kept.append(BatchFile(file_name=each.file.name, problem=each.refusal.body()))
            continue
        accepted, _ = await _begin(intake, each, fields)
        answers.append(accepted)
        document_id, task = parse_task_id(accepted.task_id)
        kept.append(BatchFile(file_name=each.file.name, document_id=document_id, task=task))
    batch_id = await batches.keep(UploadBatch(created_at=datetime.now(UTC), files=kept))
    body = BatchAccepted(batch_id=batch_id, documents=answers).model_dump(mode="json")
    return Answer(status=202, location=f"{BATCHES_PATH}/{batch_id}", body=body)


async def _begin(intake: Intake, received: Received, fields: UploadFields) -> tuple[FileAccepted, bool]:
    """Begin a file; what is said of it, and whether its bytes are new."""
    file = received.file
    new = NewDocument(
        document_id=fields.document_id or of_content(file.sha256),
        file_name=file.name,
        tags=fields.tags,
        metadata=fields.metadata,
        content_type=file.content_type,
        size_bytes=file.size,
        sha256=file.sha256,
        object_key=received.key,
    )
    begun = await intake.begin(new)
    accepted = FileAccepted(
        file_name=file.name,
        document_id=new.document_id,
        status=State.PROCESSING if begun.new else begun.state,
        task_id=task_id(new.document_id, begun.task),
        message="The document is being processed."
        if begun.new
        else "These bytes are known; nothing changed.",
    )
    return accepted, begun.new


def _refused(received: Received) -> FileRefused:
    problem = received.refusal.body() if received.refusal else {}
    return FileRefused(file_name=received.file.name, problem=ProblemBody.model_validate(problem))
