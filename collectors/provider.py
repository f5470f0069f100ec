"""What every provider's ``session.py`` offers, and how a scan finds what it may look at."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, TypeVar, cast

from collectors.operation import Operation, Session
from collectors.rate_limit import RateLimiter
from collectors.scope import Scope

T = TypeVar("T")


class NoTarget(Exception):
    """Raised when a cloud cannot be scanned: one line that says the source tried, the endpoint and what to set."""


class Scopes(list[Scope]):
    """Scopes that can be scanned, with the coverage of what was asked to find them and one line per thing refused."""

    def __init__(
        self, scopes: Iterable[Scope] = (), coverage: Iterable[dict[str, str]] = (), lines: Iterable[str] = ()
    ) -> None:
        super().__init__(scopes)
        self.coverage, self.lines = list(coverage), list(lines)


QUICK = 1.5
"""Seconds for a cloud's first answer when nobody asked for the cloud by name: a stray credential must not hold up a scan."""


def find_seconds(settings: Mapping[str, Any]) -> float:
    """Longest wait for a cloud's first answer."""
    return float(settings.get("find_seconds") or QUICK)


class Provider(Protocol):
    """The two functions of a ``session.py``. ``settings`` is the provider's section of the settings, as plain values."""

    def find(self, settings: Mapping[str, Any]) -> list[Scope]:
        """The scopes the credentials reach, asked with one cheap call within :func:`find_seconds`; raises NoTarget.

        Listing an organization takes longer. :class:`Scopes` carries what was refused on the way.
        """

    def connect(
        self, account: str, settings: Mapping[str, Any], operations: tuple[Operation, ...], pace: RateLimiter
    ) -> Session:
        """A session for one account that refuses every operation but those given."""


EXTRAS = {
    "aws": ("boto3", "botocore"),
    "azure": (
        "azure.core", "azure.identity", "azure.mgmt.authorization", "azure.mgmt.core", "azure.mgmt.iothub",
        "azure.mgmt.iothubprovisioningservices", "azure.mgmt.monitor", "azure.mgmt.resource.subscriptions",
        "azure.mgmt.storage",
    ),
    "gcp": (
        "google.api_core", "google.auth", "google.cloud.iot_v1", "google.oauth2", "google.protobuf", "googleapiclient",
        "httplib2", "requests",
    ),
}  # fmt: skip
"""Per extra, named after its provider: the modules that ``session.py`` imports from it, some only when they are needed.
ClearBlade needs none: what asks its REST API is installed with iotposture itself."""


WIRE_LOGGERS = ("azure", "boto3", "botocore", "google", "googleapiclient", "httpcore", "httpx", "requests", "urllib3")
"""Loggers whose debug lines hold whole requests and replies, secrets included; no level below warning is heard."""


def within(seconds: float, ask: Callable[[], T]) -> T:
    """The answer, or TimeoutError when it is not there in time; a name lookup has no time limit of its own."""
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(ask())
        except BaseException as error:  # raised again in the thread that waits
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError
    return answers[0]


def provider(name: str) -> Provider:
    """The provider's session module. Raises NoTarget at once when a package of its extra is not installed."""
    for wire in WIRE_LOGGERS:
        logging.getLogger(wire).setLevel(logging.WARNING)
    if not all(map(installed, EXTRAS.get(name, ()))):
        raise NoTarget(f"{name}: not installed; install with the extra {name}")
    return cast("Provider", import_module(f"collectors.{name}.session"))


def installed(module: str) -> bool:
    """Whether a module can be found. Only the packages above it are imported."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError as error:
        if f"{module}.".startswith(f"{error.name or module}."):  # a package above it is missing
            return False
        raise
