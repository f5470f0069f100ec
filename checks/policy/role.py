"""What the IAM role behind a role alias lets a device do. Policies are read as they stand.

Permission boundaries and service control policies, which can only take away, are not evaluated.
"""

from __future__ import annotations

import re

from checks.policy.document import Statement, all_of, resource_part

FORBIDDEN_SERVICES = ("iam", "cloudtrail", "guardduty", "inspector", "inspector2", "trustedadvisor")
"""Services that no device needs ("Role alias overly permissive", AWS IoT Device Defender audit checks)."""
IOT_ADMIN = ("iot:UpdateCertificate", "iot:AttachPolicy", "iot:CreatePolicyVersion", "iot:CreateThing", "iot:DeleteThing",
             "iot:AttachThingPrincipal", "iot:UpdateThingGroupsForThing", "iot:CreateJob")  # fmt: skip
IOT_DATA = {
    "iot:Publish": "topic/$aws/things/k7ZqW4hGt9/shadow/update",
    "iot:Subscribe": "topicfilter/$aws/things/k7ZqW4hGt9/shadow/update",
    "iot:UpdateThingShadow": "thing/k7ZqW4hGt9",
}
"""Data-plane actions, each with a resource of a thing that nobody named."""
DATA_ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "dynamodb:GetItem", "dynamodb:PutItem",
                "dynamodb:Query", "kinesisvideo:PutMedia", "kinesisvideo:GetMedia")  # fmt: skip
PER_DEVICE = re.compile(r"credentials-iot:(ThingName|ThingTypeName|AwsCertificateId)", re.IGNORECASE)


def wide(statement: Statement) -> bool:
    """Whether a statement grants a whole service, a service no device needs, or rights over other devices."""
    if not statement.allows:
        return False
    if statement.not_actions:
        return True
    services = {action.split(":", 1)[0].lower() for action in statement.actions}
    if "*" in services or services & set(FORBIDDEN_SERVICES):
        return True
    if any(action.split(":", 1)[1:] == ["*"] for action in statement.actions):
        return True
    if any(statement.covers_action(action) for action in IOT_ADMIN):
        return True
    reaches = [resource_part(r) if r.startswith("arn:") else r for r in statement.resources]
    return any(
        statement.covers_action(action) and any(r in ("*", f"{probe.split('/')[0]}/*") for r in reaches)
        for action, probe in IOT_DATA.items()
    )


def overly_permissive(documents: str) -> bool:
    """One of the role's statements is wider than any device needs."""
    return any(wide(statement) for statement in all_of(documents))


def reaches_other_devices_data(documents: str) -> bool:
    """The role reads or writes stored data by wildcard, and nothing in it names the device that asks."""
    statements = all_of(documents)
    scoped = any(
        PER_DEVICE.search(" ".join(s.resources)) or PER_DEVICE.search(" ".join(map(str, (s.condition or {}).values())))
        for s in statements
    )
    return not scoped and any(
        s.allows
        and any(s.covers_action(action) for action in DATA_ACTIONS)
        and (s.not_resources or any("*" in resource for resource in s.resources))
        for s in statements
    )
