"""What AWS's refusals mean: whether a permission is missing, and which, or what else is the cause.

Of an error only its code is kept, and what a strict pattern finds in its message: an action and the kind of policy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from collectors.aws.organization import ASSUME_ROLE
from collectors.operation import Absent, Lost, Operation, ReadFailed
from collectors.scope import Outcome

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

DENIED = frozenset({
    "AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException", "Forbidden",
    "NotAuthorized", "UnauthorizedException", "UnauthorizedOperation", "AllAccessDisabled", "401", "403",
})  # fmt: skip
ENDED = frozenset({
    "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidAccessKeyId", "InvalidToken",
})  # fmt: skip
"""The credentials have ended: "Common Errors" of each API's reference; the last two are Amazon S3's "Error responses"."""
STALE = ENDED | {"RequestExpired", "SignatureDoesNotMatch", "InvalidSignatureException", "RequestTimeTooSkewed"}
"""The credentials ended, do not fit, or the clock is wrong: no permission would help."""
THROTTLED = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
    "TooManyRequestsException", "RequestLimitExceeded", "ProvisionedThroughputExceededException", "SlowDown",
    "EC2ThrottledException", "LimitExceededException", "BandwidthLimitExceeded", "PriorRequestNotComplete",
})  # fmt: skip
"""Codes that botocore's standard retries take for throttling (``botocore.retries.standard``), and IoT's own limits."""
GONE = frozenset({
    "ResourceNotFoundException", "ResourceNotFound", "NoSuchEntity", "NoSuchEntityException", "NoSuchBucket",
    "NotFoundException", "NotFound", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
    "TrailNotFoundException", "TableNotFoundException",
})  # fmt: skip
"""Codes by which a service says that what was named is not there."""
NOT_OFFERED = frozenset({"OptInRequired", "SubscriptionRequiredException"})
CLOSED = re.compile(r"^Only existing .* customers can access")
"""What a service that takes no new customers says to all others, as Timestream for LiveAnalytics does since June 2025."""
UNKNOWN_TO_REGION = frozenset({"InvalidClientTokenId", "UnrecognizedClientException"})
ALWAYS_ON = frozenset({
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1",
    "us-east-2", "us-west-1", "us-west-2",
})  # fmt: skip
"""Regions that no account can switch off (AWS Account Management, "Enable or disable AWS Regions"). Elsewhere a valid
key that is not recognised means that the region is not enabled."""
NOT_OURS = frozenset({
    "TrailNotFoundException", "CloudTrailARNInvalidException", "InvalidTrailNameException",
    "OperationNotPermittedException",
})  # fmt: skip
"""What CloudTrail answers when a member account asks for the details of its organisation's trail."""

ACTION = re.compile(r"is not authorized to perform: ([a-z][a-z0-9-]{1,40}:[A-Za-z0-9]{2,80})(?![A-Za-z0-9:*])")
POLICY = (
    r"(service control policy|resource control policy|identity-based policy|resource-based policy|session policy"
    r"|permissions boundary|VPC endpoint policy)"
)
EXPLICIT = re.compile(rf"with an explicit deny in (?:a|an|the) {POLICY}")
MISSING = re.compile(rf"because no {POLICY} allows")
"""IAM User Guide, "Troubleshoot access denied error messages": the action, and which kind of policy decided."""


def failure(
    error: ClientError, operation: Operation, params: Mapping[str, Any], account: str, region: str
) -> ReadFailed | Absent:
    """What an operation's error comes to, as what a session raises."""
    code, message = code_and_message(error)
    if code in operation.absent:
        return Absent(code)
    foreign = trail_owner(operation, params, account)
    if foreign and code in NOT_OURS | DENIED:
        return Lost(code, f"account {foreign}", "out_of_scope_account")
    if code in GONE and any(pair not in operation.fixed for pair in params.items()):
        return Lost(code)
    if outcome := other_outcome(code, message, region):
        return ReadFailed(outcome[0], code, cause=outcome[1])
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code not in DENIED and status not in (401, 403):
        return ReadFailed("failed", code or "ClientError")
    assumed = ASSUME_ROLE.permission if error.operation_name == "AssumeRole" else ""
    return ReadFailed("denied", code or "ClientError", decider(message), action(message) or assumed)


def other_outcome(code: str, message: str, region: str) -> tuple[Outcome, str] | None:
    """The outcome and the cause of an error that is no missing permission, whatever its status."""
    if code in UNKNOWN_TO_REGION:
        return ("failed", "credentials_ended") if region in ALWAYS_ON else ("unavailable", "")
    if code in STALE:
        return "failed", "credentials_ended" if code in ENDED else ""
    if code in NOT_OFFERED or CLOSED.match(message):
        return "unavailable", ""
    return ("failed", "quota") if code in THROTTLED else None


def entering(error: ClientError, detail: str = "", permission: str = "") -> ReadFailed:
    """What comes of an attempt to log in, or to assume a role, that AWS refused."""
    code, message = code_and_message(error)
    if code in ENDED | UNKNOWN_TO_REGION:
        return ReadFailed("failed", code, detail, permission, "credentials_ended")
    if code in THROTTLED:
        return ReadFailed("failed", code, detail, permission, "quota")
    if code in DENIED and code not in STALE:
        said = "; ".join(part for part in (detail, decider(message)) if part)
        return ReadFailed("denied", code, said, action(message) or permission)
    return ReadFailed("failed", code or "ClientError", detail, permission)


def code_and_message(error: ClientError) -> tuple[str, str]:
    """The code and the message of an error. The message is for patterns only: it holds names of the account."""
    held = error.response.get("Error", {})
    return str(held.get("Code", "")), str(held.get("Message", ""))


def action(message: str) -> str:
    """The IAM action that a refusal names; empty where it names none."""
    found = ACTION.search(message)
    return found[1] if found else ""


def decider(message: str) -> str:
    """Which kind of policy decided, where that is not just a permission that nobody gave."""
    if found := EXPLICIT.search(message):
        return f"an explicit deny in a {found[1]}".replace("a identity", "an identity")
    found = MISSING.search(message)
    return f"no {found[1]} allows it" if found and found[1] != "identity-based policy" else ""


def trail_owner(operation: Operation, params: Mapping[str, Any], account: str) -> str:
    """The account of the trail that a call is about, where that is not the account that asks."""
    if not operation.name.startswith("cloudtrail."):
        return ""
    arn = str(params.get("TrailName") or params.get("Name") or "")
    found = re.fullmatch(r"arn:[a-z-]+:cloudtrail:[a-z0-9-]+:(\d{12}):trail/.+", arn)
    return found[1] if found and found[1] != account else ""
