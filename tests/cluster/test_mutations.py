"""Two hundred resources with one odd value each: refused in a sentence, or reached and told of truly.

All are asked about. RAG_TEST_MUTATIONS says how many of those that are accepted an operator then runs.
"""

import os
import time
from collections import Counter
from itertools import islice, zip_longest

from rag_operator.names import CHILD_KINDS, PIPELINE, Key, key
from tests.cluster.asking import Asking, Refusal
from tests.cluster.children import Children, children
from tests.cluster.kube import Kube, Manifest
from tests.patience import eventually
from tests.specs.mutations import mutations

RUN = int(os.environ.get("RAG_TEST_MUTATIONS", "12"))
# What a condition says of a pipeline that cannot be brought to what its spec says.
UNTRUE = {"ApplyFailed", "InvalidSpec", "PassFailed", "ReconcileFailed"}


def test_each_is_refused_in_a_sentence_or_its_children_are_accepted(server: Asking) -> None:
    asked, outcomes, wrong = Children(server), Counter[tuple[str, str]](), []
    for mutation in mutations():
        try:
            stored = server.create(mutation.pipeline("demo"))
        except Refusal as refusal:
            outcomes[mutation.kind, "refused"] += 1
            if refusal.shows_an_expression:
                wrong.append((mutation, str(refusal)))
        else:
            outcomes[mutation.kind, "accepted"] += 1
            wrong += [(mutation, refused) for refused in asked.refusals(stored)]
    print(_table(outcomes))
    assert wrong == []


def test_what_is_accepted_is_reached_and_told_of_truly_with_no_write_at_rest(
    server: Asking, crd: Kube, operator: float
) -> None:
    redis = "redis://:password@redis.example.com"
    Kube(crd.kubeconfig, server.namespace)(
        "create", "secret", "generic", "keys", "--from-literal=key=a", f"--from-literal=redis={redis}"
    )
    for each in _accepted(server, RUN):
        server.create(each, dry=False)
    eventually(lambda: all(_told(each) for each in server.list(PIPELINE)) and not _missing(server), pause=1)
    for each in server.list(PIPELINE):
        assert UNTRUE.isdisjoint(condition["reason"] for condition in each["status"]["conditions"]), each

    def steady() -> bool:
        """Over some of the operator's own periods; a slow machine has it easier, not harder."""
        before = server.writes(PIPELINE, *CHILD_KINDS)
        time.sleep(5 * operator)
        return before == server.writes(PIPELINE, *CHILD_KINDS)

    assert eventually(steady)


def _accepted(server: Asking, most: int) -> list[Manifest]:
    """Return pipelines that the API server accepts, of as many kinds of fields as there are."""
    kinds: dict[str, list[Manifest]] = {}
    for number, mutation in enumerate(mutations()):
        made = mutation.pipeline(f"odd-{number}")
        try:
            server.create(made)
        except Refusal:
            continue
        kinds.setdefault(mutation.kind, []).append(made)
    in_turn = (each for turn in zip_longest(*kinds.values()) for each in turn if each)
    return list(islice(in_turn, most))


def _told(pipeline: Manifest) -> bool:
    """Whether the status speaks about the spec as it is."""
    status = pipeline.get("status", {})
    return bool(status.get("observedGeneration") == pipeline["metadata"]["generation"])


def _missing(server: Asking) -> set[Key]:
    """Return the children that should be there and are not: of pipelines whose Secrets are known to be."""
    resolved = [each for each in server.list(PIPELINE) if ("SecretsResolved", "True") in _states(each)]
    wanted = {key(child) for pipeline in resolved for child in children(pipeline)}
    there = {(kind.kind, child["metadata"]["name"]) for kind in CHILD_KINDS for child in server.list(kind)}
    return wanted - there


def _states(pipeline: Manifest) -> set[tuple[str, str]]:
    return {(each["type"], each["status"]) for each in pipeline.get("status", {}).get("conditions", [])}


def _table(outcomes: Counter[tuple[str, str]]) -> str:
    """Return how many were refused and accepted of each kind of field."""
    kinds = sorted({kind for kind, _ in outcomes})
    lines = [f"{kind:8} {outcomes[kind, 'refused']:8} {outcomes[kind, 'accepted']:8}" for kind in kinds]
    return "\n".join([f"{'field':8} {'refused':>8} {'accepted':>8}", *lines])
