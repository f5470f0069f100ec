"""A local WSGI server on 127.0.0.1 that records every call and can be told to fail.

Calls and faults are named as the SDK names the operation: ``iot.list_policies``,
``iothub.iot_hub_resource.list_by_subscription``, ``pubsub.projects.topics.list``, ``clearblade.registries.list``.
"""

from __future__ import annotations

import io
import socket
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal
from wsgiref.handlers import SimpleHandler
from wsgiref.headers import Headers

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

CANARY = "lab-canary-secret"
"""Planted in every reply that would hold a secret in a real cloud. It must appear nowhere in what a scan writes."""

Kind = Literal["deny", "throttle", "error", "slow", "cut", "malformed", "refuse"]


@dataclass(frozen=True)
class Fault:
    """What an operation does instead of answering.

    ``times`` limits how often (0: always); ``seconds`` is the Retry-After of a throttle and the delay of a slow answer.
    ``refuse`` answers with a ``status`` and the provider's own ``code`` and ``message``, worded as the provider words
    them; where that is not enough, ``body`` is the whole answer in JSON.
    """

    kind: Kind
    times: int = 0
    seconds: float = 0.0
    status: int = 403
    code: str = ""
    message: str = ""
    body: str = ""


@dataclass
class Switchboard:
    """The calls a cloud has seen and the faults that are switched on, by operation name."""

    calls: Counter[str] = field(default_factory=Counter)
    faults: dict[str, Fault] = field(default_factory=dict)
    _fired: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def seen(self, operation: str) -> Fault | None:
        """Records a call and returns the fault that is to happen, if one is."""
        with self._lock:
            self.calls[operation] += 1
            fault = self.faults.get(operation)
            if fault is None or (fault.times and self._fired[operation] >= fault.times):
                return None
            self._fired[operation] += 1
            return fault

    def clear(self) -> None:
        """Forgets all calls and faults."""
        with self._lock:
            self.calls.clear()
            self.faults.clear()
            self._fired.clear()


class _Answer(SimpleHandler):
    """One answer. Where it does not say how long it is, its end is the end of the connection."""

    http_version = "1.1"
    headers: Headers

    def __init__(self, connection: _Connection, body: bytes, environ: dict[str, Any]) -> None:
        out: Any = connection.wfile
        super().__init__(io.BytesIO(body), out, sys.stderr, environ, multithread=True)
        self.os_environ = {}
        self._connection = connection

    def get_scheme(self) -> str:
        """As the connection is, which werkzeug knows."""
        return str(self.base_env["wsgi.url_scheme"])

    def cleanup_headers(self) -> None:
        """Adds the length of the body, if it is known."""
        super().cleanup_headers()
        if "Content-Length" not in self.headers:
            self.headers["Connection"] = "close"
            self._connection.close_connection = True


class _Connection(WSGIRequestHandler):
    """A connection that is kept for the next request, as every cloud keeps it; werkzeug's own closes it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def run_wsgi(self) -> None:
        """Answers one request, whose body is read to its end, so that the next one can be told from it."""
        environ = self.make_environ()
        body = self.rfile.read(int(environ.get("CONTENT_LENGTH") or 0))
        _Answer(self, body, environ).run(self.server.app)

    def finish(self) -> None:
        """Ends the connection, whoever cut it."""
        with suppress(OSError):
            super().finish()

    def log(self, type: str, message: str, *args: Any) -> None:
        """The lab says nothing on the terminal."""


class Server:
    """One WSGI application on a free port of 127.0.0.1, with or without TLS."""

    def __init__(self, app: Callable[..., Iterable[bytes]], tls: ssl.SSLContext | None = None) -> None:
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", 0, app, threaded=True, ssl_context=tls, request_handler=_Connection
        )
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.port: int = self._server.server_port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serves in a thread until :meth:`stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Stops serving and frees the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def failing(
    fault: Fault, request: Request, deny: Response, throttle: Response, refuse: Response | None = None
) -> Response | None:
    """The answer of a fault, in the provider's own words for deny, throttle and refuse; None: answer as usual, but late."""
    if fault.kind == "refuse" and fault.body:
        return Response(fault.body, status=fault.status, content_type="application/json")
    if fault.kind == "refuse":
        return refuse
    if fault.kind == "deny":
        return deny
    if fault.kind == "throttle":
        throttle.headers["Retry-After"] = str(int(fault.seconds))
        return throttle
    if fault.kind == "error":
        return Response("<html>internal error</html>", status=500, content_type="text/html")
    if fault.kind == "malformed":
        return Response('{"value": [{"id": ', status=200, content_type="application/json")
    if fault.kind == "cut":
        sock = request.environ.get("werkzeug.socket")
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)
        return Response("", status=500)
    time.sleep(fault.seconds)
    return None
