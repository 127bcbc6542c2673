"""What becomes of the conditions when a pass fails, and how long a status may be."""

from datetime import UTC, datetime

import pytest
from tests.unit.pipelines import pipeline, resource, run, site

from rag_operator.children import build
from rag_operator.cluster import ClusterError
from rag_operator.conditions import conditions
from rag_operator.evidence import Evidence, Observed
from rag_operator.indexes import decide
from rag_operator.pipeline import RagPipeline
from rag_operator.status import MESSAGE_CHARACTERS, Condition, Status
from rag_operator.summary import fail, in_words, summarize
from rag_operator.transitions import dated
from rag_operator.verdicts import Verdict

FIRST, SECOND, THIRD = (datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3))
FORBIDDEN = ClusterError(403, "pods is forbidden: the operator cannot list pods")
SLOW = TimeoutError("no answer in 30 s")


def well() -> Status:
    made = run(build(site()))
    return summarize(Evidence(pipeline(), decide(pipeline()), Observed(made)), FIRST)


def after(status: Status, error: Exception, now: datetime, generation: int = 3) -> Status:
    """Return the status once a pass over a pipeline with that status failed."""
    found = resource() | {"status": status.model_dump(mode="json", by_alias=True, exclude_none=True)}
    found["metadata"]["generation"] = generation
    return fail(RagPipeline.model_validate(found), error, now)


def by_type(status: Status) -> dict[str, Condition]:
    return {each.type: each for each in status.conditions or ()}


def test_one_pass_that_fails_is_told_and_changes_nothing_else() -> None:
    before, status = well(), after(well(), SLOW, SECOND)
    found = by_type(status)
    told = found.pop("Reconciling")
    assert (told.status, told.reason) == ("True", "PassFailed")
    assert told.message == "the last pass failed, and is made again: no answer in 30 s"
    assert found == by_type(before)
    assert status.model_copy(update={"conditions": None}) == before.model_copy(update={"conditions": None})


def test_after_the_next_one_nothing_is_known_any_more() -> None:
    found = by_type(after(after(well(), SLOW, SECOND), FORBIDDEN, THIRD))
    unknown = {name for name, each in found.items() if each.status == "Unknown"}
    assert unknown == by_type(well()).keys() - {"SpecAccepted"}
    assert found["SpecAccepted"].status == "True"
    assert found["ApiReady"].reason == "PassFailed"
    assert found["ApiReady"].message == f"{FORBIDDEN}; it was True before: 2 of 2 api pods are ready"
    assert found["Ready"].last_transition_time == "2026-01-03T00:00:00Z"
    assert list(found)[-1] == "Ready"


def test_a_pass_that_fails_for_ever_is_written_twice() -> None:
    second = after(after(well(), SLOW, FIRST), FORBIDDEN, SECOND)
    assert after(second, SLOW, THIRD) == second


def test_a_pass_that_succeeds_takes_it_all_back() -> None:
    second = after(after(well(), SLOW, FIRST), SLOW, SECOND)
    seen = Evidence(pipeline(), decide(pipeline()), Observed(run(build(site()))))
    found = {each.type: each for each in conditions(seen, second.conditions or (), THIRD)}
    assert {each.status for each in found.values()} == {"True"}
    assert "Reconciling" not in found


def test_a_new_generation_that_was_not_looked_at_is_never_said_to_be_ready() -> None:
    status = after(well(), SLOW, SECOND, generation=4)
    assert status.observed_generation == 3
    assert by_type(status)["Ready"].observed_generation == 3
    first = by_type(after(Status(), SLOW, SECOND, generation=1))
    assert list(first) == ["Reconciling", "Ready"]
    assert (first["Ready"].status, first["Ready"].message) == ("Unknown", "no answer in 30 s")


def test_a_spec_that_no_children_can_be_made_from_is_stalled() -> None:
    seen = Evidence(pipeline(), decide(pipeline()), Observed(run(build(site()))), unbuilt="why not")
    found = {each.type: each for each in conditions(seen)}
    assert (found["SpecAccepted"].status, found["SpecAccepted"].reason) == ("False", "CannotBuild")
    assert (found["Stalled"].status, found["Stalled"].message) == ("True", "why not")
    assert found["ApiReady"].status == "True"
    assert (found["Ready"].status, found["Ready"].message) == ("False", "why not")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FORBIDDEN, "pods is forbidden: the operator cannot list pods"),
        (TimeoutError(), "TimeoutError; the operator's log has the rest"),
        (KeyError("a password"), "KeyError; the operator's log has the rest"),
    ],
)
def test_an_error_tells_no_secret(error: Exception, words: str) -> None:
    assert in_words(error) == words


def test_what_is_longer_than_the_status_may_be_is_cut() -> None:
    (kept,) = dated({"Ready": Verdict("False", "Long", "é" * MESSAGE_CHARACTERS)}, 1, [], FIRST)
    assert kept.message == "é" * MESSAGE_CHARACTERS
    (cut,) = dated({"Ready": Verdict("False", "Longer", "é" * 99_999)}, 1, [], FIRST)
    assert len(cut.message) == MESSAGE_CHARACTERS
    assert cut.message.endswith("é…")
