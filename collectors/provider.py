"""What every provider's ``session.py`` offers, and how a scan finds what it may look at."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, Protocol, cast

from collectors.operation import Operation, Session
from collectors.rate_limit import Pace
from collectors.scope import Scope


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
        self, account: str, settings: Mapping[str, Any], operations: tuple[Operation, ...], pace: Pace
    ) -> Session:
        """A session for one account that refuses every operation but those given."""


PACKAGES = {
    "aws": ("boto3", "aws"),
    "azure": ("azure.identity", "azure"),
    "gcp": ("googleapiclient", "gcp"),
    "clearblade": ("httpx", "gcp"),
}
"""Per provider: a package that must be importable, and the extra that installs it."""


WIRE_LOGGERS = ("azure", "boto3", "botocore", "google", "googleapiclient", "httpcore", "httpx", "requests", "urllib3")
"""Loggers whose debug lines hold whole requests and replies, secrets included; no level below warning is heard."""


def provider(name: str) -> Provider:
    """The provider's session module. Raises NoTarget when its SDK is not installed."""
    package, extra = PACKAGES[name]
    for wire in WIRE_LOGGERS:
        logging.getLogger(wire).setLevel(logging.WARNING)
    try:
        return cast("Provider", import_module(f"collectors.{name}.session"))
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(package.split(".")[0]):
            raise
        raise NoTarget(f"{name}: package {package} is not installed; install iotposture[{extra}]") from error
