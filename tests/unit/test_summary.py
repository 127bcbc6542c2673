"""The status of a pipeline, and the Events of its readiness."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError
from tests.unit.pipelines import MINILM, find, pipeline, reindexing, resource, run, site

from rag_contract.stats import QueueStats, Stats
from rag_operator.children import build
from rag_operator.events import ready_changed
from rag_operator.evidence import Evidence, Observed
from rag_operator.indexes import decide
from rag_operator.pipeline import RagPipeline
from rag_operator.resolution import Unresolved
from rag_operator.status import Status
from rag_operator.summary import refuse, summarize

NOW = datetime(2026, 1, 1, tzinfo=UTC)
METADATA = pipeline().metadata
STATS = Stats(
    documents={"completed": 9, "failed": 1},
    searchable=7,
    collection="docs",
    queue=QueueStats(ingest=1, embed=2),
    embedding_model=MINILM,
)


def evidence(status: Status | None = None, ready: int = 1, stats: Stats | None = None) -> Evidence:
    made = build(site())
    parts = [item["metadata"]["name"] for item in made if item["kind"] in {"Deployment", "StatefulSet"}]
    run(made, dict.fromkeys(parts, ready))
    known: RagPipeline = pipeline().model_copy(update={"status": status or Status()})
    return Evidence(known, decide(known), Observed(made), stats=stats)


def test_the_status_says_where_the_api_is_and_what_runs() -> None:
    status = summarize(evidence(stats=STATS), NOW)
    assert (status.url, status.embedding_model) == ("http://demo-api.team:8000", MINILM)
    assert (status.documents, status.queue and status.queue.depth) == (7, 3)
    assert status.components
    assert status.components["api"].ready == "1/2"
    assert status.components["redis"].image == "redis:7.2-bookworm"


def test_counts_stay_while_the_api_does_not_answer() -> None:
    before = summarize(evidence(stats=STATS), NOW)
    after = summarize(evidence(before), NOW)
    assert after == before


def test_the_status_survives_the_api_server() -> None:
    status = summarize(evidence(stats=STATS), NOW)
    stored = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert Status.model_validate(stored) == status


def test_an_event_tells_when_readiness_turns() -> None:
    first = summarize(evidence(), NOW)
    event = ready_changed(METADATA, Status(), first, NOW)
    assert event
    assert (event["type"], event["reason"]) == ("Normal", "Ready")
    assert ready_changed(METADATA, first, first, NOW) is None
    worse = ready_changed(METADATA, first, summarize(evidence(first, ready=0), NOW), NOW)
    assert worse
    assert (worse["type"], worse["reason"]) == ("Normal", "Progressing")


def test_a_reindex_has_events_of_its_own() -> None:
    seen = evidence()
    one = summarize(seen, NOW)
    following = reindexing(seen.pipeline)
    two = summarize(replace(seen, indexes=following), NOW)
    ready = (two.conditions or [])[-1]
    assert (ready.status, ready.reason) == ("True", "Reindexing")
    assert ready_changed(METADATA, one, two, NOW) is None
    assert ready_changed(METADATA, two, one, NOW) is None
    back = ready_changed(METADATA, summarize(evidence(ready=0), NOW), two, NOW)
    assert back
    assert (back["type"], back["reason"]) == ("Normal", "Reindexing")


def test_an_event_warns_of_a_rollout_that_is_stuck_though_old_pods_serve() -> None:
    seen = evidence()
    api = find(list(seen.observed.children), "Deployment", "demo-api")
    stuck = {"type": "Progressing", "status": "False", "message": "it timed out"}
    api["status"]["conditions"] = [stuck]
    event = ready_changed(METADATA, Status(), summarize(seen, NOW), NOW)
    assert event
    assert (event["type"], event["reason"]) == ("Warning", "RolloutStuck")


def test_an_event_warns_of_what_somebody_should_mend() -> None:
    unresolved = replace(evidence(), unresolved=Unresolved("SecretNotFound", "Secret keys does not exist"))
    event = ready_changed(METADATA, Status(), summarize(unresolved, NOW), NOW)
    assert event
    assert (event["type"], event["reason"]) == ("Warning", "SecretNotFound")


def test_a_spec_that_breaks_a_younger_bound_is_told_and_the_rest_of_the_status_stays() -> None:
    before = summarize(evidence(stats=STATS), NOW)
    found = resource(api={"replicas": 0}) | {"status": before.model_dump(mode="json", by_alias=True)}
    with pytest.raises(ValidationError) as error:
        RagPipeline.model_validate(found)
    status = refuse(found, error.value, NOW)
    accepted, *others, stalled, ready = status.conditions or []
    assert (accepted.type, accepted.status) == ("SpecAccepted", "False")
    assert (stalled.type, stalled.status) == ("Stalled", "True")
    assert (ready.type, ready.status) == ("Ready", "False")
    for each in (accepted, stalled, ready):
        assert (each.reason, each.message) == (
            "InvalidSpec",
            "spec.api.replicas cannot be used: Input should be greater than or equal to 1; "
            "`kubectl explain ragpipeline.spec` says what can",
        )
    untouched = {each.type: each for each in before.conditions or ()}
    assert others == [untouched[each.type] for each in others]
    assert {each.type for each in others} == untouched.keys() - {"SpecAccepted", "Reconciling", "Ready"}
    assert status.documents == before.documents
