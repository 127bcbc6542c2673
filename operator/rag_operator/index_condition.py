"""The condition IndexReady: which collection answers, and how far the one is that is to take its place. Pure.

It is never False: whatever becomes of the next index, questions are answered from the one that serves.
"""

from rag_operator.evidence import Evidence
from rag_operator.names import PARTS_OF_AN_INDEX, Component
from rag_operator.status import IndexStatus, ReindexStatus
from rag_operator.verdicts import ROLLING_OUT, STARTING, Verdict, of_component, of_failure

CURRENT = "Current"
REINDEXING = "Reindexing"
REINDEX_WAITS = "ReindexWaits"
REINDEX_BLOCKED = "ReindexBlocked"

WITHOUT_WORDS = (
    "which an earlier release made: it is searched by meaning only, until its documents are embedded anew for"
    " a new vectorStore.collection"
)


def of_index(evidence: Evidence) -> Verdict:
    """Judge the index that serves by what is wanted and by what is on its way."""
    serving, following, retiring = evidence.indexes.serving, evidence.indexes.next, evidence.indexes.retiring
    wanted, message = evidence.spec.vector_store.collection, f"questions are answered from {_name(serving)}"
    if evidence.stats and not evidence.stats.has_words and evidence.spec.retrieval.mode != "dense":
        message = f"{message}, {WITHOUT_WORDS}"
    if following:
        return _reindexing(evidence, following)
    if retiring is None:
        return Verdict("True", CURRENT, message)
    message = f"{message}; {_name(retiring)}, which answered before, is dropped after a time of grace"
    if wanted == serving.spec.collection:
        return Verdict("True", CURRENT, message)
    return Verdict("True", REINDEX_WAITS, f"{message}, and collection {wanted} is begun then", doubtful=True)


def _reindexing(evidence: Evidence, following: IndexStatus) -> Verdict:
    message = _progress(evidence.reindex, evidence.indexes.serving, following)
    if problem := _problem(evidence, following):
        return Verdict("True", problem.reason, f"{message}; {problem.message}", doubtful=True)
    known = evidence.reindex
    lost = _lost(known) if known else ""
    if known and lost and known.done + known.failed + known.stuck >= known.total:
        advice = (
            f"{lost}, and nothing else is left to do: GET /api/v1/reindex names "
            "them; delete them, or try again by POST /api/v1/reindex/retry, or set vectorStore.collection "
            f"back to {evidence.indexes.serving.spec.collection}"
        )
        return Verdict("True", REINDEX_BLOCKED, f"{message}; {advice}", doubtful=True)
    if lost:
        message = f"{message}; {lost}, which GET /api/v1/reindex names"
    if known and known.waits:
        return Verdict("True", REINDEX_WAITS, f"{message}; {known.waits}", doubtful=True)
    return Verdict("True", REINDEXING, message, doubtful=True)


def _progress(known: ReindexStatus | None, serving: IndexStatus, following: IndexStatus) -> str:
    count = f"{known.done} of {known.total} documents are in" if known else "documents are embedded anew for"
    return f"{count} {_name(following)}; questions are answered from {_name(serving)} until all are"


def _lost(known: ReindexStatus) -> str:
    """Return how many documents cannot get there, in words; "" if all can."""
    counts = {"failed": known.failed, "could not follow": known.stuck}
    return " and ".join(f"{count} {what}" for what, count in counts.items() if count)


def _problem(evidence: Evidence, following: IndexStatus) -> Verdict | None:
    """Return what keeps the next index' pods from their work, if more than their start does."""
    if refused := evidence.refused(Component.EMBEDDING.of(following), scaler=True):
        return of_failure(refused)
    verdicts = [of_component(evidence, part.of(following)) for part in PARTS_OF_AN_INDEX]
    troubled = (each for each in verdicts if each.status != "True" or each.doubtful)
    return next((each for each in troubled if each.reason not in {*STARTING, ROLLING_OUT}), None)


def _name(index: IndexStatus) -> str:
    return f"collection {index.spec.collection}"
