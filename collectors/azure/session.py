"""Azure through its own SDK: ARM by the management clients, IoT Hub's twin queries by azure-core's pipeline.

Every request passes one pipeline whose last policy refuses what is not a read, so nothing here can write.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DeserializationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import (
    BearerTokenCredentialPolicy,
    ContentDecodePolicy,
    CustomHookPolicy,
    HeadersPolicy,
    ProxyPolicy,
    RequestIdPolicy,
    RetryPolicy,
    SansIOHTTPPolicy,
    UserAgentPolicy,
)
from azure.core.rest import HttpRequest

from collectors.azure import refusals
from collectors.azure.account import FIND, SUBSCRIPTIONS
from collectors.operation import Absent, Notes, Operation, ReadFailed, Undeclared
from collectors.provider import NoTarget, Scopes, find_seconds, within
from collectors.rate_limit import RateLimiter
from collectors.scope import Scope

CLIENTS = {
    "authorization": ("azure.mgmt.authorization", "AuthorizationManagementClient"),
    "iothub": ("azure.mgmt.iothub", "IotHubClient"),
    "iothubprovisioningservices": ("azure.mgmt.iothubprovisioningservices", "IotDpsClient"),
    "monitor": ("azure.mgmt.monitor", "MonitorManagementClient"),
    "storage": ("azure.mgmt.storage", "StorageManagementClient"),
    "subscriptions": ("azure.mgmt.resource.subscriptions", "SubscriptionClient"),
}
"""The SDK client behind the first part of an operation's name."""

CLOUDS = {
    "public": ("https://management.azure.com", "https://login.microsoftonline.com", "https://iothubs.azure.net"),
    "usgov": ("https://management.usgovcloudapi.net", "https://login.microsoftonline.us", "https://iothubs.azure.us"),
    "china": ("https://management.chinacloudapi.cn", "https://login.chinacloudapi.cn", "https://iothubs.chinacloudapi.cn"),
}  # fmt: skip
"""Per cloud: ARM, the authority, and the audience of IoT Hub's service API."""

HUBS = "iothub.iot_hub_resource.list_by_subscription"
"""Its reply tells which hubs do not let every address in."""
QUERY_VERSION = "2021-04-12"
STATES = {
    "Deleted": "nothing of it can be read",
    "Disabled": "what it holds can be read, but its services are off",
    "Expired": "what it holds can be read, but its services are off",
    "PastDue": "it will be disabled unless its bill is paid",
    "Warned": "what it holds can be read; it will be disabled soon",
}
"""What may be asked of a subscription that is not enabled ("Azure subscription states")."""
ATTEMPTS = 3
LONGEST_WAIT = 60.0
"""Seconds. A longer Retry-After is cut to this, so that one throttled list cannot hold a scan for hours."""
CONNECT_SECONDS = 5.0

SECRET = re.compile(
    r"(primary|secondary|account|access|symmetric|shared)_?key$|password|secret|sas_?token", re.IGNORECASE
)
CONNECTION = re.compile(r"connection_?string$", re.IGNORECASE)
PUBLIC_PARTS = frozenset({"accountname", "blobendpoint", "endpoint", "endpointsuffix", "entitypath", "hostname"})
"""Parts of a connection string that name a place. Every other part is dropped."""
REDACTED = "***"


class Retry(RetryPolicy[Any, Any]):
    """The SDK's retries, with a bound on the time a service may ask to wait."""

    def get_retry_after(self, response: PipelineResponse[Any, Any]) -> float | None:
        """Seconds to wait, as the service asks, but never more than a minute."""
        seconds = super().get_retry_after(response)
        return min(seconds, LONGEST_WAIT) if seconds else seconds


class Guard(SansIOHTTPPolicy[Any, Any]):
    """The last policy before the wire: paces each attempt, and lets through reads at the expected host only."""

    def __init__(self, pace: RateLimiter, api: str, method: str, host: str = "", path: str = "") -> None:
        self._pace, self._api, self._method, self._host, self._path = pace, api, method, host, path

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Raises Undeclared for a request that is not a read, ReadFailed for a page that lies at a foreign host."""
        http, url = request.http_request, urlsplit(request.http_request.url)
        if http.method != self._method or not url.path.endswith(self._path):
            raise Undeclared(f"azure: {http.method} is refused, the scanner only reads")
        if self._host and url.netloc != self._host and not url.netloc.endswith(f".{self._host}"):
            raise ReadFailed("failed", "ForeignNextLink", "the next page lies at another host")
        self._pace.wait("global", self._api or url.netloc)


class Azure:
    """The transport of one subscription."""

    def __init__(
        self,
        account: str,
        settings: Mapping[str, Any],
        operations: tuple[Operation, ...],
        pace: RateLimiter,
        quick: bool = False,
    ) -> None:
        self._account, self._settings, self._pace = account, settings, pace
        self._declared = {operation.name for operation in operations}
        self._arm, self._authority, self._audience = endpoints(settings)
        self._retries = 0 if quick else ATTEMPTS - 1
        self._transport = transport(settings, quick)
        self._credential: TokenCredential = credential(settings, quick)[0]
        self._clients: dict[str, Any] = {}
        self._closed: frozenset[str] = frozenset()
        self.options: Mapping[str, Any] = {"cloud": settings.get("cloud") or "public"}

    def send(self, operation: Operation, region: str, params: Mapping[str, Any]) -> Iterator[Any]:
        """Yields the items of every page, or the one object, as ARM sent them but for their secrets."""
        if operation.name not in self._declared:
            raise Undeclared(f"azure: {operation.name} is not declared")
        service, _, rest = operation.name.partition(".")
        pages = self._query(**params) if service == "iothubdata" else self._read(service, rest, params)
        while True:
            try:
                page = next(pages, None)
                if page is None:
                    return
                items = items_of(page, operation.items)
            except (Absent, ReadFailed, Undeclared):
                raise
            except Exception as error:
                closed = params.get("host") in self._closed
                failure = classified(error, operation, params, closed)
                if failure.code in operation.absent:
                    raise Absent(failure.code) from None
                raise failure from None
            if operation.name == HUBS:
                self._closed |= {host for hub in items for host in closed_hosts(hub)}
            yield from items

    def client(self, service: str) -> Any:
        """The SDK's own client for one service."""
        if service not in self._clients:
            from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

            module, name = CLIENTS[service]
            scope = f"{CLOUDS[self.options['cloud']][0]}/.default"
            guard = Guard(self._pace, service, "GET", host=urlsplit(self._arm).netloc)
            arguments = () if service == "subscriptions" else (self._account,)
            self._clients[service] = getattr(import_module(module), name)(
                self._credential,
                *arguments,
                base_url=self._arm,
                credential_scopes=[scope],
                policies=self._policies(ARMChallengeAuthenticationPolicy(self._credential, scope), guard),
                **self._transport,
            )
        return self._clients[service]

    def _policies(self, authentication: Any, guard: Guard) -> list[Any]:
        return [
            RequestIdPolicy(),
            HeadersPolicy({"Accept": "application/json"}),
            UserAgentPolicy(base_user_agent="iotposture"),
            ProxyPolicy(),
            CustomHookPolicy(),
            ContentDecodePolicy(),
            Retry(retry_total=self._retries, retry_connect=self._retries, retry_read=self._retries),
            authentication,
            guard,
        ]

    def _read(self, service: str, name: str, params: Mapping[str, Any]) -> Iterator[Any]:
        """The body of every page of one ARM operation, whatever the SDK, which parses each too, makes of its fields."""
        group, _, method = name.partition(".")
        bodies: list[Any] = []

        def keep(response: PipelineResponse[Any, Any]) -> None:
            if response.http_response.status_code < 300:
                bodies.append(redact(response.context.get(ContentDecodePolicy.CONTEXT_NAME)))

        try:
            reply = getattr(getattr(self.client(service), group), method)(**params, raw_response_hook=keep)
        except DeserializationError:
            yield kept_body(bodies)
            return
        if not hasattr(reply, "by_page"):
            yield bodies.pop()
            return
        pages = reply.by_page()
        while True:
            try:
                if next(pages, None) is None:
                    return
                body = bodies.pop()
            except DeserializationError:  # the SDK gives a page up for one odd field of one item, and so the list
                body = kept_body(bodies)
                if not body.get("nextLink"):
                    yield body
                    return
                pages = reply.by_page(continuation_token=body["nextLink"])
            yield body

    def _query(self, host: str, query: str) -> Iterator[Any]:
        """Every page of a query over the twins of one hub."""
        if not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", host):
            raise ReadFailed("failed", "HostName", "the hub's host name is no host name")
        if "iothubdata" not in self._clients:
            scope = f"{self._audience}/.default"
            guard = Guard(self._pace, "", "POST", path="/devices/query")
            policies = self._policies(BearerTokenCredentialPolicy(self._credential, scope), guard)
            self._clients["iothubdata"] = PipelineClient[Any, Any]("", policies=policies, **self._transport)
        template = self._settings.get("hub_endpoint") or "https://{host}"
        url = f"{template.replace('{host}', host).rstrip('/')}/devices/query"
        token, seen = "", set[str]()
        while True:
            headers = {"x-ms-continuation": token} if token else {}
            request = HttpRequest(
                "POST", url, params={"api-version": QUERY_VERSION}, headers=headers, json={"query": query}
            )
            response = self._clients["iothubdata"].send_request(request, retry_on_methods=["POST"])
            response.raise_for_status()
            self._closed -= {host}  # a hub that answered does not refuse the scanner for its address
            yield redact(response.json())
            token = response.headers.get("x-ms-continuation", "")
            if not token:
                return
            if token in seen:
                raise ReadFailed("failed", "RepeatedContinuation", "the hub gave the same page twice")
            seen.add(token)


def classified(error: Exception, operation: Operation, params: Mapping[str, Any], closed: bool) -> ReadFailed:
    """What an error of the SDK means for the scan. Nothing of its text is kept but what :mod:`refusals` finds in it."""
    name = type(error).__name__
    if isinstance(error, ClientAuthenticationError) and error.response is None:
        if isinstance(error.__cause__ or error.__context__, ServiceRequestError | ServiceResponseError):
            return ReadFailed("failed", name, "the authority does not answer")
        return refusals.no_token(str(error), name)
    if not isinstance(error, HttpResponseError) or error.response is None or error.status_code is None:
        return ReadFailed("failed", name)
    if error.status_code < 300:
        return ReadFailed("failed", name, "the reply cannot be parsed")
    try:
        content = error.response.text()
    except (ValueError, AzureError):
        content = ""
    header = str(getattr(error.response, "headers", {}).get("iothub-errorcode") or "")
    told = refusals.refusal_of(error.status_code, content, header)
    return refusals.failure(told, operation, params, closed=closed)


def closed_hosts(hub: Any) -> Iterator[str]:
    """The host of a hub that does not let every address in.

    Such a hub refuses an address as it refuses a token, and does not say which of them it was ("Use IP filters", and
    "IoT Hub support for virtual networks": the error to expect is Unauthorized).
    """
    properties = hub.get("properties") if isinstance(hub, dict) else None
    properties = properties if isinstance(properties, dict) else {}
    rules = properties.get("networkRuleSets")
    rules = rules if isinstance(rules, dict) else {}
    shut = str(properties.get("publicNetworkAccess")).lower() == "disabled"
    if shut or properties.get("ipFilterRules") or rules.get("ipRules") or rules.get("defaultAction") == "Deny":
        yield str(properties.get("hostName"))


def kept_body(bodies: list[Any]) -> Any:
    """The body that the SDK could not parse. Raises where it is no JSON object."""
    body = bodies.pop()
    if not isinstance(body, dict):
        raise ReadFailed("failed", "NotAnObject")
    return body


def items_of(page: Any, path: str) -> list[Any]:
    """The items of a page: those at the path, the page itself when it is a bare list, or the one object."""
    if isinstance(page, list):
        return page
    if not path:
        return [page]
    for part in path.split("."):
        page = page[part]
    return list(page or [])


def redact(value: Any, field: str = "") -> Any:
    """A copy without secrets: keys and tokens become a marker, connection strings keep the place they name."""
    if isinstance(value, dict):
        return {name: redact(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [redact(inner, field) for inner in value]
    if not value or not isinstance(value, str):
        return value
    if CONNECTION.search(field):
        return place(value)
    return REDACTED if SECRET.search(field) else value


def place(connection: str) -> str:
    """The parts of a connection string that name a place; the marker stands for all others."""
    parts = [part for part in connection.split(";") if part]
    public = [part for part in parts if part.partition("=")[0].strip().lower() in PUBLIC_PARTS and "?" not in part]
    keyed = any(not part.partition("=")[0].strip().lower().endswith("protocol") for part in parts if part not in public)
    return ";".join([*public, REDACTED] if keyed else public)


def endpoints(settings: Mapping[str, Any]) -> tuple[str, str, str]:
    """ARM, the authority and IoT Hub's audience. Raises NoTarget when the settings name a cloud that there is not."""
    cloud = settings.get("cloud") or "public"
    if cloud not in CLOUDS:
        raise NoTarget(f"azure: there is no cloud {cloud!r}; set cloud to one of {', '.join(CLOUDS)}")
    arm, authority, audience = CLOUDS[cloud]
    return (settings.get("endpoint") or arm).rstrip("/"), settings.get("authority") or authority, audience


def transport(settings: Mapping[str, Any], quick: bool) -> dict[str, Any]:
    """Time limits and trust, as the SDK's transport takes them."""
    limits = {
        "connection_timeout": min(find_seconds(settings) / 2, CONNECT_SECONDS) if quick else CONNECT_SECONDS,
        "read_timeout": find_seconds(settings) if quick else float(settings.get("timeout_seconds") or 30),
    }
    return limits | ({"connection_verify": str(settings["ca_bundle"])} if settings.get("ca_bundle") else {})


def credential(settings: Mapping[str, Any], quick: bool = False) -> tuple[TokenCredential, str]:
    """A credential and the name of its source. Nothing is asked of the network. Raises NoTarget when there is none."""
    arm, authority, _ = endpoints(settings)
    tenant = str(settings.get("tenant") or os.environ.get("AZURE_TENANT_ID") or "")
    client = os.environ.get("AZURE_CLIENT_ID", "")
    options: dict[str, Any] = {
        "authority": authority,
        "disable_instance_discovery": bool(settings.get("authority")),
        "retry_total": 0 if quick else ATTEMPTS - 1,
        **transport(settings, quick),
    }
    if tenant and client:
        from azure import identity

        if secret := os.environ.get("AZURE_CLIENT_SECRET"):
            return identity.ClientSecretCredential(tenant, client, secret, **options), "AZURE_CLIENT_SECRET"
        if path := os.environ.get("AZURE_CLIENT_CERTIFICATE_PATH"):
            password = os.environ.get("AZURE_CLIENT_CERTIFICATE_PASSWORD")
            certificate = identity.CertificateCredential(tenant, client, path, password=password, **options)
            return certificate, "AZURE_CLIENT_CERTIFICATE_PATH"
        if path := os.environ.get("AZURE_FEDERATED_TOKEN_FILE"):
            federated = identity.WorkloadIdentityCredential(
                tenant_id=tenant, client_id=client, token_file_path=path, **options
            )
            return federated, "AZURE_FEDERATED_TOKEN_FILE"
    if settings.get("instance_metadata"):
        from azure.identity import ManagedIdentityCredential

        managed = ManagedIdentityCredential(
            client_id=client or None, retry_total=0, connection_timeout=1.0, read_timeout=1.5
        )
        return managed, "managed identity"
    if shutil.which("az") and signed_in():
        from azure.identity import AzureCliCredential

        return AzureCliCredential(tenant_id=tenant, process_timeout=30), "Azure CLI"
    raise NoTarget(
        f"azure: no credential for {arm} (tried the environment and the Azure CLI); "
        "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or run `az login`"
    )


def signed_in() -> list[Mapping[str, Any]]:
    """The subscriptions of the Azure CLI's own sign-in, from its profile file; none when nobody is signed in."""
    folder = Path(os.environ.get("AZURE_CONFIG_DIR") or Path.home() / ".azure")
    try:
        profile = json.loads((folder / "azureProfile.json").read_text("utf-8-sig"))
    except (OSError, ValueError):
        return []
    listed = profile.get("subscriptions") if isinstance(profile, dict) else None
    return [one for one in listed or [] if isinstance(one, dict) and one.get("id")]


def find(settings: Mapping[str, Any]) -> Scopes:
    """One scope per subscription: those of the settings, else every one that the credential can list.

    The Azure CLI needs more than a second for a token, so its own list of subscriptions is taken from its profile. A
    deleted subscription is told once and not scanned: it answers nothing. One that is not enabled is told once, too.
    Raises NoTarget within :func:`find_seconds`.
    """
    _, source = credential(settings, quick=True)
    wanted = [str(one) for one in settings.get("subscriptions") or []]
    if source == "Azure CLI":
        tenant = settings.get("tenant")
        held = [one for one in signed_in() if not tenant or one.get("tenantId") == tenant]
        found = {str(one["id"]): plain_state(one.get("state")) for one in held}
    else:
        found = subscriptions_of(settings, source)
    if not wanted and not found:
        raise NoTarget(f"azure: {source} sees no subscription at {endpoints(settings)[0]}; assign it the Reader role")
    chosen = sorted(set(wanted or found))
    notes, lines = Notes(), []
    for subscription in chosen:
        state = found.get(subscription, "")
        if state not in ("", "Enabled"):
            lines.append(f"azure: subscription {subscription} is in state {state}: {STATES.get(state, 'it may fail')}")
        if state == "Deleted":
            scope = Scope("azure", subscription, "global")
            gone = ReadFailed("unavailable", "Deleted", "the subscription was deleted")
            notes.cover(scope, "global", SUBSCRIPTIONS, gone)
            lines[-1] += "; it is not scanned"
    rows = list(notes.coverage.values())
    scopes = [Scope("azure", one, "global") for one in chosen if found.get(one) != "Deleted"]
    if not scopes:
        raise NoTarget("\n".join(lines))
    return Scopes(scopes, rows, lines)


def subscriptions_of(settings: Mapping[str, Any], source: str) -> dict[str, str]:
    """The state of every subscription that the credential can list. Raises NoTarget when ARM does not say so in time."""
    arm = endpoints(settings)[0]

    def ask() -> dict[str, str]:
        session = Azure("", settings, FIND, RateLimiter(), quick=True)
        asked = session.send(SUBSCRIPTIONS, "global", {})
        return {str(one["subscriptionId"]): plain_state(one.get("state")) for one in asked}

    try:
        return within(find_seconds(settings), ask)
    except (ReadFailed, TimeoutError) as error:
        code = error.code if isinstance(error, ReadFailed) else f"no answer in {find_seconds(settings):g} s"
        raise NoTarget(f"azure: {source} at {arm}: {code}; set AZURE_TENANT_ID, AZURE_CLIENT_ID, endpoint") from None


def plain_state(told: Any) -> str:
    """A subscription's state, one plain word; empty where it is none."""
    return told if isinstance(told, str) and re.fullmatch(r"[A-Za-z]{1,20}", told) else ""


def connect(account: str, settings: Mapping[str, Any], operations: tuple[Operation, ...], pace: RateLimiter) -> Azure:
    """A session for one subscription. Raises NoTarget without a credential."""
    return Azure(account, settings, operations, pace)
