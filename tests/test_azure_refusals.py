"""Azure: what its refusals are told as, by the SDK against the lab in the words that the vendor documents or users saw."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import astuple
from datetime import UTC, datetime
from typing import Any

import pytest
from refusals import Told

from collectors.azure import session
from collectors.azure.account import FIND
from collectors.azure.devices import TWINS
from collectors.azure.iothub import HUBS
from collectors.azure.roles import ROLES
from collectors.causes import CAUSES
from collectors.operation import COLLECTORS, Lost, Memory, Operation, ReadFailed, declared, drain
from collectors.provider import NoTarget
from collectors.rate_limit import RateLimiter
from collectors.run import collect
from collectors.schema import Tables
from collectors.scope import Scope
from collectors.tables.data import Store
from collectors.tables.device import Device
from collectors.tables.hub import Hub
from lab.azure import Azure
from lab.azure_example import LABORATORY, PRODUCTION
from lab.cloud import Lab
from lab.server import CANARY, Fault

OPERATIONS = {operation.name: operation for operation in (*declared("azure", COLLECTORS), *FIND)}
DPS = OPERATIONS["iothubprovisioningservices.iot_dps_resource.list_by_subscription"]
LIFECYCLE = OPERATIONS["storage.management_policies.get"]
SERVICES = DPS
OURS, THEIRS = "4a4d599f-e69d-4cd8-a9e1-9882ea340fb5", "72f988bf-86f1-41af-91ab-2d7cd011db47"
NOW = datetime.now(UTC)


@pytest.fixture
def cloud(lab: Lab) -> Iterator[Azure]:
    """The lab's Azure without faults, before and after."""
    lab.azure.switchboard.clear()
    yield lab.azure
    lab.azure.switchboard.clear()


def connected(cloud: Azure, account: str = PRODUCTION) -> session.Azure:
    """A session that may ask everything that is declared."""
    return session.connect(account, cloud.settings(), tuple(OPERATIONS.values()), RateLimiter(500))


def failure(asked: session.Azure, operation: Operation, **params: Any) -> ReadFailed:
    """How a call fails."""
    items, error = drain(asked.send(operation, "global", dict(operation.fixed) | params))
    assert isinstance(error, ReadFailed), items
    return error


def refusing(
    cloud: Azure, operation: Operation, status: int, code: str = "", message: str = "", body: str = ""
) -> None:
    """Makes an operation answer with an error."""
    cloud.switchboard.faults[operation.name] = Fault("refuse", status=status, code=code, message=message, body=body)


def not_authorized(action: str) -> str:
    """ARM's words for a missing permission ("Troubleshoot Azure RBAC")."""
    return (
        f"The client '{CANARY}' with object id '{CANARY}' does not have authorization to perform action '{action}' over "
        f"scope '/subscriptions/{PRODUCTION}' or the scope is invalid. If access was recently granted, please refresh "
        "your credentials."
    )


WRONG_ISSUER = (
    f"The access token is from the wrong issuer 'https://sts.windows.net/{OURS}/'. It must match the tenant "
    f"'https://sts.windows.net/{THEIRS}/' associated with this subscription. Please use the authority (URL) "
    f"'https://login.windows.net/{THEIRS}' to get the token. {CANARY}"
)
DENY_ASSIGNMENT = (
    "The client has permission to perform action 'Microsoft.Devices/IotHubs/read' on scope; however, the access is "
    f"denied because of the deny assignment with name '{CANARY}' and Id 'x' at scope 'y'."
)
CASES = [
    (403, "AuthorizationFailed", not_authorized("Microsoft.Devices/IotHubs/read"),
     Told("denied", "denied", "", "HTTP 403")),
    (403, "AuthorizationFailed", not_authorized("microsoft.devices/iothubs/read"),
     Told("denied", "denied", "", "HTTP 403")),
    (403, "AuthorizationFailed", not_authorized("Microsoft.Resources/subscriptions/providers/read"),
     Told("denied", "denied", "Microsoft.Resources/subscriptions/providers/read", "HTTP 403")),
    (403, "AuthorizationFailed", not_authorized(f"a secret {CANARY}"), Told("denied", "denied", "", "HTTP 403")),
    (403, "DenyAssignmentAuthorizationFailed", DENY_ASSIGNMENT, Told("denied", "denied", "", "a deny assignment")),
    (401, "InvalidAuthenticationTokenTenant", WRONG_ISSUER, Told("failed", "other_tenant", "", f"tenant {THEIRS}")),
    (401, "InvalidAuthenticationToken", WRONG_ISSUER, Told("failed", "other_tenant", "", f"tenant {THEIRS}")),
    (401, "InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer.",
     Told("failed", "other_tenant", "", "HTTP 401")),
    (401, "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than current UTC time.",
     Told("failed", "credentials_ended", "", "HTTP 401")),
    (401, "InvalidAuthenticationToken", "The access token is invalid.",
     Told("failed", "credentials_ended", "", "HTTP 401")),
    (403, "ForbiddenByFirewall", "Client address is not authorized", Told("failed", "network_refused", "", "HTTP 403")),
    (429, "TooManyRequests", "Too many", Told("failed", "quota", "", "HTTP 429")),
    (429, "SubscriptionRequestsThrottled", "Number of requests", Told("failed", "quota", "", "HTTP 429")),
    (404, "SubscriptionNotFound", "The subscription could not be found.", Told("failed", "failed", "", "HTTP 404")),
    (409, "ReadOnlyDisabledSubscription", "The subscription is disabled and therefore marked as read only.",
     Told("failed", "failed", "", "HTTP 409")),
    (409, "MissingSubscriptionRegistration", "The subscription is not registered to use namespace",
     Told("unavailable", "unavailable", "", "HTTP 409")),
    (404, "ResourceNotFound", "a list of a subscription is no thing that can go",
     Told("failed", "failed", "", "HTTP 404")),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code", "message", "told"), CASES, ids=[f"{c}-{t.cause}" for _, c, _, t in CASES])
def test_an_error_of_arm_is_told_by_its_cause(cloud: Azure, status: int, code: str, message: str, told: Told) -> None:
    refusing(cloud, HUBS, status, code, message)
    found = failure(connected(cloud), HUBS)
    assert (found.outcome, found.cause, found.permission, found.detail) == astuple(told)
    assert found.code == code
    assert found.cause in CAUSES
    assert CANARY not in repr(vars(found))
    assert cloud.switchboard.calls[HUBS.name] == (session.ATTEMPTS if status == 429 else 1)


@pytest.mark.parametrize(
    ("status", "number", "told"),
    [
        (400, 400059, Told("failed", "failed", "", "HTTP 400")),
        (401, 401002, Told("failed", "credentials_ended", "", "HTTP 401")),
        (403, 403004, Told("denied", "denied", "", "HTTP 403")),
        (429, 429001, Told("failed", "quota", "", "HTTP 429")),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_code_may_be_a_number(cloud: Azure, status: int, number: int, told: Told, wrapped: bool) -> None:
    error = {"code": number, "httpStatusCode": "Any", "message": f"errorcode: IH{number}", "details": None}
    refusing(cloud, DPS, status, body=json.dumps({"error": error} if wrapped else error))
    found = failure(connected(cloud), DPS)
    assert (found.outcome, found.cause, found.permission, found.detail) == astuple(told)
    assert found.code == str(number)


def hub_says(text: str) -> str:
    """An error of a hub's service API."""
    return json.dumps({"Message": text, "ExceptionMessage": f"Tracking ID:{CANARY}-TimeStamp:11/28/2026 08:00:00"})


NO_ROLE = f"ErrorCode:IotHubUnauthorized;Principal {CANARY} is not authorized for POST on /devices/query due to no"
NO_ROLE += " assigned permissions"
PLAIN = "ErrorCode:IotHubUnauthorizedAccess;Unauthorized"


@pytest.mark.parametrize(
    ("hub", "text", "code", "told"),
    [
        ("hub-meters", PLAIN, "IotHubUnauthorizedAccess", Told("failed", "network_refused", "", "HTTP 401")),
        ("hub-meters", NO_ROLE, "IotHubUnauthorized", Told("denied", "denied", "", "HTTP 401")),
        ("hub-pumps", PLAIN, "IotHubUnauthorizedAccess", Told("denied", "denied", "", "HTTP 401")),
        ("hub-pumps", NO_ROLE, "IotHubUnauthorized", Told("denied", "denied", "", "HTTP 401")),
    ],
)
def test_a_hub_that_does_not_let_every_address_in_may_refuse_the_scanners(
    cloud: Azure, hub: str, text: str, code: str, told: Told
) -> None:
    asked = connected(cloud)
    assert list(asked.send(HUBS, "global", {}))
    refusing(cloud, TWINS, 401, body=hub_says(text))
    found = failure(asked, TWINS, host=f"{hub}.azure-devices.net")
    assert (found.outcome, found.cause, found.permission, found.detail) == astuple(told)
    assert found.code == code
    assert CANARY not in repr(vars(found))


def test_a_hub_that_is_asked_too_often_has_no_quota_left(cloud: Azure) -> None:
    refusing(cloud, TWINS, 403, body=hub_says("ErrorCode:IotHubQuotaExceeded;Total number of messages exceeded"))
    found = failure(connected(cloud), TWINS, host="hub-pumps.azure-devices.net")
    assert (found.outcome, found.cause, found.code) == ("failed", "quota", "IotHubQuotaExceeded")


def collected(cloud: Azure, *tables: Any) -> Tables:
    """Some tables of one subscription."""
    chosen = [one for one in COLLECTORS if one.provider == "azure" and one.table in tables]
    return collect(Scope("azure", PRODUCTION, "global"), connected(cloud), Memory(), NOW, chosen)


def test_a_hub_that_refuses_the_network_is_told_so_in_cells_and_lists(cloud: Azure) -> None:
    refusing(cloud, TWINS, 401, body=hub_says(PLAIN))
    found = collected(cloud, Hub, Device)
    causes = found.unread.set_index(["resource", "column"])["cause"]
    meters = next(key for key in causes.index if "hub-meters" in key[0] and key[1] == "devices_using_keys")
    pumps = next(key for key in causes.index if "hub-pumps" in key[0] and key[1] == "devices_using_keys")
    assert (causes[meters], causes[pumps]) == ("network_refused", "denied")
    assert {"network_refused", "denied"} <= set(found.gaps["cause"])


def test_an_account_that_goes_between_the_list_and_its_reading_costs_itself_alone(cloud: Azure) -> None:
    whole = collected(cloud, Store)
    cloud.switchboard.faults[LIFECYCLE.name] = Fault("refuse", times=1, status=404, code="ResourceNotFound")
    after = collected(cloud, Store)
    assert set(after.coverage["outcome"]) == {"read"}
    assert after.gaps.empty
    lost = after.unread[after.unread["cause"] == "gone"]
    assert set(lost["column"]) == {"expires_objects"} and len(lost) == 1
    assert len(after.frames[Store]) == len(whole.frames[Store])


def test_what_is_gone_is_lost_unless_its_code_is_declared_absent(cloud: Azure) -> None:
    where = {"resource_group_name": "a", "account_name": "b"}
    refusing(cloud, LIFECYCLE, 404, "ResourceGroupNotFound", "Resource group 'a' could not be found.")
    assert isinstance(failure(connected(cloud), LIFECYCLE, **where), Lost)
    refusing(cloud, LIFECYCLE, 404, "ManagementPolicyNotFound", "No ManagementPolicy found")
    items, error = drain(connected(cloud).send(LIFECYCLE, "global", dict(LIFECYCLE.fixed) | where))
    assert not items and error and not isinstance(error, ReadFailed)
    refusing(cloud, ROLES, 404, "ResourceNotFound", "the subscription itself")
    assert not isinstance(failure(connected(cloud), ROLES, scope=f"subscriptions/{PRODUCTION}"), Lost)
    refusing(cloud, TWINS, 404, body=hub_says("ErrorCode:IotHubNotFound;No such hub"))
    assert isinstance(failure(connected(cloud), TWINS, host="hub-pumps.azure-devices.net"), Lost)


def subscriptions(cloud: Azure, **states: str) -> Any:
    """The lab's subscriptions, in the states given."""
    return [one | {"state": states.get(one["subscriptionId"], "Enabled")} for one in cloud.estate.subscriptions]


def test_a_deleted_subscription_is_told_once_and_not_scanned(cloud: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud.estate, "subscriptions", subscriptions(cloud, **{LABORATORY: "Deleted"}))
    found = session.find(cloud.settings())
    assert found == [Scope("azure", PRODUCTION, "global")]
    assert len(found.lines) == 1 and LABORATORY in found.lines[0] and "Deleted" in found.lines[0]
    assert [(row["account"], row["outcome"], row["code"]) for row in found.coverage] == [
        (LABORATORY, "unavailable", "Deleted")
    ]
    with pytest.raises(NoTarget, match="Deleted"):
        session.find(cloud.settings() | {"subscriptions": [LABORATORY]})


@pytest.mark.parametrize("state", ["Warned", "Disabled", "PastDue", "Expired"])
def test_a_subscription_that_is_not_enabled_is_scanned_and_told_once(
    cloud: Azure, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(cloud.estate, "subscriptions", subscriptions(cloud, **{LABORATORY: state}))
    found = session.find(cloud.settings())
    assert {scope.account for scope in found} == {PRODUCTION, LABORATORY}
    assert len(found.lines) == 1 and state in found.lines[0]
    assert not found.coverage


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("AADSTS7000222", Told("failed", "credentials_ended", "", "no token")),
        ("AADSTS700016", Told("failed", "other_tenant", "", "no token")),
        ("AADSTS7000215", Told("denied", "denied", "", "no token")),
    ],
)
def test_a_login_that_the_authority_refuses_is_told_by_its_cause(
    cloud: Azure, monkeypatch: pytest.MonkeyPatch, code: str, told: Told
) -> None:
    monkeypatch.setattr(cloud, "refuses_tokens", f"{code}: {CANARY} has ended.")
    found = failure(connected(cloud), HUBS)
    assert (found.outcome, found.cause, found.permission, found.detail) == astuple(told)
    assert found.code == code
    assert CANARY not in repr(vars(found))
