"""The plan: what to do about the difference between the children that should be and those that are."""

from copy import deepcopy
from typing import Any

import pytest
from tests.unit.pipelines import AUTOSCALED, UID, find, observed, site

from rag_operator.children import build
from rag_operator.drift import digest
from rag_operator.names import Key, key
from rag_operator.plan import Action, Verb, plan, stamp


def steps(actions: list[Action]) -> list[tuple[str, str, str]]:
    return [(each.verb.value, each.manifest["kind"], each.manifest["metadata"]["name"]) for each in actions]


def checked(**spec: Any) -> dict[Key, str]:
    """Return what is remembered of a pipeline's children that were found to be right."""
    pairs = zip(build(site(**spec)), observed(**spec), strict=True)
    return {key(item): digest(stamp(manifest), item) for manifest, item in pairs}


def test_everything_is_created_at_first() -> None:
    desired = build(site())
    actions = plan(desired, [], UID)
    assert [each.verb for each in actions] == [Verb.CREATE] * len(desired)


def test_nothing_is_sent_when_all_is_as_it_was_when_it_was_right() -> None:
    desired, there = build(site(embedding=AUTOSCALED)), observed(embedding=AUTOSCALED)
    find(there, "Deployment", "demo-embedding")["spec"]["replicas"] = 4  # as an autoscaler writes
    find(there, "Service", "demo-api")["metadata"]["annotations"]["somebody/else"] = "theirs"
    assert plan(desired, there, UID, checked=checked(embedding=AUTOSCALED)) == []


def test_what_was_never_seen_is_looked_at_once() -> None:
    actions = plan(build(site()), observed(), UID)
    assert {each.verb for each in actions} == {Verb.CHECK}
    assert len(actions) == len(build(site()))


def test_a_changed_spec_changes_only_what_depends_on_it() -> None:
    actions = plan(build(site(retrieval={"topK": 9})), observed(), UID, checked=checked())
    assert steps(actions) == [("change", "Deployment", "demo-api")]
    assert actions[0].reason == "its manifest changed"


def test_an_edited_child_is_looked_at() -> None:
    there = observed()
    find(there, "Deployment", "demo-api")["spec"]["template"]["spec"]["containers"][0]["image"] = "evil"
    (action,) = plan(build(site()), there, UID, checked=checked())
    assert str(action) == "check Deployment demo-api: not as it was seen last"


def test_a_child_that_is_no_longer_wanted_goes_first() -> None:
    known = checked(embedding=AUTOSCALED)
    actions = plan(build(site(retrieval={"topK": 9})), observed(embedding=AUTOSCALED), UID, checked=known)
    assert [each.verb for each in actions] == [Verb.PRUNE] * 3 + [Verb.CHANGE] * 5
    assert ("prune", "ScaledObject", "demo-embedding") in steps(actions)


def test_a_retained_claim_and_a_child_that_ends_are_left_alone() -> None:
    there = observed()
    claim = find(there, "PersistentVolumeClaim", "demo-qdrant-data")
    service = deepcopy(find(there, "Service", "demo-api"))
    service["metadata"] |= {"name": "old", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    external = {"collection": "docs", "external": {"url": "https://qdrant"}}
    actions = plan(build(site(vectorStore=external)), [*there, service], UID)
    pruned = {each.manifest["metadata"]["name"] for each in actions if each.verb is Verb.PRUNE}
    assert pruned == {"demo-qdrant"}
    assert claim["metadata"].get("ownerReferences") is None


@pytest.mark.parametrize(
    ("there", "size"),
    [("1Gi", None), ("1024Mi", "1Gi"), ("512Mi", "1Gi"), ("5Gi", "5Gi"), ("a lot", "1Gi")],
)
def test_a_claim_is_never_asked_to_shrink(there: str, size: str | None) -> None:
    seen = observed()
    claim = find(seen, "PersistentVolumeClaim", "demo-redis-data")
    claim["spec"]["resources"]["requests"]["storage"] = there
    actions = plan(build(site()), seen, UID, checked=checked())
    sizes = [each.manifest["spec"]["resources"]["requests"]["storage"] for each in actions]
    assert sizes == ([size] if size else [])
