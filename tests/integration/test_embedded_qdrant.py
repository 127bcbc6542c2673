"""The embedded server as a real process, spoken to by the real client."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse
from tests.integration.service_process import running, start
from tests.patience import patient
from tests.ports import free_port

KEY = "secret"
DIMENSION = 8
MODULE = "rag_standins.embedded_qdrant"


def environment(folder: Path, port: int) -> dict[str, str]:
    return {
        "QDRANT__SERVICE__HTTP_PORT": str(port),
        "QDRANT__SERVICE__HOST": "127.0.0.1",
        "QDRANT__SERVICE__API_KEY": KEY,
        "QDRANT__STORAGE__STORAGE_PATH": str(folder),
    }


def client_of(url: str) -> AsyncQdrantClient:
    return AsyncQdrantClient(url=url, api_key=KEY, check_compatibility=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    folder = tmp_path_factory.mktemp("qdrant")
    with running(MODULE, env=environment(folder, port), probe=f"{url}/readyz"):
        yield url


@pytest.fixture
async def client(server: str) -> AsyncIterator[AsyncQdrantClient]:
    client = client_of(server)
    yield client
    await client.close()


@pytest.fixture
async def collection(client: AsyncQdrantClient) -> AsyncIterator[str]:
    name = f"test-{uuid.uuid4().hex}"
    await create(client, name)
    yield name
    await client.delete_collection(name)


async def create(client: AsyncQdrantClient, name: str) -> None:
    vectors = models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE)
    await client.create_collection(name, vectors_config=vectors, metadata={"model": "m"})


def point(id: int, **payload: object) -> models.PointStruct:
    vector = [0.0] * DIMENSION
    vector[id % DIMENSION] = 1.0
    return models.PointStruct(id=id, vector=vector, payload=payload)


def equals(key: str, value: str | int | bool) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


async def test_collection_lives_from_creation_to_deletion(client: AsyncQdrantClient) -> None:
    await create(client, "short-lived")
    info = await client.get_collection("short-lived")
    assert info.config.metadata == {"model": "m"}
    assert info.config.params.vectors == models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE)
    assert "short-lived" in {c.name for c in (await client.get_collections()).collections}
    assert await client.collection_exists("short-lived")
    assert await client.delete_collection("short-lived")
    assert not await client.collection_exists("short-lived")
    assert not await client.delete_collection("short-lived")


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        (models.Filter(must=[equals("active", True)]), [1, 3]),
        (models.Filter(must=[equals("active", False)]), [2]),
        (models.Filter(must_not=[equals("active", True)]), [2]),
        (models.Filter(must=[equals("name", "a"), equals("number", 3)]), [3]),
        (models.Filter(should=[equals("name", "b"), equals("number", 1)]), [1, 2]),
        (models.Filter(must=equals("nested.deep", True)), [1]),
        (models.Filter(must=[models.HasIdCondition(has_id=[2, 9])]), [2]),
        (models.Filter(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="nested"))]), [2, 3]),
        (
            models.Filter(must=[models.FieldCondition(key="name", match=models.MatchAny(any=["b", "c"]))]),
            [2],
        ),
        (models.Filter(must=[models.FieldCondition(key="number", range=models.Range(gte=2, lt=4))]), [2, 3]),
        (models.Filter(must=[models.Filter(must_not=[equals("name", "a")])]), [2]),
    ],
)
async def test_filters(
    client: AsyncQdrantClient, collection: str, condition: models.Filter, ids: list[int]
) -> None:
    await client.upsert(
        collection,
        [
            point(1, active=True, name="a", number=1, nested={"deep": True}),
            point(2, active=False, name="b", number=2),
            point(3, active=True, name="a", number=3),
        ],
    )
    records, _ = await client.scroll(collection, condition)
    assert [record.id for record in records] == ids
    assert (await client.count(collection, condition)).count == len(ids)


@pytest.mark.parametrize("columns", [False, True])
async def test_an_upsert_with_a_filter_leaves_points_that_do_not_match_alone(
    client: AsyncQdrantClient, collection: str, columns: bool
) -> None:
    await client.upsert(collection, [point(1, active=False, number=1), point(2, active=True, number=2)])
    late = [point(id, active=False, number=10 * id) for id in (1, 2, 3)]
    batch = models.Batch(
        ids=[p.id for p in late], vectors=[p.vector for p in late], payloads=[p.payload for p in late]
    )
    not_active = models.Filter(must_not=[equals("active", True)])
    await client.upsert(collection, batch if columns else late, update_filter=not_active)
    records, _ = await client.scroll(collection)
    assert [record.payload for record in records] == [
        {"active": False, "number": 10},
        {"active": True, "number": 2},
        {"active": False, "number": 30},
    ]


@pytest.mark.parametrize(
    ("mode", "numbers"),
    [
        (models.UpdateMode.UPSERT, [10, 20]),
        (models.UpdateMode.INSERT_ONLY, [1, 20]),
        (models.UpdateMode.UPDATE_ONLY, [10]),
    ],
)
async def test_update_modes(
    client: AsyncQdrantClient, collection: str, mode: models.UpdateMode, numbers: list[int]
) -> None:
    await client.upsert(collection, [point(1, number=1)])
    await client.upsert(collection, [point(1, number=10), point(2, number=20)], update_mode=mode)
    records, _ = await client.scroll(collection)
    assert [record.payload for record in records] == [{"number": number} for number in numbers]


async def test_metadata_is_merged(client: AsyncQdrantClient, collection: str) -> None:
    await client.update_collection(collection, metadata={"owner": "a", "old": 1})
    await client.update_collection(collection, metadata={"owner": "b", "old": None})
    info = await client.get_collection(collection)
    assert info.config.metadata == {"model": "m", "owner": "b"}


async def test_a_walk_by_pages_meets_every_point_once(client: AsyncQdrantClient, collection: str) -> None:
    for first in range(0, 500, 100):
        await client.upsert(collection, [point(id, number=id, text="x") for id in range(first, first + 100)])
    seen, offset = [], None
    while True:
        page, offset = await client.scroll(
            collection, limit=64, offset=offset, with_payload=["number"], with_vectors=False
        )
        seen += [(record.payload, record.vector) for record in page]
        if offset is None:
            break
    assert seen == [({"number": id}, None) for id in range(500)]
    assert (await client.count(collection, exact=True)).count == 500


async def test_facets_count_the_values_of_a_field(client: AsyncQdrantClient, collection: str) -> None:
    for field, schema in (("name", "keyword"), ("active", "bool")):
        await client.create_payload_index(collection, field, models.PayloadSchemaType(schema))
    points = [("a", True), ("a", False), ("b", True)]
    await client.upsert(collection, [point(i, name=n, active=a) for i, (n, a) in enumerate(points)])
    names = await client.facet(collection, "name", exact=True)
    assert [(hit.value, hit.count) for hit in names.hits] == [("a", 2), ("b", 1)]
    active = models.Filter(must=[equals("active", True)])
    counted = await client.facet(collection, "active", active, exact=True)
    assert [(hit.value, hit.count) for hit in counted.hits] == [(True, 2)]


async def test_a_filter_on_an_indexed_boolean_finds_it(client: AsyncQdrantClient, collection: str) -> None:
    await client.create_payload_index(collection, "active", models.PayloadSchemaType.BOOL)
    await client.upsert(collection, [point(1, active=True), point(2, active=False)])
    found = await client.query_points(
        collection, query=[1.0] * DIMENSION, query_filter=models.Filter(must=[equals("active", True)])
    )
    assert [(hit.id, hit.payload) for hit in found.points] == [(1, {"active": True})]


async def test_search_ranks_by_cosine_and_cuts_at_the_threshold(
    client: AsyncQdrantClient, collection: str
) -> None:
    await client.upsert(collection, [point(0), point(1), point(2)])
    query = [0.0, 0.8, 0.6, *[0.0] * (DIMENSION - 3)]
    found = await client.query_points(collection, query=query, limit=3, score_threshold=0.1)
    assert [hit.id for hit in found.points] == [1, 2]
    assert [hit.score for hit in found.points] == pytest.approx([0.8, 0.6])


async def test_batch_update_runs_in_order(client: AsyncQdrantClient, collection: str) -> None:
    await client.upsert(
        collection, [point(1, generation=1, active=True), point(2, generation=2, active=False)]
    )
    this = equals("generation", 2)
    await client.batch_update_points(
        collection,
        [
            models.SetPayloadOperation(
                set_payload=models.SetPayload(payload={"active": True}, filter=models.Filter(must=[this]))
            ),
            models.DeleteOperation(delete=models.FilterSelector(filter=models.Filter(must_not=[this]))),
        ],
    )
    records, _ = await client.scroll(collection)
    assert [(record.id, record.payload) for record in records] == [(2, {"generation": 2, "active": True})]


async def test_retrieve_scroll_and_payload_changes(client: AsyncQdrantClient, collection: str) -> None:
    uid = str(uuid.uuid4())
    batch = models.Batch(
        ids=[1, 2, uid],
        vectors=[[1.0] * DIMENSION] * 3,
        payloads=[{"a": 1}, {"a": 2}, {"a": 3, "b": [None, True]}],
    )
    await client.upsert(collection, batch)
    (record,) = await client.retrieve(collection, [uid], with_vectors=True)
    assert (record.id, record.payload) == (uid, {"a": 3, "b": [None, True]})
    assert np.linalg.norm(np.array(record.vector)) == pytest.approx(1)
    page, offset = await client.scroll(collection, limit=2, with_payload=False)
    rest, end = await client.scroll(collection, limit=2, offset=offset, with_payload=["a"])
    assert ([r.id for r in page], [r.payload for r in rest], end) == ([1, 2], [{"a": 3}], None)
    await client.overwrite_payload(collection, {"c": 1}, points=[1])
    await client.delete_payload(collection, ["a"], points=[2])
    await client.clear_payload(collection, points_selector=[uid])
    assert [r.payload for r in await client.retrieve(collection, [1, 2, uid])] == [{"c": 1}, {}, {}]


@pytest.mark.parametrize(
    ("request_line", "body", "status", "message"),
    [
        ("GET /collections/none", None, 404, "Not found: Collection `none` doesn't exist!"),
        ("GET /nowhere", None, 404, "Not Found"),
        ("PUT /collections/x", {"vectors": {"size": 3, "distance": "Far"}}, 400, "unknown distance"),
        ("PUT /collections/a:b", {"vectors": {"size": 3, "distance": "Dot"}}, 400, "is not allowed"),
        (
            "PUT /collections/x",
            {"quantization_config": {"scalar": {}}, "vectors": {}},
            400,
            "quantization_config is not",
        ),
        ("PUT /collections/x", {}, 400, "KeyError: 'vectors'"),
        ("PATCH /collections/none", {"metadata": {}}, 404, "Not found"),
    ],
)
def test_errors_have_qdrants_shape(
    server: str, request_line: str, body: object, status: int, message: str
) -> None:
    method, path = request_line.split()
    response = patient.request(method, server + path, json=body, headers={"api-key": KEY})
    assert response.status_code == status
    answer = response.json()
    assert message in answer["status"]["error"]
    assert "time" in answer


async def test_a_vector_of_wrong_length_is_refused(client: AsyncQdrantClient, collection: str) -> None:
    with pytest.raises(UnexpectedResponse, match="expected dim: 8, got 2") as refused:
        await client.upsert(collection, [models.PointStruct(id=1, vector=[1.0, 2.0])])
    assert refused.value.status_code == 400


async def test_an_existing_collection_is_a_conflict(client: AsyncQdrantClient, collection: str) -> None:
    with pytest.raises(UnexpectedResponse) as refused:
        await create(client, collection)
    assert refused.value.status_code == 409


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"api-key": "wrong"}, 401),
        ({"api-key": KEY}, 200),
        ({"authorization": f"Bearer {KEY}"}, 200),
    ],
)
def test_api_key(server: str, headers: dict[str, str], status: int) -> None:
    assert patient.get(f"{server}/collections", headers=headers).status_code == status
    assert patient.get(f"{server}/metrics", headers=headers).status_code == status
    assert all(
        patient.get(server + path).status_code == 200 for path in ("/", "/healthz", "/livez", "/readyz")
    )


async def test_a_killed_server_loses_no_acknowledged_write(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = start(MODULE, env=environment(tmp_path, port), probe=f"{url}/readyz")
    client = client_of(url)
    await create(client, "c")
    await client.update_collection("c", metadata={"owner": "a"})
    acknowledged: list[int] = []

    async def write(writer: int) -> None:
        for number in range(10_000):
            ids = [(writer * 10_000 + number) * 4 + i for i in range(4)]
            await client.upsert("c", [point(id, active=True) for id in ids])
            acknowledged.extend(ids)

    writers = [asyncio.create_task(write(n)) for n in range(4)]
    while len(acknowledged) < 500:
        await asyncio.sleep(0.01)
    process.kill()
    process.wait()
    await asyncio.gather(*writers, return_exceptions=True)
    with running(MODULE, env=environment(tmp_path, port), probe=f"{url}/readyz"):
        assert (await client.get_collection("c")).config.metadata == {"model": "m", "owner": "a"}
        found = await client.retrieve("c", acknowledged)
        assert {record.id for record in found} == set(acknowledged)
        assert all(record.payload == {"active": True} for record in found)
        await client.close()
    with running(MODULE, env=environment(tmp_path, port), probe=f"{url}/readyz"):
        client = client_of(url)
        assert (await client.count("c")).count >= len(acknowledged)
        await client.close()
