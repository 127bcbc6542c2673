"""Two hundred resources with one odd value each: refused in a sentence, or all of their children accepted."""

from collections import Counter

from tests.cluster.asking import Asking, Refusal
from tests.cluster.children import Children
from tests.specs.mutations import mutations


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


def _table(outcomes: Counter[tuple[str, str]]) -> str:
    """Return how many were refused and accepted of each kind of field."""
    kinds = sorted({kind for kind, _ in outcomes})
    lines = [f"{kind:8} {outcomes[kind, 'refused']:8} {outcomes[kind, 'accepted']:8}" for kind in kinds]
    return "\n".join([f"{'field':8} {'refused':>8} {'accepted':>8}", *lines])
