"""Which indexes a pipeline has: by its spec, by what was decided before, and by what its API says. Pure.

serving     questions are answered from it. It follows the spec for as long as the spec names its collection,
            and then stays as it was. Which one it is stands in Redis, and the API tells.
next        the spec's, where that names another collection: the documents are embedded anew for it.
retiring    served before. While the stores have it, it has its pods, and none is next: there are names for
            the pods of two.
called off  were next, and are not wanted any more. They have no pods, but one may have risen before it heard.
"""

from rag_contract.index import index_id, revision_of
from rag_contract.stats import Stats
from rag_operator.names import pipeline_id
from rag_operator.pipeline import RagPipeline
from rag_operator.status import MOST_CALLED_OFF, CollectionStatus, Indexes, IndexSpec, IndexStatus, Slot


def decide(pipeline: RagPipeline, stats: Stats | None = None) -> Indexes:
    """Return the indexes that there should be.

    Without stats, or with those of a release that knew no indexes, what served still does.
    """
    before = pipeline.status.indexes or _first(pipeline)
    known = _as_told(pipeline, before, stats) if stats and stats.index else before
    number = max(before.decided + 1, known.serving.revision + 1, _number(pipeline))
    spec, serving, following = _wanted(pipeline), known.serving, _next(pipeline, known, number)
    if serving.spec.collection == spec.collection:
        serving = serving.model_copy(update={"spec": spec})
    dropped = (known.next,) if known.next and known.next.id != _id(following) else ()
    return Indexes(
        serving=serving,
        next=following,
        retiring=known.retiring,
        called_off=(*known.called_off, *dropped)[-MOST_CALLED_OFF:],
        managed=pipeline.spec.embedding.managed or before.managed,
        decided=before.decided if _id(following) == _id(before.next) else number,
    )


def _first(pipeline: RagPipeline) -> Indexes:
    """Return the only index of a pipeline of which none is known: a new one, or one of an earlier release.

    That release kept collection and model in the status; the spec may name others by now.
    """
    spec, status, number = _wanted(pipeline), pipeline.status, _number(pipeline)
    collection = status.collection or CollectionStatus(name=spec.collection, revision=number)
    known = {"collection": collection.name, "embedding_model": status.embedding_model or spec.embedding_model}
    serving = IndexStatus(
        id=pipeline_id(pipeline), revision=collection.revision, spec=spec.model_copy(update=known)
    )
    return Indexes(serving=serving, decided=number)


def _as_told(pipeline: RagPipeline, known: Indexes, stats: Stats) -> Indexes:
    """Return the indexes with the one that serves in its place, and without those that the stores lost."""
    if stats.index == known.serving.id:
        serving, former = known.serving, known.retiring
    else:
        serving, former = _risen(pipeline, known, stats), known.serving
    others = set(stats.indexes) - {serving.id}
    return Indexes(
        serving=serving,
        next=known.next if _id(known.next) != serving.id else None,
        retiring=former if _id(former) in others else None,
        called_off=tuple(each for each in known.called_off if each.id in others),
        decided=known.decided,
    )


def _risen(pipeline: RagPipeline, known: Indexes, stats: Stats) -> IndexStatus:
    """Return the index that serves in place of the one that did.

    It may be unknown, as when the status was lost: then it is as the spec says, but for what the API tells.
    """
    told = {"collection": stats.collection, "embedding_model": stats.embedding_model}
    unknown = IndexStatus(
        id=stats.index,
        revision=revision_of(stats.index) or known.serving.revision,
        spec=_wanted(pipeline).model_copy(update=told),
    )
    candidates = (known.next, *known.called_off, known.retiring)
    risen = next((each for each in candidates if each and each.id == stats.index), unknown)
    return risen.model_copy(update={"slot": _other(known.serving.slot)})


def _next(pipeline: RagPipeline, known: Indexes, number: int) -> IndexStatus | None:
    """Return the index that is to serve in place of the one that does; None if there is none, or not yet.

    A new one gets the number of the decision, which no index of the pipeline had before.
    """
    spec, slot = _wanted(pipeline), _other(known.serving.slot)
    if known.retiring or spec.collection == known.serving.spec.collection:
        return None
    if known.next and _vectors(known.next.spec) == _vectors(spec):
        return known.next.model_copy(update={"spec": spec, "slot": slot})
    return IndexStatus(id=index_id(pipeline_id(pipeline), number), revision=number, slot=slot, spec=spec)


def _wanted(pipeline: RagPipeline) -> IndexSpec:
    """Return what an index that is made now is made for."""
    embedding, ingestion = pipeline.spec.embedding, pipeline.spec.ingestion
    return IndexSpec(
        collection=pipeline.spec.vector_store.collection,
        embedding_model=embedding.model,
        dimensions=embedding.dimensions,
        model_image=embedding.managed.model_image if embedding.managed else None,
        external=embedding.external.server if embedding.external else None,
        chunk_size=ingestion.chunk_size,
        chunk_overlap=ingestion.chunk_overlap,
        batch_size=ingestion.batch_size,
    )


def _vectors(spec: IndexSpec) -> tuple[str, str, int | None]:
    """Return what the vectors of one index have in common for good."""
    return spec.collection, spec.embedding_model, spec.dimensions


def _number(pipeline: RagPipeline) -> int:
    """Return a number that grows with each change of the spec.

    It begins at seconds of the pipeline's creation: so it exceeds those of its past, had it a status or not,
    and of a pipeline that had its name and whose documents are still in Redis.
    """
    return int(pipeline.metadata.creation_timestamp.timestamp()) + pipeline.metadata.generation


def _other(slot: Slot) -> Slot:
    return "" if slot else "b"


def _id(index: IndexStatus | None) -> str | None:
    return index.id if index else None
