"""Routes about collections and their payload indexes."""

from typing import Any

from rag_standins.embedded_qdrant.calls import Call, Json, route
from rag_standins.embedded_qdrant.operations import create_index, delete_index

COMPLETED = {"operation_id": None, "status": "completed"}


async def list_collections(call: Call) -> Json:
    """Names of all collections."""
    return {"collections": [{"name": name} for name in call.store.collections]}


async def create_collection(call: Call) -> bool:
    """Create a collection."""
    await call.store.create(call.path["name"], call.body)
    return True


async def update_collection(call: Call) -> bool:
    """Merge `metadata`; all else that may be updated is tuning, which this server does not do."""
    await call.collection.update_metadata(call.body.get("metadata") or {})
    return True


async def delete_collection(call: Call) -> bool:
    """Delete a collection; false if there was none."""
    return await call.store.delete(call.path["name"])


async def collection_exists(call: Call) -> Json:
    """Whether there is such a collection."""
    return {"exists": call.path["name"] in call.store.collections}


async def describe_collection(call: Call) -> Json:
    """Configuration and counts."""
    collection = call.collection
    info = await collection.read(lambda shard: shard.info())
    schema = {
        field: {"data_type": str(index.data_type).rpartition(".")[2].lower(), "points": index.points}
        for field, index in info.payload_schema.items()
    }
    return {
        "status": "green",
        "optimizer_status": "ok",
        "points_count": info.points_count,
        "indexed_vectors_count": info.indexed_vectors_count,
        "segments_count": info.segments_count,
        "payload_schema": schema,
        "config": _config(collection.config),
    }


async def create_field_index(call: Call) -> Json:
    """Index a payload field; again is fine."""
    await call.collection.change([create_index(call.body)])
    return COMPLETED


async def delete_field_index(call: Call) -> Json:
    """Drop the index of a payload field."""
    await call.collection.change([delete_index(call.path["field"])])
    return COMPLETED


def _config(config: Json) -> Json:
    """As clients expect it. `m` and `indexing_threshold` are 0: no graph, every search is exact."""
    answer: dict[str, Any] = {
        "params": {
            "vectors": config["vectors"],
            "sparse_vectors": config.get("sparse_vectors"),
            "shard_number": 1,
            "replication_factor": 1,
        },
        "hnsw_config": {"m": 0, "ef_construct": 100, "full_scan_threshold": 10_000},
        "optimizer_config": {
            "deleted_threshold": 0.2,
            "vacuum_min_vector_number": 1000,
            "default_segment_number": 0,
            "indexing_threshold": 0,
            "flush_interval_sec": 5,
        },
        "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
    }
    return answer | ({"metadata": config["metadata"]} if config["metadata"] else {})


ROUTES = [
    route("GET", "/collections", list_collections),
    route("PUT", "/collections/{name}", create_collection),
    route("GET", "/collections/{name}", describe_collection),
    route("PATCH", "/collections/{name}", update_collection),
    route("DELETE", "/collections/{name}", delete_collection),
    route("GET", "/collections/{name}/exists", collection_exists),
    route("PUT", "/collections/{name}/index", create_field_index),
    route("DELETE", "/collections/{name}/index/{field:path}", delete_field_index),
]
