"""What is told of a Redis whose append-only file fails."""

from prometheus_client import REGISTRY

from rag_workloads.api import measures
from rag_workloads.api.measures import Seen


def failing(step: str) -> float | None:
    return REGISTRY.get_sample_value("redis_append_only_failing", {"step": step})


def test_a_write_that_failed_is_told() -> None:
    info = {"aof_enabled": 1, "aof_last_write_status": "err", "aof_last_bgrewrite_status": "ok"}
    measures.tell(Seen({}, {}, {}, info))
    assert (failing("write"), failing("rewrite")) == (1, 0)


def test_of_a_redis_without_such_a_file_nothing_is_told() -> None:
    info = {"aof_enabled": 0, "aof_last_write_status": "ok", "aof_last_bgrewrite_status": "ok"}
    measures.tell(Seen({}, {}, {}, info))
    assert (failing("write"), failing("rewrite")) == (None, None)
