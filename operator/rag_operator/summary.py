"""The status of a pipeline from what was seen of it. Pure."""

from datetime import datetime

from pydantic import ValidationError

from rag_contract.endpoints import API_PORT
from rag_operator import names
from rag_operator.cluster import ClusterError
from rag_operator.conditions import conditions
from rag_operator.evidence import Evidence
from rag_operator.exposure import external_url
from rag_operator.names import PARTS, Component, Manifest
from rag_operator.pipeline import RagPipeline
from rag_operator.status import CollectionStatus, ComponentStatus, QueueStatus, Status
from rag_operator.transitions import failed, unreadable


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
    message = f"{in_words(error)}; `kubectl explain ragpipeline.spec` says what can"
    refused = unreadable(message, generation, previous.conditions or (), now)
    return previous.model_copy(update={"observed_generation": generation, "conditions": refused})


def fail(pipeline: RagPipeline, error: Exception, now: datetime | None = None) -> Status:
    """Return the status of a pipeline after a pass that failed, which has observed no generation."""
    previous = pipeline.status
    told = failed(in_words(error), pipeline.metadata.generation, previous.conditions or (), now)
    return previous.model_copy(update={"conditions": told})


def in_words(error: Exception) -> str:
    """Return what an error says, but for what could hold a Secret: many more may read the status."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(each) for each in first['loc'])} cannot be used: {first['msg']}"
    if isinstance(error, (ClusterError, OSError)) and str(error):
        return str(error)
    return f"{type(error).__name__}; the operator's log has the rest"
