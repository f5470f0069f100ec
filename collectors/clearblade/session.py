"""ClearBlade IoT Core over its documented REST API.

ClearBlade's own package answers None to a denied call and keeps the first registry's credentials for all others, so
the API is asked directly. What `getRegistryCredentials` returns never leaves this module.
"""

from __future__ import annotations

import json
import os
import ssl
import threading
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from collectors.clearblade.account import DEVICES, FIND, REGIONS, REGISTRIES
from collectors.endpoint import InTheClear, encrypted
from collectors.operation import Operation, ReadFailed, Undeclared
from collectors.provider import NoTarget, find_seconds, within
from collectors.rate_limit import RateLimiter
from collectors.scope import Scope

ATTEMPTS = 3
CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
LONGEST_WAIT = 30.0
"""Seconds. A longer Retry-After is cut to this."""

PATHS = {
    "clearblade.registries.list": "cloudiot",
    "clearblade.devices.list": "cloudiot_devices",
}
FIELDS = (
    "id,numId,credentials,blocked,logLevel,gatewayConfig,"
    "lastHeartbeatTime,lastEventTime,lastStateTime,lastConfigAckTime,lastErrorTime"
)
"""The field mask of a device list: without one, only ``id`` and ``numId`` come back."""
SECRETS = frozenset({"binaryData", "serviceAccountToken", "systemKey", "token"})


@dataclass(frozen=True)
class Key:
    """Where to ask and what to prove it with. Neither part is ever shown."""

    url: str
    system: str = field(repr=False)
    token: str = field(repr=False)


class Again(Exception):
    """An answer that is worth another try, with the seconds that the service asked to wait."""

    def __init__(self, code: str, wait: float = 0.0) -> None:
        super().__init__(code)
        self.code, self.wait = code, wait


def patience(state: RetryCallState) -> float:
    """Seconds before the next try: what the service asked for, or a growing pause."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait if isinstance(error, Again) else 0.0
    return min(LONGEST_WAIT, max(asked, wait_exponential(multiplier=0.25, max=4)(state)))


def scrubbed(value: Any) -> Any:
    """The reply without its secrets."""
    if isinstance(value, dict):
        return {key: "***" if key in SECRETS else scrubbed(inner) for key, inner in value.items()}
    return [scrubbed(inner) for inner in value] if isinstance(value, list) else value


def guard(request: httpx.Request) -> None:
    """Raises :class:`Undeclared` for a request that is not a read."""
    reads = request.method == "GET" or (
        request.method == "POST"
        and request.url.path.endswith("/getRegistryCredentials")
        and "/api/v/1/code/" in request.url.path
    )
    if not reads:
        raise Undeclared(f"{request.method} {request.url.path.rpartition('/')[2]} is not a read")


class ClearBladeSession:
    """One ClearBlade project. Replies are Cloud IoT v1 JSON without secrets."""

    def __init__(
        self,
        account: str,
        settings: Mapping[str, Any],
        operations: tuple[Operation, ...],
        pace: RateLimiter,
        key: Key,
        timeout: httpx.Timeout,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.options: Mapping[str, Any] = settings
        self._account, self._declared, self._pace = account, {op.name for op in operations}, pace
        self._key, self._attempts = key, attempts
        self._fixed_url = str(settings.get("endpoint") or "")
        self._registries: dict[str, Key] = {}
        self._lock = threading.Lock()
        bundle = settings.get("ca_bundle")
        self._http = httpx.Client(
            timeout=timeout,
            verify=ssl.create_default_context(cafile=bundle) if bundle else True,
            event_hooks={"request": [guard]},
            follow_redirects=False,
        )
        weakref.finalize(self, self._http.close)

    def send(self, operation: Operation, region: str, params: Mapping[str, Any]) -> Iterator[Any]:
        """Yields the items of every page, or the one object; raises ReadFailed."""
        if operation.name not in self._declared:
            raise Undeclared(f"{operation} was not declared for this session")
        if operation.name == "clearblade.registries.credentials":
            self._open(str(params["registry"]), region)
            yield {"registry": params["registry"]}
            return
        asked = dict(operation.fixed) | dict(params)
        key = self._key
        if operation.name == DEVICES.name:
            asked["fieldMask"] = FIELDS
            key = self._open(str(params["parent"]), region)
        seen = {""}
        while True:
            url = f"{key.url}/api/v/4/webhook/execute/{key.system}/{PATHS[operation.name]}"
            page = self._ask(region, "GET", url, key, params=asked)
            items = page.get(operation.items, [])
            if "error" in page or not isinstance(items, list):
                raise ReadFailed("failed", "NotAList")
            yield from scrubbed(items)
            token = str(page.get("nextPageToken") or "")
            if not token:
                return
            if token in seen:
                raise ReadFailed("failed", "PageTokenRepeated")
            seen.add(token)
            asked["pageToken"] = token

    def _open(self, registry: str, region: str) -> Key:
        """The credentials of one registry, asked for once; they stay here."""
        with self._lock:
            if registry not in self._registries:
                _, project, _, location, _, name = registry.split("/")
                url = f"{self._key.url}/api/v/1/code/{self._key.system}/getRegistryCredentials"
                body = {"project": project, "region": location, "registry": name}
                found = self._ask(region, "POST", url, self._key, json=body)
                try:
                    where = self._fixed_url or str(found["url"])
                    self._registries[registry] = Key(
                        where.rstrip("/"), str(found["systemKey"]), str(found["serviceAccountToken"])
                    )
                except KeyError:
                    raise ReadFailed("failed", "NoCredentials") from None
            return self._registries[registry]

    def _ask(self, region: str, method: str, url: str, key: Key, **more: Any) -> dict[str, Any]:
        """One reply, tried up to three times."""
        tries = Retrying(
            stop=stop_after_attempt(self._attempts),
            wait=patience,
            retry=retry_if_exception_type(Again),
            reraise=True,
        )
        try:
            reply: httpx.Response = tries(self._try, region, method, url, key, more)
        except Again as error:
            raise ReadFailed("failed", error.code, cause="quota" if error.code == "HTTP 429" else "") from None
        except httpx.HTTPError as error:
            raise ReadFailed("failed", type(error).__name__) from None
        except (httpx.InvalidURL, ValueError, TypeError) as error:
            raise ReadFailed("failed", type(error).__name__) from None
        status = reply.status_code
        if status != httpx.codes.OK:
            raise refused(status)
        try:
            page = reply.json()
        except ValueError as error:
            raise ReadFailed("failed", type(error).__name__) from None
        if not isinstance(page, dict):
            raise ReadFailed("failed", "NotAnObject")
        return page

    def _try(self, region: str, method: str, url: str, key: Key, more: dict[str, Any]) -> httpx.Response:
        self._pace.wait(region, "clearblade")
        try:
            reply = self._http.request(method, url, headers={"ClearBlade-UserToken": key.token}, **more)
        except httpx.TransportError as error:
            raise Again(type(error).__name__) from None
        if reply.status_code == 429 or reply.status_code >= 500:
            asked = reply.headers.get("Retry-After", "")
            raise Again(f"HTTP {reply.status_code}", float(asked) if asked.isdigit() else 0.0)
        return reply


def refused(status: int) -> ReadFailed:
    """What a status without a usable answer comes to."""
    code = f"HTTP {status}"
    if status == httpx.codes.UNAUTHORIZED:
        return ReadFailed("failed", code, cause="credentials_ended")
    return ReadFailed("denied" if status == httpx.codes.FORBIDDEN else "failed", code)


def configuration(settings: Mapping[str, Any]) -> tuple[Key, str, str]:
    """The credentials, the project, and where they were found. Raises NoTarget when there are none."""
    named, from_env = str(settings.get("configuration") or ""), os.environ.get("CLEARBLADE_CONFIGURATION", "")
    said = "settings clearblade.configuration" if named else "CLEARBLADE_CONFIGURATION"
    if not (named or from_env):
        raise NoTarget(
            "clearblade: no credential: set clearblade.configuration or CLEARBLADE_CONFIGURATION to the path of the "
            "service account file from ClearBlade's console"
        )
    try:
        found = json.loads(Path(named or from_env).read_text())
        url = encrypted(str(settings.get("endpoint") or found["url"]).rstrip("/"))
        return Key(url, str(found["systemKey"]), str(found["token"])), str(found["project"]), said
    except InTheClear as error:
        raise NoTarget(f"clearblade: the file of {said}: {error}") from None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise NoTarget(f"clearblade: the file of {said} cannot be used ({type(error).__name__})") from None


def find(settings: Mapping[str, Any]) -> list[Scope]:
    """The project's regions, after one page of registries proved the credential; raises NoTarget."""
    key, project, said = configuration(settings)
    regions = list(settings.get("regions") or REGIONS)
    session = ClearBladeSession(
        project, settings, FIND, RateLimiter(), key, httpx.Timeout(find_seconds(settings), connect=1.0), attempts=1
    )
    tried = f"clearblade: project {project}, credential from {said}, {key.url}"
    first = {"parent": f"projects/{project}/locations/{regions[0]}"}
    try:
        within(find_seconds(settings), lambda: next(session.send(REGISTRIES, regions[0], first), None))
    except TimeoutError:
        late = f"no answer within {find_seconds(settings):g} seconds; check clearblade.endpoint or the network"
        raise NoTarget(f"{tried}: {late}") from None
    except ReadFailed as error:
        if error.cause == "credentials_ended":
            raise NoTarget(f"{tried}: the token was refused; set clearblade.configuration") from None
        if error.outcome != "denied":
            raise NoTarget(f"{tried}: {error.code}; check clearblade.configuration and clearblade.endpoint") from None
    return [Scope("clearblade", project, region) for region in regions]


def connect(
    account: str, settings: Mapping[str, Any], operations: tuple[Operation, ...], pace: RateLimiter
) -> ClearBladeSession:
    """A session for one project that refuses every operation but those given."""
    key, _, _ = configuration(settings)
    seconds = float(settings.get("timeout_seconds") or READ_SECONDS)
    timeout = httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))
    return ClearBladeSession(account, settings, operations, pace, key, timeout)
