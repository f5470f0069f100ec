"""Google Cloud through google-api-python-client, and Cloud IoT v1 through google-cloud-iot.

Both share one credential and one guard that refuses every request but a read. Cloud IoT Core was retired on
2023-08-16: it is asked only where the settings name an endpoint that still speaks it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import google.auth.exceptions
import httplib2
import requests
from google.auth import compute_engine, identity_pool, impersonated_credentials
from google.auth import credentials as google_credentials
from google.auth.transport.requests import Request
from google.oauth2 import credentials as user_credentials
from google.oauth2 import service_account
from googleapiclient import discovery
from googleapiclient.errors import Error as ClientError
from googleapiclient.errors import HttpError

from collectors.gcp import refusals
from collectors.gcp.account import FIND, PROJECT, REGIONS
from collectors.operation import Absent, Notes, Operation, ReadFailed, Undeclared
from collectors.provider import NoTarget, Scopes, find_seconds
from collectors.rate_limit import RateLimiter
from collectors.scope import Scope

logging.getLogger("googleapiclient.http").setLevel(logging.CRITICAL)  # it warns of every 403; the coverage says so

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
"""Pub/Sub and Cloud KMS offer no narrower scope that reads policies; what is allowed is the role's to say."""

APIS = {
    "cloudkms": ("v1", "https://cloudkms.googleapis.com/"),
    "cloudresourcemanager": ("v3", "https://cloudresourcemanager.googleapis.com/"),
    "iam": ("v1", "https://iam.googleapis.com/"),
    "pubsub": ("v1", "https://pubsub.googleapis.com/"),
    "serviceusage": ("v1", "https://serviceusage.googleapis.com/"),
    "storage": ("v1", "https://storage.googleapis.com/storage/v1/"),
}
"""Per API: the version of its discovery document and where Google serves it."""

DELETING = "DELETE_REQUESTED"
"""The state of a project that was deleted less than thirty days ago (Resource Manager v3, "Project")."""
ASKING = 8
"""Projects asked at once for their state."""
ATTEMPTS = 3
CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
POLICY_VERSION = 3
"""IAM policy version; a lower one hides conditions ("Policy versions", Google Cloud IAM)."""

READS = re.compile(r":getIamPolicy$")
"""Paths that a POST may go to: Resource Manager reads a policy with a POST."""

SECRETS = frozenset({"privateKeyData", "binaryData"})

DEVICE_FIELDS = (
    "id", "num_id", "credentials", "blocked", "log_level", "gateway_config",
    "last_heartbeat_time", "last_event_time", "last_state_time", "last_config_ack_time", "last_error_time",
)  # fmt: skip
"""The field mask of a device list: without one, only ``id`` and ``num_id`` come back."""


def scrubbed(value: Any) -> Any:
    """The reply without its secrets: private keys, device configuration, and what follows ``?`` in a push URL."""
    if isinstance(value, dict):
        return {
            key: "***" if key in SECRETS else bare_url(inner) if key == "pushEndpoint" else scrubbed(inner)
            for key, inner in value.items()
        }
    return [scrubbed(inner) for inner in value] if isinstance(value, list) else value


def bare_url(url: Any) -> str:
    """Scheme, host, port and path of a URL; no user, query or fragment."""
    try:
        parts = urlsplit(str(url))
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    except ValueError:
        return "***"


def refuse_writes(method: str, url: str) -> None:
    """Raises :class:`Undeclared` for a request that is not a read."""
    if method != "GET" and not (method == "POST" and READS.search(urlsplit(url).path)):
        raise Undeclared(f"{method} {urlsplit(url).path} is not a read")


class Login(google_credentials.Credentials):
    """One credential for all threads and both SDKs: refreshed under a lock, with a timeout."""

    def __init__(self, source: google_credentials.Credentials, verify: str | bool, seconds: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._source = source
        self._lock = threading.Lock()
        transport = requests.Session()
        transport.mount("https://", Sender(verify))
        transport.max_redirects = 0
        self._fetch = partial(Request(transport), timeout=seconds)

    def before_request(self, request: Any, method: str, url: str, headers: dict[str, str]) -> None:
        """Adds the token to a request's headers, fetching a new one first when it has run out."""
        with self._lock:
            if not self._source.valid:
                self._source.refresh(self._fetch)  # type: ignore[no-untyped-call]
            self._source.apply(headers)  # type: ignore[no-untyped-call]

    def refresh(self, request: Any) -> None:
        """Fetches a new token."""
        with self._lock:
            self._source.refresh(self._fetch)  # type: ignore[no-untyped-call]


def wait_for(connection: Any, connect: Callable[[], None]) -> None:
    """Connects in time, then lets replies take as long as the settings say."""
    reading = connection.timeout
    connection.timeout = min(CONNECT_SECONDS, reading)
    connect()
    connection.sock.settimeout(reading)


class Plain(httplib2.HTTPConnectionWithTimeout):  # type: ignore[misc]
    """A connection whose connect timeout is not its read timeout."""

    def connect(self) -> None:
        """Connects with a timeout of its own."""
        wait_for(self, super().connect)


class Secure(httplib2.HTTPSConnectionWithTimeout):  # type: ignore[misc]
    """The same over TLS."""

    def connect(self) -> None:
        """Connects with a timeout of its own."""
        wait_for(self, super().connect)


def hang_up(connections: Mapping[str, Any]) -> None:
    """Closes the connections of a thread that is done; httplib2 would leave them open."""
    for connection in connections.values():
        connection.close()


class Http(httplib2.Http):  # type: ignore[misc]
    """What google-api-python-client sends through: guarded, with the credential, and one per thread."""

    def __init__(self, login: Login, seconds: float, ca_bundle: str | None) -> None:
        super().__init__(timeout=seconds, ca_certs=ca_bundle)
        self.follow_redirects = False
        self._login = login
        weakref.finalize(self, hang_up, self.connections)

    def request(self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, **more: Any) -> Any:
        """Sends a read; refuses everything else."""
        refuse_writes(method, uri)
        headers = dict(headers or {})
        self._login.before_request(None, method, uri, headers)
        more["connection_type"] = Secure if uri.startswith("https:") else Plain
        return super().request(uri, method, body=body, headers=headers, **more)


class Sender(requests.adapters.HTTPAdapter):
    """What `requests` sends through. A CA bundle of the settings holds, whatever REQUESTS_CA_BUNDLE says."""

    def __init__(self, verify: str | bool) -> None:
        super().__init__()
        self._verify = verify

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        """Sends a request."""
        if self._verify is not True:
            more["verify"] = self._verify
        return super().send(request, *args, **more)


class ReadingSender(Sender):
    """What google-cloud-iot sends through: refuses everything but a read, and to be sent elsewhere."""

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        """Sends a read; refuses everything else. Raises TooManyRedirects for the first one, with or without a goal."""
        refuse_writes(request.method or "", request.url or "")
        reply = super().send(request, *args, **more)
        if 300 <= reply.status_code < 400:
            reply.close()
            raise requests.TooManyRedirects
        return reply


@contextmanager
def classified(operation: Operation, params: Mapping[str, Any]) -> Iterator[None]:
    """Turns whatever the SDKs raise into ReadFailed or Absent; no text of theirs is passed on."""
    try:
        yield
    except HttpError as error:
        raise refusals.failure(refusals.refusal_of(error.resp.status, error.content), operation, params) from None
    except google.auth.exceptions.RefreshError as error:
        raise refusals.no_token(error.args, type(error).__name__) from None
    except requests.TooManyRedirects:
        raise ReadFailed("failed", "Redirect") from None
    except (
        ClientError,
        google.auth.exceptions.GoogleAuthError,
        httplib2.HttpLib2Error,
        HTTPException,
        requests.RequestException,
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        raise ReadFailed("failed", type(error).__name__) from None


class GoogleSession:
    """One project. Every reply reaches collectors as plain camelCase JSON without secrets."""

    def __init__(
        self,
        account: str,
        settings: Mapping[str, Any],
        operations: tuple[Operation, ...],
        pace: RateLimiter,
        login: Login,
        seconds: float,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.options: Mapping[str, Any] = settings
        self._account, self._declared, self._pace = account, {op.name for op in operations}, pace
        self._login, self._seconds, self._attempts = login, seconds, attempts
        self._ca: str | None = settings.get("ca_bundle") or None
        self._local = threading.local()

    def send(self, operation: Operation, region: str, params: Mapping[str, Any]) -> Iterator[Any]:
        """Yields the items of every page, or the one object; raises ReadFailed or Absent."""
        if operation.name not in self._declared:
            raise Undeclared(f"{operation} was not declared for this session")
        ask = self._iot_pages if operation.name.startswith("cloudiot.") else self._pages
        for page in ask(operation, region, dict(operation.fixed) | dict(params)):
            if not isinstance(page, dict):
                raise ReadFailed("failed", "NotAnObject")
            if not operation.items:
                yield scrubbed(page)
                continue
            items = page.get(operation.items, [])
            if not isinstance(items, list):
                raise ReadFailed("failed", "NotAList")
            yield from scrubbed(items)

    def _endpoint(self, api: str) -> str:
        own = (self.options.get("endpoints") or {}).get(api)
        _, default = APIS[api]
        if not own and not self.options.get("endpoint"):
            return default
        root = str(own or self.options["endpoint"]).rstrip("/")
        return root + urlsplit(default).path

    def _service(self, api: str) -> Any:
        """The API's client. Built from the discovery document in the package: nothing is fetched for it."""
        return discovery.build(
            api,
            APIS[api][0],
            http=Http(self._login, self._seconds, self._ca),
            static_discovery=True,
            cache_discovery=False,
            client_options={"api_endpoint": self._endpoint(api)},
        )

    def _resource(self, name: str) -> Any:
        """An API, or a collection in it such as ``pubsub.projects.topics``; put together once a thread."""
        built = self._local.__dict__.setdefault("built", {})
        if name not in built:
            parent, _, own = name.rpartition(".")
            built[name] = getattr(self._resource(parent), own)() if parent else self._service(name)
        return built[name]

    def _pages(self, operation: Operation, region: str, params: dict[str, Any]) -> Iterator[Any]:
        name, _, method = operation.name.rpartition(".")
        api = name.partition(".")[0]
        with classified(operation, params):
            resource = self._resource(name)
            if method == "getIamPolicy":
                params |= policy_version(api)
            request = getattr(resource, method)(**params)
        seen = {""}
        while request is not None:
            self._pace.wait(region, api)
            with classified(operation, params):
                page = request.execute(num_retries=self._attempts - 1)
            yield page
            token = str(page.get("nextPageToken") or "")
            if token in seen:
                if token:
                    raise ReadFailed("failed", "PageTokenRepeated")
                return
            seen.add(token)
            with classified(operation, params):
                request = getattr(resource, f"{method}_next")(request, page)

    def _iot_pages(self, operation: Operation, region: str, params: dict[str, Any]) -> Iterator[Any]:
        endpoint = self.options.get("iot_endpoint")
        if not endpoint:
            raise ReadFailed("unavailable", "ServiceRetired", "service retired")
        try:
            from google.api_core import exceptions, retry
            from google.cloud import iot_v1
            from google.protobuf import json_format  # type: ignore[import-untyped]
        except ImportError as error:
            raise ReadFailed("unavailable", "PackageMissing", "google-cloud-iot cannot be imported") from error
        devices = operation.name.endswith("devices.list")
        tried: list[int] = []

        def again(error: Exception) -> bool:
            tried.append(1)
            return len(tried) < self._attempts and retry.if_transient_error(error)

        seen, token = {""}, ""
        while True:
            self._pace.wait(region, "cloudiot")
            tried.clear()
            try:
                with classified(operation, params):
                    client = self._iot_client(iot_v1, str(endpoint))
                    patience = retry.Retry(predicate=again, initial=0.5, maximum=5.0, timeout=self._seconds * 3)
                    if devices:
                        mask = {"paths": list(DEVICE_FIELDS)}
                        request = iot_v1.ListDevicesRequest(params | {"page_token": token, "field_mask": mask})
                        reply = client.list_devices(request, retry=patience, timeout=self._seconds)
                        things, item = reply.devices, iot_v1.Device
                    else:
                        request = iot_v1.ListDeviceRegistriesRequest(params | {"page_token": token})
                        reply = client.list_device_registries(request, retry=patience, timeout=self._seconds)
                        things, item = reply.device_registries, iot_v1.DeviceRegistry
                    page = [message_json(item.pb(thing), json_format.MessageToDict) for thing in things]
                    token = reply.next_page_token
            except exceptions.GoogleAPICallError as error:
                told = refusals.refusal_of(int(error.code or 0), getattr(error.response, "content", b""))
                raise refusals.failure(told.or_else(type(error).__name__), operation, params) from None
            except (exceptions.RetryError, json_format.Error) as error:
                raise ReadFailed("failed", type(error).__name__) from None
            yield {operation.items: page}
            if not token:
                return
            if token in seen:
                raise ReadFailed("failed", "PageTokenRepeated")
            seen.add(token)

    def _iot_client(self, iot_v1: Any, endpoint: str) -> Any:
        client = iot_v1.DeviceManagerClient(
            credentials=self._login, transport="rest", client_options={"api_endpoint": endpoint.rstrip("/")}
        )
        http: requests.Session = client.transport._session  # the transport offers no other way to a CA or a guard
        for scheme in ("http://", "https://"):
            http.mount(scheme, ReadingSender(self._ca or True))
        return client


def message_json(message: Any, to_dict: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """A protobuf reply as JSON. Unset values appear with their documented default.

    A device of which nothing came back but its ids was not asked with a mask that the service understood: its other
    fields stay away, because their defaults would be inventions.
    """
    told = {field.name for field, _ in message.ListFields()} - {"id", "num_id", "name"}
    return to_dict(message, including_default_value_fields=bool(told))


def policy_version(api: str) -> dict[str, Any]:
    """The parameter by which an API is asked for a policy with its conditions."""
    if api == "cloudresourcemanager":
        return {"body": {"options": {"requestedPolicyVersion": POLICY_VERSION}}}
    name = "optionsRequestedPolicyVersion" if api == "storage" else "options_requestedPolicyVersion"
    return {name: POLICY_VERSION}


def gcloud_file() -> Path:
    """Where `gcloud auth application-default login` leaves its credential."""
    folder = os.environ.get("CLOUDSDK_CONFIG")
    if not folder:
        folder = str(Path(os.environ["APPDATA"], "gcloud") if os.name == "nt" else Path.home() / ".config" / "gcloud")
    return Path(folder, "application_default_credentials.json")


def source(settings: Mapping[str, Any]) -> tuple[google_credentials.Credentials, str, str]:
    """The credential, the project it names, and where it was found. Raises NoTarget when there is none."""
    named = str(settings.get("credentials") or "")
    from_env = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS", "")
    path = Path(named or from_env or gcloud_file())
    said = "settings gcp.credentials" if named else "GOOGLE_APPLICATION_CREDENTIALS" if from_env else "gcloud"
    machine = bool(settings.get("instance_metadata"))
    if not (named or from_env or path.is_file()):
        if machine:
            return compute_engine.Credentials(), "", "metadata server"  # type: ignore[no-untyped-call]
        raise NoTarget(
            "gcp: no credential: tried settings gcp.credentials, GOOGLE_APPLICATION_CREDENTIALS and gcloud's file; "
            "set one of them, or gcp.instance_metadata = true on a Google machine"
        )
    try:
        info = json.loads(path.read_text())
        return from_info(info, machine), str(info.get("project_id") or info.get("quota_project_id") or ""), said
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        google.auth.exceptions.GoogleAuthError,
    ) as error:
        raise NoTarget(f"gcp: the credential file of {said} cannot be used ({type(error).__name__})") from None


def from_info(info: dict[str, Any], machine: bool) -> google_credentials.Credentials:
    """The credential that a file describes. Raises ``ValueError`` for one that would ask the machine who it is."""
    kind = info["type"]
    if kind == "service_account":
        made = service_account.Credentials.from_service_account_info(info, scopes=SCOPES)  # type: ignore[no-untyped-call]
    elif kind == "authorized_user":
        made = user_credentials.Credentials.from_authorized_user_info(info, scopes=SCOPES)  # type: ignore[no-untyped-call]
    elif kind == "impersonated_service_account":
        made = impersonated_credentials.Credentials.from_impersonated_service_account_info(info, scopes=SCOPES)  # type: ignore[no-untyped-call]
    elif kind == "external_account" and (machine or "file" in info["credential_source"]):
        made = identity_pool.Credentials.from_info(info, scopes=SCOPES)  # type: ignore[no-untyped-call]
    else:
        raise ValueError(kind)
    return made  # type: ignore[no-any-return]


def prove(failure: ReadFailed | Absent, tried: str) -> None:
    """Raises NoTarget unless it was only the project that refused, and the credential itself is good."""
    if isinstance(failure, ReadFailed) and (failure.cause == "credentials_ended" or refusals.REFUSED in failure.detail):
        needed = f", which needs {failure.permission}" if failure.permission else ""
        raise NoTarget(f"{tried}: the credential was refused{needed}; set gcp.credentials")
    if not refusals.by_project(failure):
        code = getattr(failure, "code", "NotFound")
        raise NoTarget(f"{tried}: {code}; check gcp.projects, gcp.credentials and gcp.endpoint")


def project_states(
    session: GoogleSession, projects: list[str], seconds: float
) -> Mapping[str, str | ReadFailed | Absent]:
    """The state of every project that answers in time, or why it does not tell."""
    states: dict[str, str | ReadFailed | Absent] = {}
    waiting, lock, late = iter(projects), threading.Lock(), threading.Event()

    def ask() -> None:
        while not late.is_set():
            with lock:
                project = next(waiting, None)
            if project is None:
                return
            try:
                found = list(session.send(PROJECT, "global", {"name": f"projects/{project}"}))
                states[project] = str(found[0].get("state") or "")
            except (ReadFailed, Absent) as error:
                states[project] = error
            except Exception as error:
                states[project] = ReadFailed("failed", type(error).__name__)

    threads = [threading.Thread(target=ask, daemon=True) for _ in projects[:ASKING]]
    ends = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    late.set()
    return dict(states)


def find(settings: Mapping[str, Any]) -> Scopes:
    """Per project its global scope, and one per region in which Cloud IoT registries are asked for.

    One call, `projects.get` of the first project, proves the credential; the others are asked for their state as long
    as it takes. A project that denies this one call is still scanned: what else it denies, the coverage says. One that
    is being deleted is told once and not scanned.
    """
    credential, own, said = source(settings)
    projects = list(settings.get("projects") or filter(None, [own or os.environ.get("GOOGLE_CLOUD_PROJECT", "")]))
    if not projects:
        raise NoTarget(f"gcp: credential from {said}, but no project: set gcp.projects or GOOGLE_CLOUD_PROJECT")
    where = settings.get("endpoint") or (settings.get("endpoints") or {}).get("cloudresourcemanager")
    tried = f"gcp: project {projects[0]}, credential from {said}, {where or APIS['cloudresourcemanager'][1]}"
    seconds = find_seconds(settings)
    login = Login(credential, settings.get("ca_bundle") or True, seconds)
    session = GoogleSession(projects[0], settings, FIND, RateLimiter(), login, seconds, attempts=1)
    states = project_states(session, projects, seconds)
    first = states.get(projects[0])
    if first is None:
        raise NoTarget(f"{tried}: no answer within {seconds:g} seconds; set gcp.endpoint or check the network")
    if not isinstance(first, str):
        prove(first, tried)
    going = [project for project in projects if states.get(project) == DELETING]
    named = list(settings.get("regions") or REGIONS)
    asked = named if settings.get("iot_endpoint") else named[:1]
    scopes = [Scope("gcp", one, region) for one in projects if one not in going for region in ("global", *asked)]
    notes, lines = Notes(), [f"gcp: project {one} is in state {DELETING}; it is not scanned" for one in going]
    for project in going:
        failure = ReadFailed("unavailable", DELETING, "the project is being deleted")
        notes.cover(Scope("gcp", project, "global"), "global", PROJECT, failure)
    if not scopes:
        raise NoTarget("\n".join(lines))
    return Scopes(scopes, notes.coverage.values(), lines)


def connect(
    account: str, settings: Mapping[str, Any], operations: tuple[Operation, ...], pace: RateLimiter
) -> GoogleSession:
    """A session for one project that refuses every operation but those given."""
    credential, _, _ = source(settings)
    seconds = float(settings.get("timeout_seconds") or READ_SECONDS)
    login = Login(credential, settings.get("ca_bundle") or True, min(seconds, 10.0))
    return GoogleSession(account, settings, operations, pace, login, seconds)
