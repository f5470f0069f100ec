"""Google Cloud and ClearBlade IoT Core on 127.0.0.1, answering from the estate and held to Google's own schemas."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from werkzeug.wrappers import Request, Response

from lab.clock import now
from lab.discovery import Misfit, fit, methods, route, schema
from lab.estate_devices import clearblade
from lab.estate_gcp import DOMAIN, EDGE, LOCATIONS, ORGANIZATION, PROJECT, Estate, Json, email, estate
from lab.server import CANARY, Fault, Server, Switchboard, failing

DOCUMENTS = (
    "cloudiot.v1",
    "cloudkms.v1",
    "cloudresourcemanager.v3",
    "iam.v1",
    "pubsub.v1",
    "serviceusage.v1",
    "storage.v1",
)
TOKEN = f"ya29.{CANARY}"
PAGE = 20
"""Items a page holds at most, so that paging happens."""

Query = Mapping[str, str]


class Missing(Exception):
    """Raised by a handler when the thing asked for does not exist."""


def error(code: int, status: str, message: str, reason: str = "") -> Response:
    """An error as Google words it."""
    body: Json = {"code": code, "message": message, "status": status}
    if reason:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
        body["details"] = [info]
    return Response(json.dumps({"error": body}), status=code, content_type="application/json; charset=UTF-8")


def answer(body: Any) -> Response:
    """A reply in JSON."""
    return Response(json.dumps(body), content_type="application/json; charset=UTF-8")


def paged(name: str, items: list[Any], query: Query) -> Json:
    """One page of a list, and the token of the next. An empty list is left out, as Google does."""
    start = int(query.get("pageToken") or 0)
    size = min(PAGE, int(query.get("pageSize") or query.get("maxResults") or PAGE) or PAGE)
    page: Json = {name: items[start : start + size]} if items[start : start + size] else {}
    if start + size < len(items):
        page["nextPageToken"] = str(start + size)
    return page


def masked(device: Json, query: Query) -> Json:
    """The device as the field mask asks for it; its id and number without one."""
    fields = set(filter(None, query.get("fieldMask", "").split(","))) | {"id", "numId"}
    return {key: value for key, value in device.items() if key in fields and not unset(key, value)}


def unset(key: str, value: Any) -> bool:
    """Whether protobuf would leave a value out of its JSON."""
    return value in (False, [], "LOG_LEVEL_UNSPECIFIED") and key in ("blocked", "credentials", "logLevel")


@cache
def private_key() -> str:
    """The service account's key in PEM, made once a process."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Gcp:
    """Google Cloud: seven REST APIs and the token endpoint on one port.

    ``disabled`` names APIs that answer as if nobody had enabled them; ``spare_first_page`` lets a fault strike only
    from the second page on; ``refuses_tokens`` is what the token endpoint says instead of giving one.
    """

    name = "gcp"
    refuses_tokens: Mapping[str, str] = {}

    def __init__(self, folder: Path) -> None:
        self.switchboard = Switchboard()
        self.folder = folder
        self.disabled: set[str] = set()
        self.spare_first_page = False
        self.estate: Estate = estate(now())
        self._methods = methods(*DOCUMENTS)
        self._handlers = handlers(self.estate)
        self._server = Server(self._serve)

    def start(self) -> None:
        """Serves, with a service account's key file in the folder."""
        info = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "lab",
            "private_key": private_key(),
            "client_email": email("posture-reader"),
            "client_id": "100000000000000000042",
            "token_uri": f"{self._server.url}/token",
        }
        self._file.write_text(json.dumps(info))
        self._server.start()

    def stop(self) -> None:
        """Stops serving."""
        self._server.stop()

    @property
    def _file(self) -> Path:
        return self.folder / "gcp-service-account.json"

    def settings(self) -> dict[str, Any]:
        """Two projects, everything on this port, Cloud IoT as if it had never been retired."""
        return {
            "projects": [PROJECT, EDGE],
            "regions": ["us-central1", "europe-west1"],
            "endpoint": self._server.url,
            "iot_endpoint": self._server.url,
            "domains": [DOMAIN],
            "calls_per_second": 1000,
        }

    def env(self) -> dict[str, str]:
        """The service account's key file."""
        return {"GOOGLE_APPLICATION_CREDENTIALS": str(self._file)}

    def _serve(self, environ: Any, start: Any) -> Iterable[bytes]:
        request = Request(environ)
        return self._answer(request)(environ, start)

    def _answer(self, request: Request) -> Response:  # noqa: PLR0911 - one answer for each way to fail
        if request.path == "/token":
            return token(request, self.refuses_tokens)
        found = route(self._methods, request.method, request.path)
        if found is None:
            return error(404, "NOT_FOUND", "no such method")
        method, parts = found
        fault = self.switchboard.seen(method.id)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        if method.id.split(".")[0] in self.disabled:
            return error(403, "PERMISSION_DENIED", "The API has not been used or is disabled.", "SERVICE_DISABLED")
        if fault and not (self.spare_first_page and "pageToken" not in request.args):
            response = self._failing(fault, request)
            if response is not None:
                return response
        unknown = set(request.args) - method.parameters
        if unknown or not method.required <= set(request.args):
            return error(400, "INVALID_ARGUMENT", f"parameters: {sorted(unknown)} {sorted(method.required)}")
        handler = self._handlers.get(method.id)
        if handler is None:
            return error(501, "UNIMPLEMENTED", f"the lab has no {method.id}")
        try:
            body = handler([unquote(part) for part in parts], request.args.to_dict())
            if method.id.endswith("getIamPolicy"):
                body = as_version(body, policy_version(request))
            method.check(body)
        except Missing as missing:
            return error(404, "NOT_FOUND", f"{missing} not found")
        except Misfit as misfit:
            return error(500, "INTERNAL", f"{method.id}: {misfit}")
        return answer(body)

    def _failing(self, fault: Fault, request: Request) -> Response | None:
        denied = error(403, "PERMISSION_DENIED", "The caller does not have permission")
        refused = error(fault.status, fault.code, fault.message)
        return failing(fault, request, denied, error(429, "RESOURCE_EXHAUSTED", "Quota exceeded"), refused)


def policy_version(request: Request) -> int:
    """The policy version that a request asks for, in its query or its body."""
    body = request.get_json(silent=True) or {}
    asked = request.args.get("options.requestedPolicyVersion") or request.args.get("optionsRequestedPolicyVersion")
    return int(asked or body.get("options", {}).get("requestedPolicyVersion", 1))


def as_version(policy: Json, version: int) -> Json:
    """The policy as Google gives it to who asks for a version: below 3, conditions turn into odd role names."""
    if version >= 3:
        return policy
    bindings = [
        {"role": f"{b['role']}_withcond_2b17cc25d2cd9e2c54d8", "members": b["members"]} if "condition" in b else b
        for b in policy.get("bindings", [])
    ]
    return policy | {"bindings": bindings}


def token(request: Request, refusal: Mapping[str, str]) -> Response:
    """The token endpoint: takes a signed assertion, gives a token, or what it says instead."""
    if refusal:
        return Response(json.dumps(refusal), status=400, content_type="application/json")
    if request.method != "POST" or request.form.get("assertion", "").count(".") != 2:
        return answer({"error": "invalid_grant"})
    return answer({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})


Handler = Callable[[list[str], Query], Json]


def handlers(made: Estate) -> dict[str, Handler]:  # noqa: C901 - a list of small answers, none inside another
    """What every method of the lab answers, from the parts of its path and its query."""

    def policy_of(name: str) -> Json:
        return made.policies.get(name, {"version": 1, "etag": "ACAB"})

    def project(parts: list[str], query: Query) -> Json:
        if parts[0] not in made.projects:
            raise Missing(parts[0])
        return made.projects[parts[0]]

    def folder(parts: list[str], query: Query) -> Json:
        return {"name": f"folders/{parts[0]}", "parent": ORGANIZATION, "displayName": "Products", "state": "ACTIVE"}

    def keys(parts: list[str], query: Query) -> Json:
        found = made.account_keys.get(parts[1], [])
        return {"keys": found} if found else {}

    def services(parts: list[str], query: Query) -> Json:
        named = made.services.get(parts[1], [])
        parent = f"projects/{parts[1]}"
        listed = [
            {"name": f"{parent}/services/{s}.googleapis.com", "parent": parent, "state": "ENABLED"} for s in named
        ]
        return paged("services", listed, query)

    def locations(parts: list[str], query: Query) -> Json:
        at = f"projects/{parts[0]}/locations"
        return paged("locations", [{"name": f"{at}/{one}", "locationId": one} for one in LOCATIONS], query)

    def buckets(parts: list[str], query: Query) -> Json:
        return {"kind": "storage#buckets"} | paged("items", made.buckets.get(query["project"], []), query)

    def bucket_policy(parts: list[str], query: Query) -> Json:
        return {"kind": "storage#policy"} | policy_of(f"buckets/{parts[0]}")

    def object_acl(parts: list[str], query: Query) -> Json:
        return {"kind": "storage#objectAccessControls", "items": made.object_acls.get(parts[0], [])}

    def listed(name: str, items: Mapping[str, list[Json]], key: str) -> Handler:
        return lambda parts, query: paged(name, items.get(key.format(*parts), []), query)

    def bound(key: str) -> Handler:
        return lambda parts, _: policy_of(key.format(*parts))

    def devices(parts: list[str], query: Query) -> Json:
        found = made.devices.get("projects/{}/locations/{}/registries/{}".format(*parts), [])
        return paged("devices", [masked(device, query) for device in found], query)

    ring = "projects/{}/locations/{}/keyRings/{}"
    kms = "cloudkms.projects.locations.keyRings"
    return {
        "cloudresourcemanager.projects.get": project,
        "cloudresourcemanager.projects.getIamPolicy": bound("projects/{}"),
        "cloudresourcemanager.folders.get": folder,
        "cloudresourcemanager.folders.getIamPolicy": bound("folders/{}"),
        "cloudresourcemanager.organizations.getIamPolicy": bound("organizations/{}"),
        "serviceusage.services.list": services,
        "iam.projects.serviceAccounts.list": listed("accounts", made.accounts, "{}"),
        "iam.projects.serviceAccounts.keys.list": keys,
        "iam.projects.roles.list": listed("roles", made.roles, "{}"),
        "pubsub.projects.topics.list": listed("topics", made.topics, "{}"),
        "pubsub.projects.topics.getIamPolicy": bound("projects/{}/topics/{}"),
        "pubsub.projects.subscriptions.list": listed("subscriptions", made.subscriptions, "{}"),
        "pubsub.projects.subscriptions.getIamPolicy": bound("projects/{}/subscriptions/{}"),
        "pubsub.projects.snapshots.list": listed("snapshots", made.snapshots, "{}"),
        "pubsub.projects.snapshots.getIamPolicy": bound("projects/{}/snapshots/{}"),
        "storage.buckets.list": buckets,
        "storage.buckets.getIamPolicy": bucket_policy,
        "storage.defaultObjectAccessControls.list": object_acl,
        "cloudkms.projects.locations.list": locations,
        f"{kms}.list": listed("keyRings", made.rings, "projects/{}/locations/{}"),
        f"{kms}.getIamPolicy": bound(ring),
        f"{kms}.cryptoKeys.list": listed("cryptoKeys", made.keys, ring),
        f"{kms}.cryptoKeys.getIamPolicy": bound(f"{ring}/cryptoKeys/{{}}"),
        f"{kms}.cryptoKeys.cryptoKeyVersions.list": listed(
            "cryptoKeyVersions", made.versions, f"{ring}/cryptoKeys/{{}}"
        ),
        "cloudiot.projects.locations.registries.list": listed(
            "deviceRegistries", made.registries, "projects/{}/locations/{}"
        ),
        "cloudiot.projects.locations.registries.devices.list": devices,
    }


class ClearBlade:
    """ClearBlade IoT Core: the webhook API, with credentials of its own for every registry."""

    name = "clearblade"

    def __init__(self, folder: Path) -> None:
        self.switchboard = Switchboard()
        self.folder = folder
        self.spare_first_page = False
        self.registries, self.devices = clearblade(PROJECT, now())
        self._server = Server(self._serve)

    def start(self) -> None:
        """Serves, with a service account's file in the folder."""
        info = {"systemKey": "c0ffee", "token": f"admin-{CANARY}", "url": self._server.url, "project": PROJECT}
        self._file.write_text(json.dumps(info))
        self._server.start()

    def stop(self) -> None:
        """Stops serving."""
        self._server.stop()

    @property
    def _file(self) -> Path:
        return self.folder / "clearblade-service-account.json"

    def settings(self) -> dict[str, Any]:
        """One region."""
        return {"regions": ["us-central1"], "calls_per_second": 1000}

    def env(self) -> dict[str, str]:
        """The service account's file."""
        return {"CLEARBLADE_CONFIGURATION": str(self._file)}

    def _serve(self, environ: Any, start: Any) -> Iterable[bytes]:
        request = Request(environ)
        return self._answer(request)(environ, start)

    def _answer(self, request: Request) -> Response:
        parts = request.path.strip("/").split("/")
        if request.method == "POST" and parts[:3] == ["api", "v", "1"] and parts[-1] == "getRegistryCredentials":
            return self._guarded("clearblade.registries.credentials", request, "admin", self._credentials)
        if request.method == "GET" and parts[-1] == "cloudiot":
            return self._guarded("clearblade.registries.list", request, "admin", self._list_registries)
        if request.method == "GET" and parts[-1] == "cloudiot_devices":
            registry = request.args.get("parent", "").rpartition("/")[2]
            return self._guarded("clearblade.devices.list", request, registry, self._list_devices)
        return Response("no such service", status=404)

    def _guarded(self, operation: str, request: Request, who: str, handle: Callable[[Request], Response]) -> Response:
        """Answers a call that carries the right token for the right system, unless a fault is switched on."""
        fault = self.switchboard.seen(operation)
        if fault and not (self.spare_first_page and "pageToken" not in request.args):
            denied = Response('{"error": {"message": "forbidden"}}', status=403, content_type="application/json")
            slowed = Response('{"error": {"message": "slow down"}}', status=429, content_type="application/json")
            refused = Response(fault.message, status=fault.status, content_type="text/html")
            response = failing(fault, request, denied, slowed, refused)
            if response is not None:
                return response
        system = "c0ffee" if who == "admin" else f"sys-{who}"
        right = request.headers.get("ClearBlade-UserToken") == f"{who}-{CANARY}" and f"/{system}/" in request.path
        return handle(request) if right else Response('{"error": "unauthorized"}', status=401)

    def _credentials(self, request: Request) -> Response:
        asked = request.get_json()
        name = asked["registry"]
        if f"projects/{asked['project']}/locations/{asked['region']}/registries/{name}" not in self.devices:
            return Response('{"error": "not found"}', status=404)
        return answer({"systemKey": f"sys-{name}", "serviceAccountToken": f"{name}-{CANARY}", "url": self._server.url})

    def _list_registries(self, request: Request) -> Response:
        return self._fitting(
            "deviceRegistries", self.registries.get(request.args["parent"], []), "DeviceRegistry", request
        )

    def _list_devices(self, request: Request) -> Response:
        fields = set(filter(None, request.args.get("fieldMask", "").split(","))) | {"id", "numId", "config"}
        found = [
            {key: value for key, value in device.items() if key in fields}
            for device in self.devices.get(request.args["parent"], [])
        ]
        return self._fitting("devices", found, "Device", request)

    def _fitting(self, name: str, items: list[Json], kind: str, request: Request) -> Response:
        """A page that fits Cloud IoT v1, which ClearBlade speaks. Unlike Google's it spells out unset values."""
        shape, schemas = schema("cloudiot.v1", kind)
        try:
            for item in items:
                fit(item, shape, schemas, kind)
        except Misfit as misfit:
            return Response(str(misfit), status=500)
        return answer({name: []} | paged(name, items, request.args.to_dict()))
