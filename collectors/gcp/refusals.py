"""What Google's refusals mean: whether a permission is missing, and which, or what else is the cause.

Of an error only its reason is kept, and what a strict pattern finds in it: a service, a project, a permission, a quota.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from collectors.operation import Absent, Lost, Operation, ReadFailed
from collectors.scope import Outcome

OFF = frozenset({"SERVICE_DISABLED", "accessNotConfigured", "API_NOT_ACTIVATED"})
"""Reasons are those of google/api/error_reason.proto; words in camel case are those of older APIs, as Cloud Storage."""
ENDED = frozenset({"ACCESS_TOKEN_EXPIRED", "ACCOUNT_STATE_INVALID", "CREDENTIALS_MISSING", "UNAUTHENTICATED"})
QUOTA = frozenset({
    "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED", "RESOURCE_QUOTA_EXCEEDED", "dailyLimitExceeded", "quotaExceeded",
    "rateLimitExceeded", "userRateLimitExceeded",
})  # fmt: skip
GONE = frozenset({"NOT_FOUND", "notFound"})
BILLING = frozenset({"BILLING_DISABLED", "accountDisabled", "billingNotEnabled"})
CONSUMER = frozenset({
    "CONSUMER_INVALID", "CONSUMER_SUSPENDED", "GCP_SUSPENDED", "RESOURCE_PROJECT_INVALID",
    "RESOURCE_USAGE_RESTRICTION_VIOLATED", "USER_BLOCKED_BY_ADMIN",
})  # fmt: skip
"""The project that is asked for, or that pays, is the matter, and no permission of the scanner (google/api/error_reason)."""
PERIMETERS = frozenset({"SECURITY_POLICY_VIOLATED", "vpcServiceControls"})
OTHER_TENANT = frozenset({"ORG_RESTRICTION_VIOLATION"})
SCOPE_MISSING = frozenset({"ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
"""The OAuth scope that every API here takes."""
USER_PROJECT = "serviceusage.services.use"
"""What the credential must be allowed in its quota project (Google Cloud, "Quota project overview")."""

BILLED = re.compile(
    r"billing account .{0,80}is disabled|has billing disabled|requires billing to be enabled"
    r"|billing to be enabled|absent billing account|closed billing account|has not configured billing"
)
UNSCOPED = re.compile(r"insufficient authentication scopes")
PERIMETER = re.compile(r"vpcServiceControlsUniqueIdentifier|prohibited by organization's policy")
NO_QUOTA_PROJECT = re.compile(r"requires a quota project")
PERMISSION = r"([a-z][A-Za-z]{1,40}(?:\.[a-z][A-Za-z]{1,60}){2,5})"
NAMED = tuple(
    re.compile(pattern)
    for pattern in (
        rf"Permission ['\"]?{PERMISSION}['\"]? (?:denied|is required)",
        rf"Required ['\"]{PERMISSION}['\"] permission",
        rf"does not have {PERMISSION} access",
        rf"[Pp]ermission[: ]+['\"]?{PERMISSION}['\"]?",
    )
)
ENABLED_AT = re.compile(r"/apis/api/([a-z0-9-]{1,60}\.googleapis\.com)/overview\?project=([a-z0-9:.-]{1,64})")
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,80}")
PLACES = {
    "service": re.compile(r"[a-z0-9-]{1,60}(?:\.[a-z0-9-]{1,60}){1,4}"),
    "consumer": re.compile(r"(?:projects|project_number|folders|organizations)[/:][A-Za-z0-9:._-]{1,64}"),
    "permission": re.compile(PERMISSION),
    "quota_metric": re.compile(r"[a-z0-9.-]{1,80}/[a-z0-9_./-]{1,80}"),
    "quota_limit": re.compile(r"[A-Za-z0-9-]{1,100}"),
}
"""The metadata of a reason that may be shown, each by the shape it must have."""


@dataclass(frozen=True)
class Refusal:
    """An error as Google words it: the HTTP status, its reasons, what they say beside, and a message for patterns only."""

    status: int
    reasons: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    message: str = ""

    @property
    def code(self) -> str:
        """Google's own code: the reason that says most, the status word, or the HTTP status."""
        found = next((reason for reason in self.reasons if reason in OFF), None) or next(iter(self.reasons), "")
        return found or f"HTTP {self.status}"

    def or_else(self, reason: str) -> Refusal:
        """The same, with another reason where the reply gave none."""
        return self if self.reasons else replace(self, reasons=(reason,))

    def detail(self, *fields: str) -> str:
        """Some of what the reason says beside, in one text."""
        return " ".join(filter(None, (self.metadata.get(name, "") for name in fields)))


def refusal_of(status: int, content: bytes | str) -> Refusal:
    """The error in a reply's body. What is not of its documented shape is left out."""
    try:
        body = json.loads(content)["error"]
        details = [one for one in body.get("details") or () if isinstance(one, dict)]
        errors = [one for one in body.get("errors") or () if isinstance(one, dict)]
        told = [one.get("reason") for one in details] + [body.get("status")] + [one.get("reason") for one in errors]
        reasons = tuple(one for one in told if isinstance(one, str) and WORD.fullmatch(one))
        message = str(body.get("message") or "")
        found = [one.get("metadata") for one in details if isinstance(one.get("metadata"), dict)]
        return Refusal(status, reasons, places(message, *found), message)
    except (ValueError, LookupError, TypeError, AttributeError):
        return Refusal(status)


def places(message: str, *metadata: Any) -> dict[str, str]:
    """The metadata that may be shown; a service and its consumer also stand in the address that enables it."""
    found: dict[str, str] = {}
    for held in metadata:
        for name, shape in PLACES.items():
            value = held.get(name)
            if isinstance(value, str) and shape.fullmatch(value):
                found.setdefault(name, value.replace("project_number:", "projects/"))
    if address := ENABLED_AT.search(message):
        found.setdefault("service", address[1])
        found.setdefault("consumer", f"projects/{address[2]}")
    return found


@dataclass(frozen=True)
class Meaning:
    """What an error with one of some reasons, or some words, or a status comes to; ``both`` asks for reason and words."""

    outcome: Outcome
    cause: str = ""
    reasons: frozenset[str] = frozenset()
    words: re.Pattern[str] | None = None
    status: int = 0
    both: bool = False
    shows: tuple[str, ...] = ("service", "consumer")
    said: str = ""
    permission: str = ""

    def fits(self, told: Refusal) -> bool:
        """Whether the error is of this kind."""
        by_reason = not self.reasons.isdisjoint(told.reasons) or (self.status > 0 and self.status == told.status)
        by_words = bool(self.words and self.words.search(told.message))
        return (by_reason and by_words) if self.both else (by_reason or by_words)

    def failure(self, told: Refusal) -> ReadFailed:
        """The error as a session raises it."""
        detail = " ".join(filter(None, (self.said, told.detail(*self.shows))))
        return ReadFailed(self.outcome, told.code, detail, self.permission, self.cause)


MEANINGS = (
    Meaning("failed", "", OFF, NO_QUOTA_PROJECT, both=True, said="the credential names no quota project"),
    Meaning("unavailable", "api_off", OFF),
    Meaning("failed", "quota", QUOTA, status=429, shows=("quota_metric", "quota_limit", "consumer")),
    Meaning("failed", "billing_off", BILLING, BILLED),
    Meaning("failed", "network_refused", PERIMETERS, PERIMETER, said="VPC Service Controls"),
    Meaning("failed", "other_tenant", OTHER_TENANT),
    Meaning("failed", "", CONSUMER),
    Meaning("failed", "credentials_ended", ENDED, status=401, shows=()),
    Meaning("denied", "", SCOPE_MISSING, UNSCOPED, shows=(), said="the token lacks an OAuth scope", permission=SCOPE),
    Meaning("denied", "", frozenset({"USER_PROJECT_DENIED"}), shows=("consumer",), permission=USER_PROJECT),
)
"""Every kind of error that is not just a missing permission of the operation; the first that fits counts."""


def failure(told: Refusal, operation: Operation, params: Mapping[str, Any]) -> ReadFailed | Absent:
    """What an operation's error comes to, as what a session raises."""
    if told.code in operation.absent or str(told.status) in operation.absent:
        return Absent(told.code)
    if told.status == 404 and not GONE.isdisjoint(told.reasons) and names_a_thing(operation, params):
        return Lost(told.code)
    if meaning := next((one for one in MEANINGS if one.fits(told)), None):
        return meaning.failure(told)
    return ReadFailed("denied" if told.status == 403 else "failed", told.code, "", permission(told))


def by_project(failure: ReadFailed | Absent) -> bool:
    """Whether one project refused, so that others may answer: the credential itself is good."""
    if not isinstance(failure, ReadFailed):
        return False
    refused = failure.cause in ("billing_off", "network_refused", "other_tenant") or failure.code in OFF | CONSUMER
    return refused or failure.outcome in ("denied", "unavailable")


def permission(told: Refusal) -> str:
    """The permission that a refusal names; empty where it names none, or is no refusal."""
    if told.status != 403:
        return ""
    if stated := told.metadata.get("permission"):
        return stated
    found = next(filter(None, (pattern.search(told.message) for pattern in NAMED)), None)
    return found[1] if found else ""


REFUSED = "the credential was refused a token"


def no_token(args: tuple[Any, ...], name: str) -> ReadFailed:
    """Why the credential was refused a token: the arguments of google-auth's error.

    The token endpoint says an OAuth word such as ``invalid_grant`` for a key that was deleted or a login that was
    withdrawn (RFC 6749, section 5.2); impersonation is refused in the words of every Google API.
    """
    told = args[1] if len(args) > 1 else None
    if isinstance(told, dict) and isinstance(told.get("error"), str) and WORD.fullmatch(told["error"]):
        return ReadFailed("failed", name, f"{REFUSED}, {told['error']}", cause="credentials_ended")
    if isinstance(told, str | bytes):
        entered = refusal_of(403, told)
        if entered.reasons and (missing := permission(entered)):
            return ReadFailed("denied", entered.code, REFUSED, missing)
    return ReadFailed("failed", name, REFUSED, cause="credentials_ended")


def names_a_thing(operation: Operation, params: Mapping[str, Any]) -> bool:
    """Whether a call is about something that another list named, and not about the project or a location of it."""
    whole = re.compile(r"(?:projects|folders|organizations)/[^/]+(?:/locations/[^/]+)?")
    asked = [(key, value) for key, value in params.items() if (key, value) not in operation.fixed]
    return any(key in ("bucket", "topic") or ("/" in str(v) and not whole.fullmatch(str(v))) for key, v in asked)
