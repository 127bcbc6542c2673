"""A port that a test reserved is a server's alone."""

import socket

import pytest
from tests.ports import free_port


def test_a_port_is_given_once_and_refuses_connections_until_a_server_listens() -> None:
    port, other = free_port(), free_port()
    assert port != other
    for _ in range(2):  # as a server that is started again
        with socket.socket() as client, pytest.raises(ConnectionRefusedError):
            client.connect(("127.0.0.1", port))
        with socket.create_server(("127.0.0.1", port)), socket.socket() as client:
            client.connect(("127.0.0.1", port))
