"""Which indexes a pipeline has: which serves, which is next, which retires."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.unit.pipelines import MINILM, pipeline

from rag_contract.stats import QueueStats, Stats
from rag_operator.indexes import decide
from rag_operator.pipeline import RagPipeline
from rag_operator.status import Indexes, IndexStatus, Status

BORN = 1_800_000_000
CREATED, LATER = "2027-01-15T08:00:00Z", "2027-01-15T09:00:00Z"
FIRST = "team.demo"
OTHER_MODEL = "BAAI/bge-m3"


def made(
    collection: str = "a",
    generation: int = 1,
    status: Status | None = None,
    created: str = CREATED,
    **embedding: Any,
) -> RagPipeline:
    """Return a pipeline whose spec names a collection, with what the pass before wrote."""
    found = pipeline(
        vectorStore={"collection": collection, "managed": {}},
        embedding={"model": MINILM, "managed": {}, **embedding},
    )
    metadata = found.metadata.model_validate(
        {"name": "demo", "namespace": "team", "generation": generation, "creationTimestamp": created}
    )
    return found.model_copy(update={"metadata": metadata, "status": status or Status()})


def told(index: str, *others: str, collection: str = "a", model: str = MINILM) -> Stats:
    """Return what the API says: which index serves, and which others the stores have."""
    return Stats(
        documents={},
        searchable=0,
        collection=collection,
        queue=QueueStats(ingest=0, embed=0),
        embedding_model=model,
        index=index,
        indexes=[index, *others],
    )


def after(*steps: tuple[RagPipeline, Stats | None]) -> Indexes:
    """Return the indexes after some passes, each of which finds the status that the one before it wrote."""
    known: Indexes | None = None
    for step, stats in steps:
        known = decide(step.model_copy(update={"status": Status(indexes=known)}), stats)
    assert known
    return known


A, B, C = made("a", 1), made("b", 2), made("c", 3)
SECOND = f"{FIRST}~{BORN + 2}"
BEGUN = ((A, told(FIRST)), (B, told(FIRST)))
SWITCHED = (*BEGUN, (B, told(SECOND, FIRST, collection="b")))


def ids(indexes: Indexes) -> dict[str, tuple[str, str]]:
    """Return id and slot of each index."""
    found = {name: getattr(indexes, name) for name in ("serving", "next", "retiring")}
    found |= {f"called off {number}": index for number, index in enumerate(indexes.called_off)}
    return {name: (index.id, index.slot) for name, index in found.items() if index}


def test_a_new_pipeline_has_one_index_that_is_called_as_the_pipeline() -> None:
    indexes = decide(made("a", generation=1))
    assert ids(indexes) == {"serving": (FIRST, "")}
    assert (indexes.serving.revision, indexes.decided) == (BORN + 1, BORN + 1)
    assert (indexes.serving.spec.collection, indexes.serving.spec.embedding_model) == ("a", MINILM)


def test_the_index_follows_the_spec_while_its_collection_is_the_specs() -> None:
    known = after((A, None), (made("a", 2, managed={"modelImage": "mine:1"}), None))
    assert (known.serving.spec.model_image, known.serving.revision, known.decided) == (
        "mine:1",
        BORN + 1,
        BORN + 1,
    )


@pytest.mark.parametrize(
    ("collection", "expected"),
    [
        ("a", {"serving": (FIRST, "")}),
        # The spec changed while the operator was upgraded.
        ("b", {"serving": (FIRST, ""), "next": (f"{FIRST}~{BORN + 10}", "b")}),
    ],
)
def test_a_pipeline_of_an_earlier_release_keeps_its_collection(
    collection: str, expected: dict[str, tuple[str, str]]
) -> None:
    status = {"collection": {"name": "a", "revision": 3}, "embeddingModel": OTHER_MODEL}
    model = OTHER_MODEL if collection == "a" else MINILM
    indexes = decide(made(collection, 9, Status.model_validate(status), model=model))
    assert ids(indexes) == expected
    serving = indexes.serving
    assert (serving.revision, serving.spec.collection, serving.spec.embedding_model) == (3, "a", OTHER_MODEL)


def test_another_collection_is_next_and_what_serves_stays_as_it_was() -> None:
    changed = made("b", 2, model=OTHER_MODEL, dimensions=256)
    known = after((A, None), (changed, None))
    assert ids(known) == {"serving": (FIRST, ""), "next": (SECOND, "b")}
    assert known.next
    assert (known.next.revision, known.decided) == (BORN + 2, BORN + 2)
    assert (known.serving.spec.embedding_model, known.serving.spec.dimensions) == (MINILM, None)
    assert (known.next.spec.embedding_model, known.next.spec.dimensions) == (OTHER_MODEL, 256)


def test_what_is_next_follows_the_spec() -> None:
    known = after(*BEGUN, (made("b", 3, managed={"modelImage": "mine:2"}), None))
    assert ids(known) == {"serving": (FIRST, ""), "next": (SECOND, "b")}
    assert known.next
    assert (known.next.spec.model_image, known.serving.spec.model_image) == ("mine:2", None)
    assert known.decided == BORN + 2


def test_vectors_of_another_model_are_another_index_though_the_collection_has_the_name() -> None:
    """The spec went back and forth, and the operator saw but the end."""
    known = after(*BEGUN, (made("b", 4, model=OTHER_MODEL), told(FIRST, SECOND)))
    assert ids(known) == {
        "serving": (FIRST, ""),
        "next": (f"{FIRST}~{BORN + 4}", "b"),
        "called off 0": (SECOND, "b"),
    }


def test_setting_the_spec_back_calls_it_off() -> None:
    known = after(*BEGUN, (made("a", 3), told(FIRST, SECOND)))
    assert ids(known) == {"serving": (FIRST, ""), "called off 0": (SECOND, "b")}
    assert known.decided == BORN + 3
    assert ids(after(*BEGUN, (made("a", 3), None), (made("a", 3), told(FIRST)))) == {"serving": (FIRST, "")}


def test_a_collection_that_was_called_off_can_be_next_at_once() -> None:
    known = after(*BEGUN, (made("a", 3), told(FIRST, SECOND)), (made("b", 4), told(FIRST, SECOND)))
    assert ids(known) == {
        "serving": (FIRST, ""),
        "next": (f"{FIRST}~{BORN + 4}", "b"),
        "called off 0": (SECOND, "b"),
    }


def test_the_next_one_serves_once_the_api_says_so() -> None:
    known = after(*SWITCHED)
    assert ids(known) == {"serving": (SECOND, "b"), "retiring": (FIRST, "")}
    assert known.decided == BORN + 3
    assert known.serving.spec.collection == "b"


def test_what_retired_goes_once_the_stores_do_not_have_it() -> None:
    assert ids(after(*SWITCHED, (B, None))) == ids(after(*SWITCHED))
    gone = told(SECOND, collection="b")
    assert ids(after(*SWITCHED, (B, gone))) == {"serving": (SECOND, "b")}
    assert ids(after(*BEGUN, (B, gone))) == {"serving": (SECOND, "b")}  # nobody looked in between


def test_a_third_collection_waits_until_the_first_is_gone() -> None:
    waits = (*SWITCHED, (C, told(SECOND, FIRST, collection="b")))
    assert ids(after(*waits)) == {"serving": (SECOND, "b"), "retiring": (FIRST, "")}
    known = after(*waits, (C, told(SECOND, collection="b")))
    assert ids(known) == {"serving": (SECOND, "b"), "next": (f"{FIRST}~{BORN + 4}", "")}
    assert known.decided == BORN + 4


def test_one_that_was_called_off_too_late_serves_with_what_it_was_made_for() -> None:
    changed = made("b", 2, model=OTHER_MODEL, managed={"modelImage": "mine:2"})
    begun = ((A, told(FIRST)), (changed, told(FIRST)), (made("a", 3), told(FIRST, SECOND)))
    known = after(*begun, (made("a", 3), told(SECOND, FIRST, collection="b")))
    assert ids(known) == {"serving": (SECOND, "b"), "retiring": (FIRST, "")}
    assert known.serving.spec.model_image == "mine:2"
    anew = after(*begun, (made("a", 3), told(SECOND, collection="b")))
    assert ids(anew) == {"serving": (SECOND, "b"), "next": (f"{FIRST}~{BORN + 4}", "")}


def test_an_id_is_never_used_again_for_its_records_are_closed() -> None:
    overtaken = (*BEGUN, (C, told(FIRST, SECOND)), (C, told(SECOND, FIRST, collection="b")))
    assert ids(after(*overtaken))["called off 0"] == (f"{FIRST}~{BORN + 3}", "b")
    known = after(*overtaken, (C, told(SECOND, collection="b")))
    assert ids(known) == {"serving": (SECOND, "b"), "next": (f"{FIRST}~{BORN + 5}", "")}


@pytest.mark.parametrize("first", [told(SECOND, collection="b"), None])
def test_a_status_that_was_lost_is_made_anew_from_what_the_api_says(first: Stats | None) -> None:
    known = after((made("b", 1, created=LATER), first), (B, told(SECOND, collection="b")))
    assert known.serving.id == SECOND
    assert (known.serving.revision, known.serving.spec.collection) == (BORN + 2, "b")
    assert (known.next, known.retiring) == (None, None)


def test_an_unknown_index_of_another_collection_serves_until_the_specs_is_complete() -> None:
    known = after((made("c", 1, created=LATER), told(SECOND, collection="b", model=OTHER_MODEL)))
    assert (known.serving.id, known.serving.spec.embedding_model) == (SECOND, OTHER_MODEL)
    assert known.next
    assert (known.next.spec.collection, known.next.revision) == ("c", BORN + 3602)
    assert known.next.slot != known.serving.slot


def test_an_api_of_an_earlier_release_tells_nothing_of_indexes() -> None:
    known = after(*BEGUN, (B, told("")))
    assert known == after(*BEGUN)


def test_how_pods_were_run_is_remembered_while_the_spec_names_a_server_elsewhere() -> None:
    here = made("a", managed={"replicas": 3})
    elsewhere = made("b", 2, managed=None, external={"url": "http://tei"})
    known = after((here, told(FIRST)), (elsewhere, told(FIRST)), (elsewhere, told(FIRST)))
    assert known.managed == here.spec.embedding.managed
    assert known.next
    assert known.next.spec.external


LENGTHS = {"a": 256, "b": 384, "c": 512}


@dataclass(frozen=True)
class World:
    """A pipeline, what the operator wrote last, and what the stores have: as little as the indexes need."""

    collection: str = "a"
    generation: int = 1
    known: Indexes | None = None
    serving: str = FIRST
    next: str | None = None
    decided: int = 0
    stored: tuple[str, ...] = (FIRST,)
    collections: tuple[tuple[str, str], ...] = ((FIRST, "a"),)

    def passed(self) -> "World":
        """Return the world after the operator looked at it and wrote what it decided."""
        collection = dict(self.collections)[self.serving]
        stats = told(
            self.serving, *(each for each in self.stored if each != self.serving), collection=collection
        )
        known = decide(self.pipeline(Status(indexes=self.known)), stats)
        return replace(self, known=known.model_copy(update={"managed": None}))

    def pipeline(self, status: Status) -> RagPipeline:
        """Return the resource; each collection has vectors of a length of its own."""
        return made(self.collection, self.generation, status, dimensions=LENGTHS[self.collection])

    def wanting(self, collection: str) -> "World":
        """Return the world after the spec changed."""
        return replace(self, collection=collection, generation=self.generation + 1)

    def registered(self) -> "World":
        """Return the world after the API learnt what is next."""
        assert self.known
        if self.known.decided <= self.decided:
            return self
        following = self.known.next
        new = [following] if following and following.id not in self.stored else []
        assert not {each.id for each in new} & dict(self.collections).keys(), "its records are closed"
        return replace(
            self,
            next=following.id if following else None,
            decided=self.known.decided,
            stored=(*self.stored, *(each.id for each in new)),
            collections=(*self.collections, *((each.id, each.spec.collection) for each in new)),
        )

    def switched(self) -> "World":
        """Return the world after the next index got all documents."""
        return replace(self, serving=self.next, next=None) if self.next else self

    def dropped(self) -> "World":
        """Return the world after what is not needed was dropped."""
        return replace(self, stored=tuple(each for each in self.stored if each in {self.serving, self.next}))

    def followers(self) -> Iterator["World"]:
        """Yield what the world may be next: the operator may be killed, and so miss any of it."""
        yield self.passed()
        yield from (self.wanting(each) for each in "abc" if each != self.collection)
        yield self.registered()
        yield self.switched()
        yield self.dropped()


def check(before: World, now: World) -> None:
    """Assert what holds after each pass."""
    assert before.known
    assert now.known
    running = now.known.running
    assert len({each.slot for each in running}) == len({each.id for each in running}) == len(running)
    assert now.known.serving.id == now.serving
    collection = dict(now.collections)[now.serving]
    assert (now.known.serving.spec.collection, now.known.serving.spec.dimensions) == (
        collection,
        LENGTHS[collection],
    )
    changed = _id(before.known.next) != _id(now.known.next)
    assert (now.known.decided > before.known.decided) == changed
    assert now.known.decided >= now.decided
    following = now.known.next
    assert (
        following is None or following.spec.collection == now.collection != now.known.serving.spec.collection
    )


def _id(index: IndexStatus | None) -> str | None:
    return index.id if index else None


def test_whatever_happens_in_whatever_order_what_serves_has_its_pods() -> None:
    level = {World().passed().registered()}
    seen = set(level)
    for _ in range(10):
        found = set()
        for world in level:
            for follower in world.followers():
                if follower.known is not world.known:
                    check(world, follower)
                found.add(follower)
        level = found - seen
        seen |= level
    roles = {role for world in seen if world.known for role in ids(world.known)}
    assert roles >= {"serving", "next", "retiring", "called off 0"}
