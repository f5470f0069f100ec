"""What the certificate of a provisioning claim may do besides provisioning. Connecting is not asked about.

A claim's key is shared by a whole batch, so its policies are read together. Each pattern of an Allow is filled in with
names that nobody would choose; what remains after every Deny without a condition is held against what provisioning
by one template needs ("Provisioning by claim", AWS IoT Core).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.policy.document import ANY, ONE, Statement, all_of, fits, resource_part, tokens

TOPIC_ACTIONS = {"iot:Publish": "topic", "iot:RetainPublish": "topic", "iot:Subscribe": "topicfilter"}
"""Actions on topics, with the type of resource that each needs."""
OTHER_ACTIONS = {
    **{
        f"{prefix}:{action}": "thing"
        for prefix in ("iot", "iotjobsdata")
        for action in (
            "DescribeJobExecution", "GetPendingJobExecutions", "StartNextPendingJobExecution", "UpdateJobExecution",
        )
    },
    **dict.fromkeys(("iot:GetThingShadow", "iot:UpdateThingShadow", "iot:DeleteThingShadow"), "thing"),
    "iot:AssumeRoleWithCertificate": "rolealias",
}  # fmt: skip
"""Actions that no claim needs, whatever they are on."""
FILLS = ("", "k7ZqW4hGt9", "vX2mPb8Nc3", "k7ZqW4hGt9/vX2mPb8Nc3")
CREATE = re.compile(r"\$aws/certificates/create.*")
PROVISION = re.compile(r"\$aws/provisioning-templates/([A-Za-z0-9_-]+)/provision/.*")


def probes(statements: list[Statement], action: str, kind: str) -> Iterator[str]:
    """Resources worth trying: one that nobody named, and each permitted pattern with its wildcards filled in."""
    for fill in FILLS[1:]:
        yield f"{kind}/{fill}"
    for statement in statements:
        if statement.allows and statement.covers_action(action):
            for pattern in statement.resources:
                part = tokens(resource_part(pattern))
                yield from (part.replace(ANY, fill).replace(ONE, "q") for fill in FILLS)


def covers(statement: Statement, resource: str) -> bool:
    """Whether a statement's resources cover one resource; a policy variable stands for itself."""
    if statement.not_resources:
        return not any(fits(tokens(resource_part(pattern)), resource) for pattern in statement.not_resources)
    return any(fits(tokens(resource_part(pattern)), resource) for pattern in statement.resources)


def reached(statements: list[Statement], action: str, kind: str) -> set[str]:
    """Names of that kind which an Allow covers and no Deny without a condition takes away."""
    asked = [statement for statement in statements if statement.covers_action(action)]
    return {
        probe.removeprefix(f"{kind}/")
        for probe in set(probes(statements, action, kind))
        if probe.startswith(f"{kind}/")
        and any(s.allows and covers(s, probe) for s in asked)
        and not any(not s.allows and not s.condition and covers(s, probe) for s in asked)
    }


def exceeds_provisioning(documents: str) -> bool:
    """The documents together allow a topic outside provisioning, a second template, a shadow or job, or a role."""
    statements = all_of(documents)
    if any(reached(statements, action, kind) for action, kind in OTHER_ACTIONS.items()):
        return True
    templates: set[str] = set()
    for action, kind in TOPIC_ACTIONS.items():
        for topic in reached(statements, action, kind):
            named = PROVISION.fullmatch(topic)
            if named:
                templates.add(named.group(1))
            elif not CREATE.fullmatch(topic):
                return True
    return len(templates) > 1
