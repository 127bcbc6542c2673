"""The status of a pipeline from what was seen of it. Pure."""

from datetime import datetime

from pydantic import ValidationError

from rag_contract.endpoints import API_PORT
from rag_operator import names
from rag_operator.conditions import conditions, unreadable
from rag_operator.evidence import Evidence
from rag_operator.exposure import external_url
from rag_operator.names import PARTS, Component, Manifest
from rag_operator.status import CollectionStatus, ComponentStatus, QueueStatus, Status


def summarize(evidence: Evidence, now: datetime | None = None) -> Status:
    """Return the whole status; counts that could not be read stay as they were."""
    pipeline, previous, stats = evidence.pipeline, evidence.pipeline.status, evidence.stats
    serving = evidence.indexes.serving
    return Status(
        observed_generation=pipeline.metadata.generation,
        url=external_url(evidence) or names.url(pipeline, Component.API, API_PORT),
        embedding_model=serving.spec.embedding_model,
        collection=CollectionStatus(name=serving.spec.collection, revision=serving.revision),
        indexes=evidence.indexes,
        reindex=evidence.reindex,
        documents=stats.searchable if stats else previous.documents,
        queue=QueueStatus(depth=stats.queue.ingest + stats.queue.embed) if stats else previous.queue,
        components=_components(evidence),
        conditions=conditions(evidence, previous.conditions or (), now),
    )


def _components(evidence: Evidence) -> dict[str, ComponentStatus]:
    """Return the pods of each component; of what every index has, those of the one that serves."""
    found = {part: evidence.workload(part.of(evidence.indexes.serving)) for part in PARTS}
    return {
        part.value: ComponentStatus(ready=f"{workload.ready}/{workload.wanted}", image=workload.image)
        for part, workload in found.items()
        if workload
    }


def refuse(found: Manifest, error: ValidationError, now: datetime | None = None) -> Status:
    """Return the status of a pipeline whose spec breaks a bound that is younger than the pipeline."""
    previous, generation = Status.model_validate(found.get("status", {})), found["metadata"]["generation"]
    first = error.errors(include_url=False, include_input=False)[0]
    path = ".".join(str(each) for each in first["loc"])
    message = f"{path} cannot be used: {first['msg']}; `kubectl explain ragpipeline.spec` says what can"
    refused = unreadable(message, generation, previous.conditions or (), now)
    return previous.model_copy(update={"observed_generation": generation, "conditions": refused})
