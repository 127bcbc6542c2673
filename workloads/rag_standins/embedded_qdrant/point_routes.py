"""Routes about points: changes, which all answer once they are durable, and reads."""

# Some names of the engine's stubs exist for type checkers only.
from __future__ import annotations

from collections.abc import Callable

import qdrant_edge as engine
from starlette.routing import Route

from rag_standins.embedded_qdrant import operations
from rag_standins.embedded_qdrant.booleans import decode
from rag_standins.embedded_qdrant.calls import Call, Json, route
from rag_standins.embedded_qdrant.collection_routes import COMPLETED
from rag_standins.embedded_qdrant.errors import QdrantError, bad_request
from rag_standins.embedded_qdrant.filters import parse_optional_filter
from rag_standins.embedded_qdrant.points import payload_selector, record_json, scored_json
from rag_standins.embedded_qdrant.queries import DEFAULT_LIMIT, parse_query, run_batch


def change_route(method: str, suffix: str, parse: Callable[[Json], engine.UpdateOperation]) -> Route:
    """A route that applies one operation."""

    async def handler(call: Call) -> Json:
        await call.collection.change([parse(call.body)])
        return COMPLETED

    return route(method, f"/collections/{{name}}/points{suffix}", handler)


async def change_batch(call: Call) -> list[Json]:
    """Several operations, in order."""
    batch = operations.parse_batch(call.body)
    await call.collection.change(batch)
    return [COMPLETED for _ in batch]


async def retrieve(call: Call) -> list[Json]:
    """Points by id; those that are not there are left out."""
    payload = payload_selector(call.body.get("with_payload"), default=True)
    vector = call.body.get("with_vector") or False
    ids = call.body["ids"]
    records = await call.collection.read(lambda shard: shard.retrieve(ids, payload, vector))
    return [record_json(record) for record in records]


async def retrieve_one(call: Call) -> Json:
    """One point, or a 404."""
    raw = call.path["id"]
    id: engine.PointId = int(raw) if raw.isdigit() else raw
    records = await call.collection.read(lambda shard: shard.retrieve([id], True, True))
    if not records:
        raise QdrantError(404, f"Not found: Point with id {raw} does not exists!")
    return record_json(records[0])


async def scroll(call: Call) -> Json:
    """A page of points in the order of their ids, and where the next one starts."""
    if call.body.get("order_by") is not None:
        raise bad_request("order_by is not supported by the embedded server")
    request = engine.ScrollRequest(
        offset=call.body.get("offset"),
        limit=call.body.get("limit") or DEFAULT_LIMIT,
        filter=parse_optional_filter(call.body.get("filter")),
        with_payload=payload_selector(call.body.get("with_payload"), default=True),
        with_vector=call.body.get("with_vector"),
    )
    records, offset = await call.collection.read(lambda shard: shard.scroll(request))
    return {"points": [record_json(record) for record in records], "next_page_offset": offset}


async def count(call: Call) -> Json:
    """How many points match."""
    request = engine.CountRequest(exact=True, filter=parse_optional_filter(call.body.get("filter")))
    return {"count": await call.collection.read(lambda shard: shard.count(request))}


async def facet(call: Call) -> Json:
    """The values of an indexed field with the number of points that have each, most points first."""
    request = engine.FacetRequest(
        call.body["key"],
        limit=call.body.get("limit") or DEFAULT_LIMIT,
        exact=True,
        filter=parse_optional_filter(call.body.get("filter")),
    )
    found = await call.collection.read(lambda shard: shard.facet(request))
    return {"hits": [{"value": decode(hit.value), "count": hit.count} for hit in found.hits]}


async def query(call: Call) -> Json:
    """The points nearest to a vector or best by fusion, best first."""
    request = parse_query(call.body)
    points = await call.collection.read(lambda shard: shard.query(request))
    return {"points": [scored_json(point) for point in points]}


async def query_batch(call: Call) -> list[Json]:
    """Several queries at once."""
    searches = call.body["searches"]
    found = await call.collection.read(lambda shard: run_batch(shard, searches))
    return [{"points": [scored_json(point) for point in points]} for points in found]


ROUTES = [
    change_route("PUT", "", operations.upsert),
    change_route("POST", "/delete", operations.delete),
    change_route("POST", "/payload", operations.set_payload),
    change_route("PUT", "/payload", operations.overwrite_payload),
    change_route("POST", "/payload/delete", operations.delete_payload),
    change_route("POST", "/payload/clear", operations.clear_payload),
    route("POST", "/collections/{name}/points/batch", change_batch),
    route("POST", "/collections/{name}/points/scroll", scroll),
    route("POST", "/collections/{name}/points/count", count),
    route("POST", "/collections/{name}/points/query", query),
    route("POST", "/collections/{name}/points/query/batch", query_batch),
    route("POST", "/collections/{name}/facet", facet),
    route("POST", "/collections/{name}/points", retrieve),
    route("GET", "/collections/{name}/points/{id}", retrieve_one),
]
