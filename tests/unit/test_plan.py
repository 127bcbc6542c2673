"""The plan: what to do about the difference between the children that should be and those that are."""

from copy import deepcopy
from typing import Any

import pytest
from tests.unit.pipelines import AUTOSCALED, UID, find, observed, own_replicas, site

from rag_operator.children import build
from rag_operator.plan import Action, Verb, drift, plan


def steps(actions: list[Action]) -> list[tuple[str, str, str]]:
    return [(each.verb.value, each.manifest["kind"], each.manifest["metadata"]["name"]) for each in actions]


def test_everything_is_created_at_first() -> None:
    desired = build(site())
    actions = plan(desired, [], UID)
    assert [each.verb for each in actions] == [Verb.CREATE] * len(desired)


def test_nothing_is_sent_when_all_is_as_it_should_be() -> None:
    assert plan(build(site(embedding=AUTOSCALED)), observed(embedding=AUTOSCALED), UID) == []


def test_a_changed_spec_changes_only_what_depends_on_it() -> None:
    actions = plan(build(site(retrieval={"topK": 9})), observed(), UID)
    assert steps(actions) == [("change", "Deployment", "demo-api")]
    assert actions[0].reason == "its manifest changed"


def test_an_edited_child_comes_back() -> None:
    there = observed()
    find(there, "Deployment", "demo-api")["spec"]["template"]["spec"]["containers"][0]["image"] = "evil"
    (action,) = plan(build(site()), there, UID)
    assert str(action) == (
        "change Deployment demo-api: spec.template.spec.containers[api].image was changed by somebody else"
    )


def test_a_child_that_is_no_longer_wanted_goes_first() -> None:
    actions = plan(build(site(retrieval={"topK": 9})), observed(embedding=AUTOSCALED), UID)
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


def test_the_number_of_pods_is_handed_over_before_it_is_dropped() -> None:
    there = observed(embedding={**AUTOSCALED, "managed": {"replicas": 3}})
    own_replicas(find(there, "Deployment", "demo-embedding"))
    actions = plan(build(site(embedding=AUTOSCALED)), there, UID)
    hand_over, change = (each for each in actions if each.child == "Deployment demo-embedding")
    assert steps([hand_over, change]) == [
        ("hand over", "Deployment", "demo-embedding"),
        ("change", "Deployment", "demo-embedding"),
    ]
    assert hand_over.manifest["spec"] == {"replicas": 3}


def test_a_suspended_deployment_is_handed_over_awake() -> None:
    there = observed(embedding=AUTOSCALED, suspend=True)
    own_replicas(find(there, "Deployment", "demo-embedding"))
    hand_over = plan(build(site(embedding=AUTOSCALED)), there, UID)
    assert next(each for each in hand_over if each.verb is Verb.HAND_OVER).manifest["spec"] == {"replicas": 1}


@pytest.mark.parametrize(
    ("there", "size"),
    [("1Gi", None), ("1024Mi", None), ("512Mi", "1Gi"), ("5Gi", "5Gi"), ("a lot", "1Gi")],
)
def test_a_claim_is_never_asked_to_shrink(there: str, size: str | None) -> None:
    seen = observed()
    claim = find(seen, "PersistentVolumeClaim", "demo-redis-data")
    claim["spec"]["resources"]["requests"]["storage"] = there
    sizes = [
        each.manifest["spec"]["resources"]["requests"]["storage"] for each in plan(build(site()), seen, UID)
    ]
    assert sizes == ([size] if size else [])


@pytest.mark.parametrize(
    ("desired", "there", "path"),
    [
        ({"selector": {"app": "x"}}, {"selector": {"app": "x", "stray": "y"}}, ".selector.stray"),
        (
            {"ingress": [{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"a": "b"}}}]}]},
            {
                "ingress": [
                    {
                        "from": [
                            {"namespaceSelector": {}, "podSelector": {"matchLabels": {"a": "b", "c": "d"}}}
                        ]
                    }
                ]
            },
            ".ingress[0].from[0].podSelector.matchLabels.c",
        ),
        ({"matchLabels": {"a": "b"}}, {"matchLabels": {"a": "b"}, "more": 1}, None),
        ({"a": 1}, {"a": 1, "b": 2}, None),
        ({"a": 1}, {"a": 2}, ".a"),
        ({"a": 1}, {}, ".a"),
        ({"cpu": "1000m", "memory": "1024Mi"}, {"cpu": "1", "memory": "1Gi"}, None),
        ({"cpu": "500m"}, {"cpu": "1"}, ".cpu"),
        ({"value": "", "emptyDir": {}}, {}, None),
        ({"replicas": 0}, {"replicas": 2}, ".replicas"),
        ([1, 2], [1, 2], None),
        ([1, 2], [2, 1], "[0]"),
        ([1], [1, 2], ""),
        ([{"name": "x", "v": 1}], [{"name": "sidecar"}, {"name": "x", "v": 1}], None),
        ([{"name": "x", "v": 1}], [{"name": "x", "v": 2}], "[x].v"),
        (
            [{"name": "x", "k": 1}, {"name": "x", "k": 2}],
            [{"name": "x", "k": 1}, {"name": "x", "k": 2}],
            None,
        ),
    ],
)
def test_drift(desired: Any, there: Any, path: str | None) -> None:
    assert drift(desired, there) == path
