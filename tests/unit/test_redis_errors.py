"""Which errors of Redis are outages."""

import pytest

from rag_workloads.jobs.redis_errors import AWAY, Parser


@pytest.mark.parametrize(
    ("reply", "away"),
    [
        ("LOADING Redis is loading the dataset in memory", True),
        ("OOM command not allowed when used memory > 'maxmemory'.", True),
        ("READONLY You can't write against a read only replica.", True),
        ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", True),
        ("CLUSTERDOWN The cluster is down", True),
        ("TRYAGAIN Multiple keys request during rehashing of slot", True),
        ("MISCONF Errors writing to the AOF file: No space left on device", True),
        ("NOREPLICAS Not enough good replicas to write.", True),
        ("BUSY Redis is busy running a script.", True),
        ("UNBLOCKED force unblock from blocking operation, instance state changed", True),
        ("ERR max number of clients reached", True),
        ("NOAUTH Authentication required.", True),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", False),
        ("NOPERM this user has no permissions to run the 'evalsha' command", False),
        ("ERR user_script:1: Script attempted to access nonexistent global variable 'x'", False),
    ],
)
def test_an_outage_passes_and_a_mistake_does_not(reply: str, away: bool) -> None:
    error = Parser.parse_error(reply)
    assert isinstance(error, AWAY) is away
    assert str(error) in reply
    assert str(error)
