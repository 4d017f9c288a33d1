"""Ports for programs that start later: free, below those of outgoing connections, and each given once."""

import socket

import pytest

from devnet import ports
from devnet.ports import free_port


def test_a_free_port_can_be_listened_on() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))


def test_no_port_is_given_twice_though_nothing_listens_on_it_yet() -> None:
    given = [free_port() for _ in range(300)]
    assert len(set(given)) == len(given)


def test_no_outgoing_connection_is_given_such_a_port() -> None:
    """Else a chain's client could take a node's port between its plan and its start."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        for _ in range(50):
            with socket.create_connection(server.getsockname()) as connection:
                assert connection.getsockname()[1] not in ports.PORTS


def test_a_port_in_use_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, other = free_port(), free_port()
    monkeypatch.setattr(ports, "_given", set())
    monkeypatch.setattr(ports, "PORTS", (taken, other))
    with socket.create_server(("127.0.0.1", taken)):
        assert free_port() == other
        with pytest.raises(OSError, match="no free port"):
            free_port()
