"""Ports of 127.0.0.1 for servers that a test starts."""

import socket

_kept: list[socket.socket] = []


def free_port() -> int:
    """A TCP port that nobody uses now, and that nobody else is given while this process runs.

    A socket stays bound to it, but never listens: connections are refused, and a server that shares addresses
    as servers do (SO_REUSEADDR or SO_REUSEPORT) may bind it and listen, again and again.
    """
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    keeper.bind(("127.0.0.1", 0))
    _kept.append(keeper)
    return int(keeper.getsockname()[1])
