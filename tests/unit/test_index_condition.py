"""The condition of a pipeline's index, and the Events of a re-index."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.pipelines import AUTOSCALED, MINILM, find, made_pod, pipeline, reindexing, run, site

from rag_contract.stats import QueueStats, Reindex, Stats
from rag_operator.children import build
from rag_operator.conditions import conditions
from rag_operator.events import indexes_changed
from rag_operator.evidence import Evidence, Failure, Observed
from rag_operator.indexes import decide
from rag_operator.names import Manifest
from rag_operator.pipeline import RagPipeline
from rag_operator.spec.embedding import EmbeddingServer
from rag_operator.status import Condition, Indexes, IndexStatus, ReindexStatus, Status

ONE = decide(pipeline())
BEGUN = reindexing(pipeline())
NEXT = BEGUN.next
assert NEXT
SWITCHED = Indexes(serving=NEXT, retiring=BEGUN.serving, decided=8)
DONE = Indexes(serving=NEXT, decided=8)
PROGRESS = "documents are in collection new; questions are answered from collection docs until all are"


def counting(done: int, total: int, target: str = "new", **counts: Any) -> Stats:
    """Return what the API counts while documents are embedded anew."""
    return Stats(
        documents={},
        searchable=total,
        collection="docs",
        queue=QueueStats(ingest=0, embed=0),
        embedding_model=MINILM,
        reindex=Reindex(origin="docs", target=target, done=done, total=total, **{"failed": 0, **counts}),
    )


def evidence(
    indexes: Indexes, stats: Stats | None = None, unready: Sequence[str] = (), **spec: Any
) -> Evidence:
    """Return what is seen of a pipeline with these indexes, whose pods are all ready but for those named."""
    made = run(build(site(indexes=indexes, **spec)), dict.fromkeys(unready, 0))
    return Evidence(pipeline(**spec), indexes, Observed(made), stats=stats)


def judged(seen: Evidence) -> dict[str, Condition]:
    return {each.type: each for each in conditions(seen)}


@pytest.mark.parametrize(("mode", "is_told"), [("hybrid", True), ("sparse", True), ("dense", False)])
def test_a_collection_of_an_earlier_release_is_told_of_where_it_matters(mode: str, is_told: bool) -> None:
    stats = counting(0, 1).model_copy(update={"reindex": None, "has_words": False})
    seen = judged(evidence(ONE, stats, retrieval={"mode": mode}))["IndexReady"]
    assert seen.status == "True"
    assert ("searched by meaning only" in (seen.message or "")) is is_told


@pytest.mark.parametrize(
    ("indexes", "stats", "collection", "reason", "message"),
    [
        (ONE, None, "docs", "Current", "questions are answered from collection docs"),
        (
            BEGUN,
            None,
            "new",
            "Reindexing",
            "documents are embedded anew for collection new; "
            "questions are answered from collection docs until all are",
        ),
        (BEGUN, counting(12, 67), "new", "Reindexing", f"12 of 67 {PROGRESS}"),
        (
            BEGUN,
            counting(12, 67, failed=3, stuck=2),
            "new",
            "Reindexing",
            f"12 of 67 {PROGRESS}; 3 failed and 2 could not follow, which GET /api/v1/reindex names",
        ),
        (
            BEGUN,
            counting(12, 67, waits="Redis uses 85% of its memory"),
            "new",
            "ReindexWaits",
            f"12 of 67 {PROGRESS}; Redis uses 85% of its memory",
        ),
        (
            BEGUN,
            counting(67, 67, stuck=1),
            "new",
            "ReindexBlocked",
            f"67 of 67 {PROGRESS}; 1 could not follow, and nothing else is left to do: GET /api/v1/reindex "
            "names them; delete them, or try again by POST /api/v1/reindex/retry, or set "
            "vectorStore.collection back to docs",
        ),
        (
            BEGUN,
            counting(64, 67, failed=3),
            "new",
            "ReindexBlocked",
            f"64 of 67 {PROGRESS}; 3 failed, and nothing else is left to do: GET /api/v1/reindex names them; "
            "delete them, or try again by POST /api/v1/reindex/retry, or set vectorStore.collection back to "
            "docs",
        ),
        (
            SWITCHED,
            None,
            "new",
            "Current",
            "questions are answered from collection new; collection docs, which answered before, is dropped "
            "after a time of grace",
        ),
        (
            SWITCHED,
            None,
            "third",
            "ReindexWaits",
            "questions are answered from collection new; collection docs, which answered before, is dropped "
            "after a time of grace, and collection third is begun then",
        ),
    ],
)
def test_the_index_is_told_and_the_pipeline_stays_ready(
    indexes: Indexes, stats: Stats | None, collection: str, reason: str, message: str
) -> None:
    found = judged(evidence(indexes, stats, vectorStore={"collection": collection, "managed": {}}))
    index, ready = found["IndexReady"], found["Ready"]
    assert (index.status, index.reason, index.message) == ("True", reason, message)
    if reason == "Current":
        assert ready.reason == "Ready"
    else:
        assert (ready.status, ready.reason) == ("True", reason)
        assert ready.message == f"the pipeline takes documents and answers questions; {message}"


def test_pods_of_the_next_index_that_cannot_start_are_told_by_it_alone() -> None:
    unready = [f"demo-{part}" for part in ("embedding-b", "worker-b")]
    seen = evidence(BEGUN, counting(0, 67), unready)
    assert judged(seen)["IndexReady"].reason == "Reindexing"  # they may be on their way
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    workload = find(list(seen.observed.children), "Deployment", "demo-embedding-b")
    pod = made_pod(workload, containerStatuses=[{"name": "embedding", "state": waiting}])
    found = judged(replace(seen, observed=replace(seen.observed, pods=[pod])))
    message = f"0 of 67 {PROGRESS}; pod demo-embedding-b-x: container embedding: not found"
    assert (found["IndexReady"].reason, found["IndexReady"].message) == ("ImagePullBackOff", message)
    assert {each.status for each in found.values()} == {"True"}
    assert found["Ready"].reason == "ImagePullBackOff"


@pytest.mark.parametrize(
    ("kind", "component"),
    [("Service", "embedding-b"), ("Deployment", "worker-b"), ("ScaledObject", "embedding-b")],
)
def test_a_refused_child_of_the_next_index_is_told_by_it_alone(kind: str, component: str) -> None:
    failure = Failure(kind, component, f"{kind} demo-{component}: quota exceeded")
    found = judged(replace(evidence(BEGUN), failures=[failure]))
    assert found["IndexReady"].reason == "ApplyFailed"
    assert found["IndexReady"].message.endswith(failure.message)
    assert {each.status for each in found.values()} == {"True"}


def test_a_refused_child_of_a_retiring_index_costs_nothing() -> None:
    failure = Failure("Deployment", "worker", "Deployment demo-worker: quota exceeded")
    found = judged(replace(evidence(SWITCHED), failures=[failure]))
    assert {each.status for each in found.values()} == {"True"}


def test_the_pods_that_are_judged_are_those_of_the_index_that_serves() -> None:
    found = judged(evidence(DONE, unready=["demo-embedding-b"]))
    assert (found["EmbeddingReady"].status, found["EmbeddingReady"].message) == (
        "False",
        "0 of 1 embedding-b pods are ready",
    )
    assert judged(evidence(BEGUN, unready=["demo-embedding-b"]))["EmbeddingReady"].status == "True"


def test_the_scaler_that_is_judged_is_that_of_the_index_that_serves() -> None:
    seen = evidence(DONE, embedding=AUTOSCALED)
    assert judged(seen)["AutoscalingReady"].reason == "ScaledObjectReady"
    find(list(seen.observed.children), "ScaledObject", "demo-embedding-b")["status"] = {
        "conditions": [{"type": "Fallback", "status": "True"}]
    }
    assert judged(seen)["AutoscalingReady"].reason == "Fallback"


def test_no_scaler_is_missed_while_a_server_elsewhere_serves() -> None:
    spec = ONE.serving.spec.model_copy(update={"external": EmbeddingServer(url="http://tei:80")})
    known = BEGUN.model_copy(update={"serving": ONE.serving.model_copy(update={"spec": spec})})
    assert "AutoscalingReady" not in judged(evidence(known, embedding=AUTOSCALED))


@pytest.mark.parametrize(
    ("indexes", "stats", "expected"),
    [
        (BEGUN, counting(12, 67), (12, 67)),
        (BEGUN, None, (5, 67)),  # as it was told last
        (BEGUN, counting(9, 9, target="before"), None),  # the API does not know of this one yet
        (ONE, counting(12, 67), None),
        (SWITCHED, None, None),
    ],
)
def test_how_far_a_reindex_is(
    indexes: Indexes, stats: Stats | None, expected: tuple[int, int] | None
) -> None:
    before = ReindexStatus(origin="docs", target="new", done=5, total=67, failed=0)
    known: RagPipeline = pipeline().model_copy(update={"status": Status(reindex=before)})
    found = replace(evidence(indexes, stats), pipeline=known).reindex
    assert (found and (found.done, found.total)) == expected


def other(index: IndexStatus, identity: str, collection: str) -> IndexStatus:
    spec = index.spec.model_copy(update={"collection": collection})
    return index.model_copy(update={"id": identity, "spec": spec})


THIRD = BEGUN.model_copy(update={"next": other(NEXT, "team.demo~9", "third")})
FOLLOWING = BEGUN.model_copy(
    update={"next": NEXT.model_copy(update={"spec": NEXT.spec.model_copy(update={"chunk_size": 99})})}
)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (ONE, BEGUN, ("ReindexStarted", "documents are embedded anew for collection new")),
        (BEGUN, THIRD, ("ReindexStarted", "documents are embedded anew for collection third")),
        (BEGUN, SWITCHED, ("ReindexCompleted", "questions are answered from collection new")),
        (BEGUN, ONE, ("ReindexCalledOff", "collection new is dropped before it was complete")),
        (BEGUN, FOLLOWING, None),
        (SWITCHED, DONE, None),
    ],
)
def test_an_event_tells_of_a_reindex(
    before: Indexes, after: Indexes, expected: tuple[str, str] | None
) -> None:
    event: Manifest | None = indexes_changed(pipeline().metadata, before, after)
    assert (event and (event["reason"], event["message"])) == expected
