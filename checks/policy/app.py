"""What an IAM role for users of an app lets them do in AWS IoT. Policies are read as they stand.

Permission boundaries, service control policies and the scope-down of Cognito's enhanced flow, which only take away,
are not evaluated. Breadth is decided by two unrelated names: where both are let through, users are not told apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from checks.policy.document import Statement, all_of
from checks.policy.pattern import fits, items, resource_part

DATA = {
    "iot:Connect": ("client/{}",),
    "iot:Publish": ("topic/{}", "topic/$aws/things/{}/shadow/update"),
    "iot:Receive": ("topic/{}", "topic/$aws/things/{}/shadow/update"),
    "iot:Subscribe": ("topicfilter/{}", "topicfilter/$aws/things/{}/shadow/update"),
    "iot:GetThingShadow": ("thing/{}",),
    "iot:UpdateThingShadow": ("thing/{}",),
    "iot:DeleteThingShadow": ("thing/{}",),
    "iot:ListNamedShadowsForThing": ("thing/{}",),
    "iot:GetRetainedMessage": ("topic/{}",),
    "iot:RetainPublish": ("topic/{}",),
    "iot:ListRetainedMessages": ("{}",),
}
"""Actions of the data plane, with the resources that they are asked on."""
READS = dict.fromkeys(
    ("iot:DescribeThing", "iot:ListJobExecutionsForThing", "iot:ListThingGroupsForThing", "iot:ListThingPrincipals"),
    ("thing/{}",),
)
"""Reads about one thing (Device Defender, "Authenticated Cognito role overly permissive")."""
HARMLESS = frozenset({"iot:describeendpoint"})
"""Where the endpoint is: every app must know it."""
ADMINISTRATION = (
    "iot:AddThingToThingGroup", "iot:AttachThingPrincipal", "iot:CreateThing", "iot:DeleteThing",
    "iot:DetachThingPrincipal", "iot:ListThings", "iot:ListThingsInThingGroup", "iot:RegisterThing",
    "iot:RemoveThingFromThingGroup", "iot:UpdateThing", "iot:UpdateThingGroupsForThing", "iot:AttachPolicy",
    "iot:AttachPrincipalPolicy", "iot:CreatePolicy", "iot:CreatePolicyVersion", "iot:DeletePolicy", "iot:GetPolicy",
    "iot:ListPolicies", "iot:CreateJob", "iot:CancelJob", "iot:DescribeJob", "iot:CreateKeysAndCertificate",
    "iot:CreateCertificateFromCsr", "iot:RegisterCertificate", "iot:UpdateCertificate", "iot:DescribeCertificate",
    "iot:ListCertificates", "iot:CreateTopicRule", "iot:ReplaceTopicRule", "iot:CreateRoleAlias",
    "iot:CreateProvisioningClaim", "iot:OpenTunnel", "iot:SearchIndex", "iot:SetV2LoggingOptions",
)  # fmt: skip
"""Actions of administration that a wildcard is tried on; an action written out needs no list."""
PAIR = ("k7ZqW4hGt9", "vX2mPb8Nc3")
SUB = re.compile(r"\$\{cognito-identity\.amazonaws\.com:sub\}", re.IGNORECASE)


def is_bound_to_caller(statement: Statement) -> bool:
    """Whether a condition holds a statement to the identity that asks."""
    return bool(SUB.search(str(statement.condition)))


def reaches(statement: Statement, resource: str) -> bool:
    """Whether a statement's resources cover one resource; a variable stands for one name that nobody knows."""

    def covers(pattern: str) -> bool:
        return fits(items(resource_part(pattern)), resource)

    if statement.not_resources:
        return not any(covers(pattern) for pattern in statement.not_resources)
    return any(covers(pattern) for pattern in statement.resources)


def is_granted(statements: list[Statement], action: str, resource: str) -> bool:
    """Whether an action on a resource is allowed and not denied without a condition."""
    speaking = [s for s in statements if s.covers_action(action) and reaches(s, resource)]
    return any(s.allows and not is_bound_to_caller(s) for s in speaking) and all(
        s.allows or s.condition for s in speaking
    )


def is_broad(statements: list[Statement], actions: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether one of the actions is allowed on two names that have nothing in common."""
    return any(
        all(is_granted(statements, action, template.replace("{}", name)) for name in PAIR)
        for action, templates in actions.items()
        for template in templates
    )


def administers(statements: list[Statement]) -> bool:
    """Whether an action of AWS IoT other than those on the data plane and on one thing is allowed on anything."""
    known = {action.lower() for action in (*DATA, *READS)} | HARMLESS
    written = {action for s in statements for action in s.actions if action.lower().startswith("iot:")}
    exact = {action for action in written if not set("*?") & set(action) and action.lower() not in known}
    return any(
        any(s.allows and s.covers_action(action) for s in statements)
        and not any(
            not s.allows and s.covers_action(action) and not s.condition and "*" in s.resources for s in statements
        )
        for action in (*ADMINISTRATION, *sorted(exact))
    )


def too_much_for_a_guest(documents: str) -> bool:
    """Guests administer AWS IoT, or reach devices that are not bound to their own identity."""
    statements = all_of(documents)
    return administers(statements) or is_broad(statements, DATA | READS)


def too_much_for_a_user(documents: str) -> bool:
    """Signed-in users administer AWS IoT, or read about every thing."""
    statements = all_of(documents)
    return administers(statements) or is_broad(statements, READS)
