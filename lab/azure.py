"""Azure on loopback: ARM, the token authority and IoT Hub's service API behind one HTTPS server.

The real SDK talks to it. It answers the reads that a posture scan needs, and key lists, so that asking for keys shows.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

from lab.azure_estate import water_company
from lab.azure_example import TENANT, Body, Estate, example
from lab.server import CANARY, Server, Switchboard, failing

CLIENT = "3b1f7c0e-94c1-4f0c-8a51-6f1f0f5f6a77"
SECRET = f"{CANARY}-client"
PAGE = 3
"""Items of an ARM page. A real page holds hundreds; a small one makes the SDK turn pages."""
TWIN_PAGE = 20
ARM_SCOPE = "https://management.azure.com/.default"
HUB_SCOPE = "https://iothubs.azure.net/.default"

Answer = Callable[["Azure", Request, dict[str, str]], Response]


def fault(status: int, code: str, message: str = "The lab says so.") -> Response:
    """An error in ARM's words."""
    return json_response({"error": {"code": code, "message": message}}, status)


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON, as ARM sends it."""
    return Response(json.dumps(body), status=status, content_type="application/json; charset=utf-8", headers=headers)


def token(scope: str) -> str:
    """The access token for one audience."""
    return f"{CANARY}.{scope.encode().hex()}"


class Azure:
    """Two subscriptions of a water company. ``refuses_tokens`` is what the authority says instead of giving a token."""

    name = "azure"
    refuses_tokens = ""

    def __init__(self, tls: ssl.SSLContext, ca: Path, estate: Estate | None = None) -> None:
        self.estate = estate or water_company()
        self.switchboard = Switchboard()
        self._ca = ca
        self._server = Server(self._answer, tls)

    @property
    def url(self) -> str:
        """Where ARM, the authority and the hubs answer."""
        return self._server.url

    def start(self) -> None:
        """Serves, with its estate in place."""
        self._server.start()

    def stop(self) -> None:
        """Stops serving."""
        self._server.stop()

    def settings(self) -> dict[str, Any]:
        """This cloud's section of the product's settings."""
        return {
            "endpoint": self.url,
            "authority": self.url,
            "hub_endpoint": f"{self.url}/hubs/{{host}}",
            "ca_bundle": str(self._ca),
            "tenant": TENANT,
            "calls_per_second": 500,
            "timeout_seconds": 10,
        }

    def env(self) -> dict[str, str]:
        """The variables that this cloud's credentials come from."""
        return {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": SECRET}

    def _answer(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        request = Request(environ)
        return self.respond(request)(environ, start)

    def respond(self, request: Request) -> Response:
        """The answer to one request: a fault that is switched on, a refusal, or what the estate holds."""
        for method, shape, answer in AUTHORITY:
            if request.method == method and (found := shape.fullmatch(request.path)):
                return answer(self, request, found.groupdict())
        name, answer, parts = named(request)
        switched = self.switchboard.seen(name)
        if switched:
            deny = fault(403, "AuthorizationFailed", f"The client does not have authorization to perform {name}.")
            refuse = fault(switched.status, switched.code, switched.message)
            if instead := failing(switched, request, deny, fault(429, "TooManyRequests"), refuse):
                return instead
        scope = HUB_SCOPE if request.path.startswith("/hubs/") else ARM_SCOPE
        if request.headers.get("Authorization") != f"Bearer {token(scope)}":
            return fault(401, "InvalidAuthenticationToken")
        if not request.args.get("api-version"):
            return fault(400, "MissingApiVersionParameter")
        known = [one["subscriptionId"] for one in self.estate.subscriptions]
        if parts.get("subscription", known[0]) not in known:
            return fault(404, "SubscriptionNotFound")
        return answer(self, request, parts)

    def page(self, request: Request, items: list[Body]) -> Response:
        """One page of a list, with an absolute link to the next."""
        begin = int(request.args.get("$skiptoken", 0))
        body: Body = {"value": items[begin : begin + PAGE]}
        if begin + PAGE < len(items):
            query = {**request.args, "$skiptoken": str(begin + PAGE)}
            body["nextLink"] = f"{self.url}{request.path}?{urlencode(query)}"
        return json_response(body)


def named(request: Request) -> tuple[str, Answer, dict[str, str]]:
    """The operation behind a request, as the SDK names it, with what answers it and the parts of its path."""
    path = re.sub("//+", "/", request.path)
    for name, method, shape, answer in ROUTES:
        if request.method == method and (found := shape.fullmatch(path)):
            return name, answer, found.groupdict()
    return f"unknown {request.method} {path}", lambda *_: fault(404, "InvalidResourceType"), {}


def _openid(azure: Azure, request: Request, parts: dict[str, str]) -> Response:
    here = f"{azure.url}/{parts['tenant']}"
    return json_response(
        {
            "issuer": f"{here}/v2.0",
            "token_endpoint": f"{here}/oauth2/v2.0/token",
            "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
            "jwks_uri": f"{here}/discovery/v2.0/keys",
        }
    )


def _token(azure: Azure, request: Request, parts: dict[str, str]) -> Response:
    if wrong := azure.refuses_tokens:
        return json_response({"error": "invalid_client", "error_description": wrong}, 401)
    if request.form.get("client_id") != CLIENT or request.form.get("client_secret") != SECRET:
        wrong = "AADSTS7000215: Invalid client secret provided."
        return json_response({"error": "invalid_client", "error_description": wrong, "error_codes": [7000215]}, 401)
    granted = token(request.form["scope"].split()[0])
    return json_response({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": granted})


def _subscriptions(azure: Azure, request: Request, parts: dict[str, str]) -> Response:
    return azure.page(request, azure.estate.subscriptions)


def _hubs(azure: Azure, request: Request, parts: dict[str, str]) -> Response:
    return azure.page(request, azure.estate.hubs[parts["subscription"]])


def _services(azure: Azure, request: Request, parts: dict[str, str]) -> Response:
    return azure.page(request, azure.estate.services[parts["subscription"]])


def _accounts(azure: Azure, request: Request, parts: dict[str, str]) -> Response:
    return azure.page(request, azure.estate.accounts[parts["subscription"]])


def _assignments(azure: Azure, request: Request, parts: dict[str, str]) -> Response:
    return azure.page(request, azure.estate.assignments[parts["subscription"]])


def _roles(azure: Azure, request: Request, parts: dict[str, str]) -> Response:
    return azure.page(request, azure.estate.roles)


def _certificates(azure: Azure, request: Request, parts: dict[str, str]) -> Response:
    return json_response({"value": azure.estate.certificates.get(parts["resource"], [])})


def _diagnostics(azure: Azure, request: Request, parts: dict[str, str]) -> Response:
    return json_response({"value": azure.estate.diagnostics.get(parts["resource"], [])})


def _containers(azure: Azure, request: Request, parts: dict[str, str]) -> Response:
    return azure.page(request, azure.estate.containers.get(parts["resource"], []))


def _policy(azure: Azure, request: Request, parts: dict[str, str]) -> Response:
    body = azure.estate.policies.get(parts["resource"])
    return json_response(body) if body else fault(404, "ManagementPolicyNotFound")


def _links(azure: Azure, request: Request, parts: dict[str, str]) -> Response:
    every = [hub for some in azure.estate.hubs.values() for hub in some]
    held: Body = next((hub["properties"] for hub in every if hub["id"].lower() == parts["resource"].lower()), {})
    return json_response(held.get("privateEndpointConnections", []))


def _keys(operation: str) -> Answer:
    def answer(azure: Azure, request: Request, parts: dict[str, str]) -> Response:
        body = example(operation)
        for one in body["value"]:
            one |= {"primaryKey": CANARY, "secondaryKey": CANARY}
        return json_response(body)

    return answer


def _query(azure: Azure, request: Request, parts: dict[str, str]) -> Response:
    """A twin query: columns or a count, over devices, with equalities joined by AND."""
    body = request.get_json(silent=True) or {}
    asked = re.fullmatch(r"SELECT (.+?) FROM devices(?: WHERE (.+))?", str(body.get("query")), re.IGNORECASE)
    twins = azure.estate.twins.get(parts["host"])
    if twins is None:
        return json_response({"Message": "ErrorCode:IotHubNotFound;No such hub", "ExceptionMessage": ""}, 404)
    if not asked:
        return json_response({"Message": "ErrorCode:ArgumentInvalid;BadRequest", "ExceptionMessage": ""}, 400)
    wanted = re.findall(r"(\w+) = '([^']*)'", asked[2] or "")
    found = [twin for twin in twins if all(str(twin.get(name)) == value for name, value in wanted)]
    if count := re.fullmatch(r"COUNT\(\) AS (\w+)", asked[1]):
        return json_response([{count[1]: len(found)}])
    columns = [] if asked[1] == "*" else re.split(r",\s*", asked[1])
    begin = int(request.headers.get("x-ms-continuation", 0))
    page = [{k: v for k, v in twin.items() if not columns or k in columns} for twin in found[begin : begin + TWIN_PAGE]]
    more = {"x-ms-continuation": str(begin + TWIN_PAGE)} if begin + TWIN_PAGE < len(found) else {}
    return json_response(page, headers=more)


def _path(template: str) -> re.Pattern[str]:
    """A path with ``{subscription}``, ``{hub}`` and the like in it, without regard to case."""
    group = r"(?P<resource>/subscriptions/(?P<subscription>[^/]+)/resourceGroups/[^/]+/providers/"
    parts = {
        "{subscription}": r"/subscriptions/(?P<subscription>[^/]+)",
        "{hub}": group + r"Microsoft\.Devices/IotHubs/[^/]+)",
        "{service}": group + r"Microsoft\.Devices/provisioningServices/[^/]+)",
        "{account}": group + r"Microsoft\.Storage/storageAccounts/[^/]+)",
        "{any}": group + r"[^/]+/[^/]+/[^/]+)",
        "{host}": r"(?P<host>[^/]+)",
        "{tenant}": r"(?P<tenant>[^/]+)",
    }
    return re.compile(re.sub(r"\{\w+\}", lambda found: parts[found[0]], template.replace(".", r"\.")), re.IGNORECASE)


AUTHORITY: tuple[tuple[str, re.Pattern[str], Answer], ...] = (
    ("GET", _path("/{tenant}/v2.0/.well-known/openid-configuration"), _openid),
    ("POST", _path("/{tenant}/oauth2/v2.0/token"), _token),
)
ROUTES: tuple[tuple[str, str, re.Pattern[str], Answer], ...] = tuple(
    (name, method, _path(template), answer)
    for name, method, template, answer in (
        ("subscriptions.subscriptions.list", "GET", "/subscriptions", _subscriptions),
        (
            "iothub.iot_hub_resource.list_by_subscription",
            "GET",
            "{subscription}/providers/Microsoft.Devices/IotHubs",
            _hubs,
        ),
        ("iothub.iot_hub_resource.list_keys", "POST", "{hub}/listkeys", _keys("IotHubResource_ListKeys")),
        ("iothub.certificates.list_by_iot_hub", "GET", "{hub}/certificates", _certificates),
        ("iothub.private_endpoint_connections.list", "GET", "{hub}/privateEndpointConnections", _links),
        (
            "iothubprovisioningservices.iot_dps_resource.list_by_subscription",
            "GET",
            "{subscription}/providers/Microsoft.Devices/provisioningServices",
            _services,
        ),
        (
            "iothubprovisioningservices.iot_dps_resource.list_keys",
            "POST",
            "{service}/listkeys",
            _keys("IotDpsResource_ListKeys"),
        ),
        ("iothubprovisioningservices.dps_certificate.list", "GET", "{service}/certificates", _certificates),
        (
            "authorization.role_assignments.list_for_subscription",
            "GET",
            "{subscription}/providers/Microsoft.Authorization/roleAssignments",
            _assignments,
        ),
        (
            "authorization.role_definitions.list",
            "GET",
            "{subscription}/providers/Microsoft.Authorization/roleDefinitions",
            _roles,
        ),
        (
            "monitor.diagnostic_settings.list",
            "GET",
            "{any}/providers/Microsoft.Insights/diagnosticSettings",
            _diagnostics,
        ),
        (
            "storage.storage_accounts.list",
            "GET",
            "{subscription}/providers/Microsoft.Storage/storageAccounts",
            _accounts,
        ),
        ("storage.blob_containers.list", "GET", "{account}/blobServices/default/containers", _containers),
        ("storage.management_policies.get", "GET", "{account}/managementPolicies/default", _policy),
        ("iothubdata.query", "POST", "/hubs/{host}/devices/query", _query),
    )
)
"""Every operation the lab answers: its name in the SDK, method and path."""
