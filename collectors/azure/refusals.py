"""What Azure's refusals mean: whether a permission is missing, and which, or what else is the cause.

Of an error only its code is kept, and what a strict pattern finds in its message: an action or a tenant's id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collectors.operation import Lost, Operation, ReadFailed

NOT_HERE = frozenset(
    {
        "FeatureNotSupportedForAccount",
        "InvalidResourceType",
        "MissingSubscriptionRegistration",
        "NoRegisteredProviderFound",
        "SubscriptionNotRegistered",
    }
)
"""Error codes that say the service or its feature is not there, whatever the permissions."""
GONE = frozenset(
    {
        "IotHubNotFound",
        "NotFound",
        "ParentResourceNotFound",
        "ResourceGroupNotFound",
        "ResourceNotFound",
        "StorageAccountNotFound",
    }
)
"""Codes by which ARM, a resource provider or a hub says that what was named is not there."""
OTHER_TENANT = frozenset({"InvalidAuthenticationTokenTenant"})
"""ARM's word for a token of a tenant that the subscription does not trust ("Common deployment errors")."""
NETWORK = re.compile(r"network|firewall|ip_?filter|ip_?address", re.IGNORECASE)
"""Codes of a service that refuses an address and not an identity."""
THROTTLED = re.compile(r"quota|throttl|toomanyrequests", re.IGNORECASE)

ENTRA_ENDED = frozenset(
    {
        "AADSTS50173",  # the grant was revoked, as by a new password
        "AADSTS700082",  # the refresh token ended, not having been used
        "AADSTS700084",  # the refresh token of a single-page app ended
        "AADSTS7000222",  # the client's secret ended
        "AADSTS7000112",  # the application is disabled
        "AADSTS700024",  # the client's assertion is out of its time
        "AADSTS70008",  # the code or refresh token ended
        "AADSTS70043",  # the refresh token ended by Conditional Access
        "AADSTS50057",  # the account is disabled
        "AADSTS50055",  # the password ended
    }
)
ENTRA_OTHER_TENANT = frozenset(
    {
        "AADSTS50020",  # the account does not exist in the tenant
        "AADSTS700016",  # the application does not exist in the tenant
        "AADSTS7000229",  # the application has no service principal in the tenant
        "AADSTS90002",  # there is no such tenant
        "AADSTS90072",  # the account is of another tenant
    }
)
"""Microsoft Entra, "Authentication and authorization error codes"."""

ACTION = re.compile(r"perform action(?:\(s\))? '([A-Za-z][A-Za-z0-9.]{2,60}(?:/[A-Za-z0-9*-]{1,80}){1,10})'")
DENY_ASSIGNMENT = re.compile(r"because of the deny assignment", re.IGNORECASE)
TENANT = re.compile(r"match the tenant 'https://sts\.[a-z.]+/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/?'")
WRONG_ISSUER = re.compile(r"from the wrong issuer")
PRINCIPAL = re.compile(r"Principal \S+ is not authorized for")
"""What a hub says of an identity without a role there ("Understand and resolve Azure IoT Hub errors", 401003)."""

UNSAID = re.compile(r"IotHubUnauthorized(?:Access)?|401\d{3}|HTTP40[13]")
"""Codes by which a hub refuses both a token and an address."""


@dataclass(frozen=True)
class Refusal:
    """An error as Azure words it: the HTTP status, its code, and a message for patterns only."""

    status: int
    code: str
    message: str

    @property
    def http(self) -> str:
        """The status as a detail."""
        return f"HTTP {self.status}"


def failure(
    told: Refusal, operation: Operation, params: Mapping[str, Any] | None = None, *, closed: bool = False
) -> ReadFailed:
    """What an error means for the scan. ``closed`` is a hub that does not let every address in."""
    if told.code in GONE and told.status == 404 and names_a_thing(operation, params or {}):
        return Lost(told.code)
    if operation.name.startswith("iothubdata.") and told.status in (401, 403) and not THROTTLED.search(told.code):
        return of_hub(told, closed)
    return of_arm(told, operation)


def of_hub(told: Refusal, closed: bool) -> ReadFailed:
    """What a hub's refusal means. A hub that does not let every address in refuses one as it refuses a token."""
    if closed and UNSAID.fullmatch(told.code) and not PRINCIPAL.search(told.message):
        return ReadFailed("failed", told.code, told.http, cause="network_refused")
    return ReadFailed("denied", told.code, told.http)


def of_arm(told: Refusal, operation: Operation) -> ReadFailed:
    """What an error of ARM or of a resource provider means."""
    code, http = told.code, told.http
    if code in NOT_HERE:
        return ReadFailed("unavailable", code, http)
    if told.status == 429 or THROTTLED.search(code):
        return ReadFailed("failed", code, http, cause="quota")
    if code in OTHER_TENANT or WRONG_ISSUER.search(told.message):
        tenant = TENANT.search(told.message)
        return ReadFailed("failed", code, f"tenant {tenant[1]}" if tenant else http, cause="other_tenant")
    if told.status == 401:
        return ReadFailed("failed", code, http, cause="credentials_ended")
    if told.status != 403:
        return ReadFailed("failed", code, http)
    if NETWORK.search(code):
        return ReadFailed("failed", code, http, cause="network_refused")
    detail = "a deny assignment" if DENY_ASSIGNMENT.search(told.message) else http
    return ReadFailed("denied", code, detail, action(told.message, operation))


def no_token(message: str, name: str) -> ReadFailed:
    """Why the authority gave no token, by what the SDK's error of that name says."""
    found = re.search(r"AADSTS\d+", message)
    code = found[0] if found else name
    if code in ENTRA_OTHER_TENANT:
        return ReadFailed("failed", code, "no token", cause="other_tenant")
    if code in ENTRA_ENDED:
        return ReadFailed("failed", code, "no token", cause="credentials_ended")
    return ReadFailed("denied", code, "no token")


def action(message: str, operation: Operation) -> str:
    """The action that a refusal names, as the operation spells it if it is the same; empty where it names none."""
    found = ACTION.search(message)
    if not found or found[1].lower() == operation.permission.lower():
        return ""
    return found[1]


def names_a_thing(operation: Operation, params: Mapping[str, Any]) -> bool:
    """Whether a call is about something that another list named, and not about the subscription itself."""
    asked = {key: str(value) for key, value in params.items() if (key, value) not in operation.fixed}
    scopes = ("scope", "resource_uri")
    return any(key not in scopes or "/providers/" in f"/{value.strip('/')}" for key, value in asked.items())


def refusal_of(status: int, content: str, header: str = "") -> Refusal:
    """The error in a reply's body. ARM has code and message in ``error``, a resource provider at the top.

    The code is a number where the provider's SDK says so. A hub puts it into ``Message``, as ``ErrorCode:…``, and into
    a header.
    """
    try:
        body = json.loads(content)
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    held = body["error"] if isinstance(body.get("error"), dict) else body
    message = str(held.get("message") or held.get("Message") or "")
    hub = re.search(r"ErrorCode:\s*(\w+)", message)
    code = str(held.get("code") or (hub[1] if hub else "") or header)
    return Refusal(status, code if re.fullmatch(r"[\w.-]{1,80}", code) else f"HTTP{status}", message)
