"""The children that hold the data of a pipeline, and what follows from stores elsewhere."""

import pytest
from tests.unit.pipelines import (
    children,
    env_of,
    pod_of,
    secret_data,
)

from rag_operator.names import Manifest


def test_external_stores_leave_no_children_behind() -> None:
    made = children(
        queue={"external": {"urlSecretRef": {"name": "keys", "key": "redis"}}},
        vectorStore={"collection": "docs", "external": {"url": "https://qdrant.example.com"}},
    )
    names = {name for _, name in made}
    assert not names & {"demo-redis", "demo-qdrant", "demo-redis-data", "demo-qdrant-data"}
    assert {"demo-queue", "demo-vector-store"} <= names


def test_redis_reads_its_password_from_a_file_and_stays_below_its_limit() -> None:
    made = children(queue={"managed": {"resources": {"limits": {"memory": "400Mi"}}}})
    args = pod_of(made["StatefulSet", "demo-redis"])["containers"][0]["args"]
    assert args[:2] == ["redis-server", "/etc/redis/redis.conf"]
    assert args[args.index("--maxmemory") + 1] == str(300 * 2**20)
    assert secret_data(made["Secret", "demo-queue"])["redis.conf"] == "requirepass redis-password\n"


@pytest.mark.parametrize(
    ("queue", "mebibytes"),
    [
        ({"managed": {"resources": {"limits": {"memory": "400Mi"}}}}, 75),
        ({"external": {"urlSecretRef": {"name": "keys", "key": "redis"}}}, 64),
    ],
)
def test_batches_take_a_quarter_of_redis(queue: Manifest, mebibytes: int) -> None:
    worker = children(queue=queue)["Deployment", "demo-worker"]
    assert env_of(worker)["MAX_BYTES_IN_FLIGHT"] == str(mebibytes << 20)


def test_redis_lives_but_is_not_ready_while_it_loads_its_file() -> None:
    redis = pod_of(children()["StatefulSet", "demo-redis"])["containers"][0]
    fails_on_an_error = {
        probe: "-e" in redis[probe]["exec"]["command"] for probe in redis if "Probe" in probe
    }
    assert fails_on_an_error == {"startupProbe": False, "livenessProbe": False, "readinessProbe": True}
