"""Loopback ports for programs that start later."""

import errno
import secrets
import socket
from typing import Final

PORTS: Final = range(10_240, 32_768)
"""Below those that a system gives to outgoing connections (from 32,768 on Linux, from 49,152 on macOS): a port of
theirs may be taken by any connection that is made before its listener starts."""
_given: set[int] = set()


def free_port() -> int:
    """A port that nothing listens on at this moment, and that this process was not given before.

    Raises:
        OSError: EADDRINUSE, if there is none left.
    """
    first = secrets.randbelow(len(PORTS))
    for place in range(len(PORTS)):
        port = PORTS[(first + place) % len(PORTS)]
        if port not in _given and _bindable(port):
            _given.add(port)
            return port
    raise OSError(errno.EADDRINUSE, "no free port on loopback")


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True
