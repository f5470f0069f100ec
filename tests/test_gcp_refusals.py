"""Google Cloud and ClearBlade: what their refusals are told as, by the SDK against the lab.

Errors are worded as `google/api/error_reason.proto` documents them, or as users reported them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import astuple
from datetime import UTC, datetime
from typing import Any

import pytest
from refusals import Told

from collectors.causes import CAUSES
from collectors.clearblade import session as clearblade_session
from collectors.gcp import session as gcp_session
from collectors.gcp.account import FIND
from collectors.operation import COLLECTORS, Lost, Memory, Operation, ReadFailed, Session, declared, drain
from collectors.provider import NoTarget
from collectors.rate_limit import RateLimiter
from collectors.run import collect
from collectors.schema import Tables
from collectors.scope import Scope
from collectors.tables.access import ServiceIdentity
from collectors.tables.data import Topic
from lab.cloud import Lab
from lab.estate_gcp import EDGE, PROJECT
from lab.gcp import ClearBlade, Gcp
from lab.server import CANARY, Fault

OPERATIONS = {operation.name: operation for operation in (*declared("gcp", COLLECTORS), *FIND)}
CLEARBLADE = {operation.name: operation for operation in declared("clearblade", COLLECTORS)}
TOPICS = OPERATIONS["pubsub.projects.topics.list"]
TOPIC_POLICY = OPERATIONS["pubsub.projects.topics.getIamPolicy"]
BUCKETS = OPERATIONS["storage.buckets.list"]
KEYS = OPERATIONS["iam.projects.serviceAccounts.keys.list"]
DEVICES = OPERATIONS["cloudiot.projects.locations.registries.devices.list"]
REGISTRY = f"projects/{PROJECT}/locations/us-central1/registries/pumps-prod"
NOW = datetime.now(UTC)
PUBSUB = {"service": "pubsub.googleapis.com", "consumer": "projects/123"}
AT = "pubsub.googleapis.com projects/123"
OAUTH = "https://www.googleapis.com/auth/cloud-platform"


@pytest.fixture
def cloud(lab: Lab) -> Iterator[Gcp]:
    """The lab's Google Cloud without faults, before and after."""
    lab.gcp.switchboard.clear()
    yield lab.gcp
    lab.gcp.switchboard.clear()


@pytest.fixture
def clearblade(lab: Lab) -> Iterator[ClearBlade]:
    """The lab's ClearBlade without faults, before and after."""
    lab.clearblade.switchboard.clear()
    yield lab.clearblade
    lab.clearblade.switchboard.clear()


def connected(cloud: Gcp) -> Session:
    """A session that may ask everything that is declared."""
    return gcp_session.connect(PROJECT, cloud.settings(), tuple(OPERATIONS.values()), RateLimiter(1000))


def failure(asked: Session, operation: Operation, region: str = "global", **params: Any) -> ReadFailed:
    """How a call fails."""
    items, error = drain(asked.send(operation, region, dict(operation.fixed) | params))
    assert isinstance(error, ReadFailed), items
    return error


def worded(status: int, word: str, message: str, reason: str = "", **metadata: str) -> str:
    """An error of today's APIs: a status word, and the reason with what it says beside."""
    body: dict[str, Any] = {"code": status, "message": message, "status": word}
    if reason:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
        body["details"] = [{"@type": "type.googleapis.com/google.rpc.Help", "links": []}, info | {"metadata": metadata}]
    return json.dumps({"error": body})


def older(status: int, reason: str, message: str) -> str:
    """An error of the older APIs, such as Cloud Storage's."""
    errors = [{"message": message, "domain": "global", "reason": reason}]
    return json.dumps({"error": {"code": status, "message": message, "errors": errors}})


OFF = (
    "Cloud Pub/Sub API has not been used in project 123 before or it is disabled. Enable it by visiting "
    "https://console.developers.google.com/apis/api/pubsub.googleapis.com/overview?project=123 then retry."
)
NO_QUOTA_PROJECT = (
    "Your application is authenticating by using local Application Default Credentials. The pubsub.googleapis.com API "
    "requires a quota project, which is not set by default."
)
NO_USE = (
    "Caller does not have required permission to use project other. Grant the caller the "
    "roles/serviceusage.serviceUsageConsumer role, or a custom role with the serviceusage.services.use permission"
)
PERIMETER = f"Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: {CANARY}"
DENIED = "PERMISSION_DENIED"
CASES = [
    ("off", worded(403, DENIED, OFF, "SERVICE_DISABLED", **PUBSUB), "SERVICE_DISABLED",
     Told("unavailable", "api_off", "", AT)),
    ("off by its address", worded(403, DENIED, OFF, "SERVICE_DISABLED"), "SERVICE_DISABLED",
     Told("unavailable", "api_off", "", AT)),
    ("off, older", older(403, "accessNotConfigured", OFF), "accessNotConfigured",
     Told("unavailable", "api_off", "", AT)),
    ("off, odd metadata", worded(403, DENIED, CANARY, "SERVICE_DISABLED", service=f"{CANARY} x", consumer=CANARY),
     "SERVICE_DISABLED", Told("unavailable", "api_off")),
    ("no quota project", worded(403, DENIED, NO_QUOTA_PROJECT, "SERVICE_DISABLED", **PUBSUB), "SERVICE_DISABLED",
     Told("failed", "failed", "", f"the credential names no quota project {AT}")),
    ("billing", worded(403, DENIED, "This API method requires billing to be enabled.", "BILLING_DISABLED", **PUBSUB),
     "BILLING_DISABLED", Told("failed", "billing_off", "", AT)),
    ("billing, older", older(403, "accountDisabled",
                             "The billing account for the owning project is disabled in state absent"),
     "accountDisabled", Told("failed", "billing_off")),
    ("billing by words", worded(403, DENIED, "Project p (#1) has billing disabled. Please enable it."),
     DENIED, Told("failed", "billing_off")),
    ("consumer", worded(403, DENIED, "Project #123 has been deleted.", "CONSUMER_INVALID", **PUBSUB),
     "CONSUMER_INVALID", Told("failed", "failed", "", AT)),
    ("suspended", worded(403, DENIED, "Consumer suspended", "CONSUMER_SUSPENDED", **PUBSUB),
     "CONSUMER_SUSPENDED", Told("failed", "failed", "", AT)),
    ("user project", worded(403, DENIED, NO_USE, "USER_PROJECT_DENIED", **PUBSUB), "USER_PROJECT_DENIED",
     Told("denied", "denied", "serviceusage.services.use", "projects/123")),
    ("scope", worded(403, DENIED, "Request had insufficient authentication scopes.", "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                     service="pubsub.googleapis.com", method="google.pubsub.v1.Publisher.ListTopics"),
     "ACCESS_TOKEN_SCOPE_INSUFFICIENT", Told("denied", "denied", OAUTH, "the token lacks an OAuth scope")),
    ("scope, older", older(403, "insufficientPermissions",
                           "Insufficient Permission: Request had insufficient authentication scopes."),
     "insufficientPermissions", Told("denied", "denied", OAUTH, "the token lacks an OAuth scope")),
    ("perimeter", worded(403, DENIED, PERIMETER, "SECURITY_POLICY_VIOLATED", uid=CANARY, **PUBSUB),
     "SECURITY_POLICY_VIOLATED", Told("failed", "network_refused", "", f"VPC Service Controls {AT}")),
    ("perimeter by words", worded(403, DENIED, PERIMETER), DENIED,
     Told("failed", "network_refused", "", "VPC Service Controls")),
    ("other organisation", worded(403, DENIED, "Access denied by organization restriction",
                                  "ORG_RESTRICTION_VIOLATION", **PUBSUB),
     "ORG_RESTRICTION_VIOLATION", Told("failed", "other_tenant", "", AT)),
    ("rate", worded(429, "RESOURCE_EXHAUSTED", "Quota exceeded", "RATE_LIMIT_EXCEEDED", **PUBSUB,
                    quota_metric="pubsub.googleapis.com/read_requests", quota_limit="ReadsPerMinutePerProject"),
     "RATE_LIMIT_EXCEEDED", Told("failed", "quota", "", "pubsub.googleapis.com/read_requests ReadsPerMinutePerProject "
                                 "projects/123")),
    ("rate, older", older(403, "rateLimitExceeded", "Rate Limit Exceeded"), "rateLimitExceeded",
     Told("failed", "quota")),
    ("exhausted", worded(429, "RESOURCE_EXHAUSTED", "Quota exceeded"), "RESOURCE_EXHAUSTED", Told("failed", "quota")),
    ("permission", worded(403, DENIED, f"Permission denied for {CANARY}", "IAM_PERMISSION_DENIED",
                          permission="pubsub.topics.list", resource=CANARY),
     "IAM_PERMISSION_DENIED", Told("denied", "denied", "pubsub.topics.list")),
    ("another permission", worded(403, DENIED, "Permission 'resourcemanager.projects.get' denied on resource "
                                  f"'{CANARY}' (or it may not exist)."),
     DENIED, Told("denied", "denied", "resourcemanager.projects.get")),
    ("permission, older", older(403, "forbidden", f"{CANARY}@p.iam.gserviceaccount.com does not have "
                                "storage.buckets.list access to the Google Cloud project. Permission "
                                "'storage.buckets.list' denied on resource (or it may not exist)."),
     "forbidden", Told("denied", "denied", "storage.buckets.list")),
    ("permission required", worded(403, DENIED, "Permission iam.serviceAccountKeys.list is required to perform this "
                                   f"operation on service account {CANARY}."),
     DENIED, Told("denied", "denied", "iam.serviceAccountKeys.list")),
    ("no permission named", worded(403, DENIED, "The caller does not have permission"), DENIED,
     Told("denied", "denied")),
    ("odd permission", worded(403, DENIED, "x", "IAM_PERMISSION_DENIED", permission=f"{CANARY} x"),
     "IAM_PERMISSION_DENIED", Told("denied", "denied")),
    ("expired", worded(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.",
                       "ACCESS_TOKEN_EXPIRED", service="pubsub.googleapis.com"),
     "ACCESS_TOKEN_EXPIRED", Told("failed", "credentials_ended")),
    ("account state", worded(401, "UNAUTHENTICATED", "x", "ACCOUNT_STATE_INVALID", email=f"{CANARY}@x"),
     "ACCOUNT_STATE_INVALID", Told("failed", "credentials_ended")),
    ("unauthenticated", worded(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
     "UNAUTHENTICATED", Told("failed", "credentials_ended")),
    ("unauthenticated, older", older(401, "authError", "Invalid Credentials"), "authError",
     Told("failed", "credentials_ended")),
    ("no project", worded(404, "NOT_FOUND", "Requested project not found or user does not have access to it"),
     "NOT_FOUND", Told("failed", "failed")),
    ("no shape", '{"error": {"details": [3], "errors": "x", "status": ["y"], "message": "x"}}', "HTTP 403",
     Told("denied", "denied")),
    ("no error", f'{{"{CANARY}": 1}}', "HTTP 403", Told("denied", "denied")),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "told"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_error_is_told_by_its_cause(cloud: Gcp, body: str, code: str, told: Told) -> None:
    held = json.loads(body).get("error", {})
    cloud.switchboard.faults[TOPICS.name] = Fault("refuse", status=held.get("code", 403), body=body)
    found = failure(connected(cloud), TOPICS, project=f"projects/{PROJECT}")
    assert (found.outcome, found.cause, found.permission, found.detail) == astuple(told)
    assert found.code == code
    assert found.cause in CAUSES
    assert CANARY not in repr(vars(found))


IOT = [(*case[1:], case[0]) for case in CASES if case[0] in (
    "off", "billing", "user project", "perimeter", "permission", "expired", "rate", "another permission",
)]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "told"), [case[:3] for case in IOT], ids=[case[3] for case in IOT])
def test_cloud_iots_own_sdk_tells_the_same_causes(cloud: Gcp, body: str, code: str, told: Told) -> None:
    cloud.switchboard.faults[DEVICES.name] = Fault("refuse", status=json.loads(body)["error"]["code"], body=body)
    found = failure(connected(cloud), DEVICES, "us-central1", parent=REGISTRY)
    assert (found.outcome, found.cause, found.permission, found.detail) == astuple(told)
    assert found.code == code
    assert CANARY not in repr(vars(found))


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ({"error": "invalid_grant", "error_description": f"Invalid JWT Signature {CANARY}."}, "invalid_grant"),
        ({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, "invalid_grant"),
        ({"error": "deleted_client", "error_description": "The OAuth client was deleted."}, "deleted_client"),
        ({"error": f"{CANARY} with spaces"}, ""),
    ],
)
def test_a_login_that_was_withdrawn_is_no_missing_permission(
    cloud: Gcp, monkeypatch: pytest.MonkeyPatch, reply: dict[str, str], told: str
) -> None:
    monkeypatch.setattr(cloud, "refuses_tokens", reply)
    found = failure(connected(cloud), TOPICS, project=f"projects/{PROJECT}")
    assert (found.outcome, found.cause, found.code) == ("failed", "credentials_ended", "RefreshError")
    assert found.detail.endswith(told)
    assert CANARY not in repr(vars(found))
    with pytest.raises(NoTarget, match=r"the credential was refused; set gcp\.credentials"):
        gcp_session.find(cloud.settings())


def test_impersonation_names_the_permission_that_it_lacks() -> None:
    from collectors.gcp.refusals import no_token  # the SDK asks Google itself for it, never the lab

    body = worded(403, DENIED, "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not "
                  "exist).", "IAM_PERMISSION_DENIED", permission="iam.serviceAccounts.getAccessToken")  # fmt: skip
    found = no_token(("Unable to acquire impersonated credentials", body), "RefreshError")
    assert (found.outcome, found.permission) == ("denied", "iam.serviceAccounts.getAccessToken")


def collected(cloud: Gcp, *tables: Any) -> Tables:
    """Some tables of the project."""
    chosen = [one for one in COLLECTORS if one.provider == "gcp" and one.table in tables]
    return collect(Scope("gcp", PROJECT, "global"), connected(cloud), Memory(), NOW, chosen)


@pytest.mark.parametrize(("operation", "table"), [(TOPIC_POLICY, Topic), (KEYS, ServiceIdentity)], ids=str)
def test_what_goes_between_the_list_and_its_reading_costs_itself_alone(
    cloud: Gcp, operation: Operation, table: Any
) -> None:
    whole = collected(cloud, table)
    body = worded(404, "NOT_FOUND", f"Resource not found (resource={CANARY}).")
    cloud.switchboard.faults[operation.name] = Fault("refuse", times=1, status=404, body=body)
    after = collected(cloud, table)
    assert set(after.coverage["outcome"]) == {"read"}
    assert after.gaps.empty
    lost = after.unread[after.unread["cause"] == "gone"]
    assert lost["resource"].nunique() == 1
    assert len(after.unread) - len(whole.unread) == len(lost)
    assert len(after.frames[table]) == len(whole.frames[table])


def test_what_is_gone_is_lost_but_a_project_is_not(cloud: Gcp) -> None:
    body = worded(404, "NOT_FOUND", "Resource not found")
    for operation, params, lost in (
        (TOPIC_POLICY, {"resource": f"projects/{PROJECT}/topics/a"}, True),
        (OPERATIONS["storage.buckets.getIamPolicy"], {"bucket": "a"}, True),
        (OPERATIONS["cloudkms.projects.locations.keyRings.list"], {"parent": f"projects/{PROJECT}/locations/x"}, False),
        (TOPICS, {"project": f"projects/{PROJECT}"}, False),
        (BUCKETS, {"project": PROJECT}, False),
        (OPERATIONS["cloudresourcemanager.folders.get"], {"name": "folders/1"}, False),
    ):
        cloud.switchboard.faults[operation.name] = Fault("refuse", status=404, body=body)
        assert isinstance(failure(connected(cloud), operation, **params), Lost) is lost, operation


def test_a_404_that_is_not_googles_own_is_no_sign_that_something_went(cloud: Gcp) -> None:
    cloud.switchboard.faults[TOPIC_POLICY.name] = Fault("refuse", status=404, body='{"message": "no such page"}')
    found = failure(connected(cloud), TOPIC_POLICY, resource=f"projects/{PROJECT}/topics/a")
    assert (found.outcome, found.cause, found.code) == ("failed", "failed", "HTTP 404")


@pytest.mark.parametrize("going", [PROJECT, EDGE])
def test_a_project_that_is_being_deleted_is_told_once_and_not_scanned(
    cloud: Gcp, monkeypatch: pytest.MonkeyPatch, going: str
) -> None:
    monkeypatch.setitem(cloud.estate.projects[going], "state", "DELETE_REQUESTED")
    found = gcp_session.find(cloud.settings())
    assert {scope.account for scope in found} == {PROJECT, EDGE} - {going}
    assert len(found.lines) == 1 and going in found.lines[0] and "DELETE_REQUESTED" in found.lines[0]
    assert [(row["account"], row["outcome"], row["code"]) for row in found.coverage] == [
        (going, "unavailable", "DELETE_REQUESTED")
    ]
    with pytest.raises(NoTarget, match="DELETE_REQUESTED"):
        gcp_session.find(cloud.settings() | {"projects": [going]})


@pytest.mark.parametrize(
    "reason",
    [
        "SECURITY_POLICY_VIOLATED", "BILLING_DISABLED", "CONSUMER_INVALID", "SERVICE_DISABLED",
        "IAM_PERMISSION_DENIED", "USER_PROJECT_DENIED",
    ],
)  # fmt: skip
def test_a_project_that_refuses_to_be_named_is_still_scanned(cloud: Gcp, reason: str) -> None:
    body = worded(403, DENIED, "x", reason, **PUBSUB)
    cloud.switchboard.faults["cloudresourcemanager.projects.get"] = Fault("refuse", status=403, body=body)
    assert Scope("gcp", PROJECT, "global") in gcp_session.find(cloud.settings())


LOGIN = "<html><body><form action='/login'>Sign in</form></body></html>"


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, Told("failed", "credentials_ended")),
        (403, Told("denied", "denied")),
        (429, Told("failed", "quota")),
        (500, Told("failed", "failed")),
        (200, Told("failed", "failed")),
    ],
)
def test_clearblade_is_told_by_the_status(clearblade: ClearBlade, status: int, told: Told) -> None:
    name = "clearblade.registries.list"
    clearblade.switchboard.faults[name] = Fault("refuse", status=status, message=LOGIN)
    asked = clearblade_session.connect(PROJECT, clearblade.settings(), tuple(CLEARBLADE.values()), RateLimiter(1000))
    found = failure(asked, CLEARBLADE[name], "us-central1", parent=f"projects/{PROJECT}/locations/us-central1")
    assert (found.outcome, found.cause, found.permission, found.detail) == astuple(told)
    assert found.code == ("JSONDecodeError" if status == 200 else f"HTTP {status}")


def test_a_clearblade_token_that_ended_is_said_when_finding(clearblade: ClearBlade) -> None:
    clearblade.switchboard.faults["clearblade.registries.list"] = Fault("refuse", status=401, message=LOGIN)
    with pytest.raises(NoTarget, match="the token was refused"):
        clearblade_session.find(clearblade.settings())
    clearblade.switchboard.faults["clearblade.registries.list"] = Fault("refuse", status=403, message=LOGIN)
    assert Scope("clearblade", PROJECT, "us-central1") in clearblade_session.find(clearblade.settings())
