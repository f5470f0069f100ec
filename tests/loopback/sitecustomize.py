"""Loaded by every Python that a test starts: nothing connects to, or looks up, anything but this machine."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

HERE = ("127.0.0.1", "::1", "localhost", "", None)
_connect, _lookup = socket.socket.connect, socket.getaddrinfo


def refuse(host: Any) -> None:
    """Says so where the test sees it, and ends the process: no handler may swallow this."""
    sys.stderr.write(f"LEFT THE MACHINE: {host}\n")
    sys.stderr.flush()
    os._exit(99)


def connect(self: socket.socket, address: Any) -> None:
    """Connects on this machine only."""
    if isinstance(address, tuple) and address[0] not in HERE:
        refuse(address[0])
    _connect(self, address)


def lookup(host: Any, *rest: Any, **more: Any) -> Any:
    """Looks up this machine only."""
    if (host.decode() if isinstance(host, bytes) else host) not in HERE:
        refuse(host)
    return _lookup(host, *rest, **more)


socket.socket.connect = connect  # type: ignore[assignment, method-assign]
socket.getaddrinfo = lookup
