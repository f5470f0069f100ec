"""AWS IoT policies and what they are attached to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from collectors.aws.account import PAGES, RESULTS
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread, is_gone
from collectors.tables.access import Policy

LIST_POLICIES = Operation("iot.list_policies", "iot:ListPolicies", items="policies", shared=True, fixed=PAGES)
GET_POLICY = Operation("iot.get_policy", "iot:GetPolicy", shared=True)
LIST_TARGETS = Operation(
    "iot.list_targets_for_policy", "iot:ListTargetsForPolicy", items="targets", shared=True, fixed=PAGES
)
LIST_ROLE_ALIASES = Operation(
    "iot.list_role_aliases", "iot:ListRoleAliases", items="roleAliases", shared=True, fixed=PAGES
)
DESCRIBE_ROLE_ALIAS = Operation("iot.describe_role_alias", "iot:DescribeRoleAlias", shared=True)
PRINCIPAL_THINGS = Operation(
    "iot.list_principal_things_v2",
    "iot:ListPrincipalThingsV2",
    items="principalThingObjects",
    shared=True,
    fixed=RESULTS,
)

PROVISIONING = "$aws/provisioning-templates/"
"""Topics of fleet provisioning. A certificate without a thing whose policy names them is a claim
(AWS IoT Core, "Provisioning by claim")."""


@dataclass
class Attachments:
    """How many policies each target has and which targets a claim's policy is attached to; ``unread`` if not all."""

    policies: Counter[str] = field(default_factory=Counter)
    claims: set[str] = field(default_factory=set)
    targets_unread: Unread | None = None
    documents_unread: Unread | None = None

    def count(self, target: str) -> int | Unread:
        """Policies attached to a certificate or group."""
        return self.targets_unread or self.policies[target]

    def is_claim(self, target: str, things: int | Unread | None) -> bool | Unread | None:
        """Whether a certificate is a provisioning claim; one that has a thing is a device."""
        if not isinstance(things, int):
            return things
        if things:
            return False
        return target in self.claims or self.targets_unread or self.documents_unread or False


def attachments(read: Reader) -> Attachments:
    """Asked from the small side: the targets of each policy instead of the policies of each certificate."""
    found = Attachments()
    names = read(LIST_POLICIES).cell(lambda policies: [policy["policyName"] for policy in policies])
    if isinstance(names, Unread):
        return Attachments(targets_unread=names, documents_unread=names)
    for name in names:
        targets = read(LIST_TARGETS, policyName=name).cell(list)
        document = read(GET_POLICY, policyName=name).cell(lambda policy: policy["policyDocument"])
        if is_gone(targets) or is_gone(document):
            continue
        if isinstance(document, Unread):
            found.documents_unread = document
        if isinstance(targets, Unread):
            found.targets_unread = targets
            continue
        found.policies.update(targets)
        if isinstance(document, str) and PROVISIONING in document:
            found.claims.update(targets)
    return found


def things_of(read: Reader, certificate_arn: str) -> list[dict[str, Any]] | Unread:
    """The things a certificate is attached to."""
    found: list[dict[str, Any]] | Unread = read(PRINCIPAL_THINGS, principal=certificate_arn).cell(list)
    return found


@collector(Policy, "aws", LIST_POLICIES, GET_POLICY, LIST_TARGETS, LIST_ROLE_ALIASES, PRINCIPAL_THINGS)
def policies(read: Reader) -> Iterator[Row]:
    """Every policy of one region, in its default version."""
    aliases = read(LIST_ROLE_ALIASES).cell(len)
    attached = attachments(read)
    for policy in read(LIST_POLICIES):
        name = policy["policyName"]
        document = read(GET_POLICY, policyName=name).cell(lambda reply: reply["policyDocument"])
        targets = read(LIST_TARGETS, policyName=name).cell(list)
        if is_gone(targets) or is_gone(document):
            continue
        yield {
            "resource": policy["policyArn"],
            "name": name,
            "document": document,
            "targets": targets if isinstance(targets, Unread) else len(targets),
            "aliases": aliases,
            "judged_together": targets
            if isinstance(targets, Unread)
            else all(":cert/" in target or ":thinggroup/" in target for target in targets),
            "claim": only_claims(read, document, targets, attached),
        }


def only_claims(read: Reader, document: Any, targets: Any, attached: Attachments) -> bool | Unread | None:
    """Whether every target is a provisioning claim; without targets, whether the policy is made for claims."""
    if isinstance(targets, Unread):
        return targets
    if not targets:
        return document if isinstance(document, Unread) else PROVISIONING in document
    unread: Unread | None = None
    for target in targets:
        if ":cert/" not in target:
            return False
        if target not in attached.claims:
            doubt = attached.targets_unread or attached.documents_unread
            if doubt is None:
                return False
            unread = doubt
            continue
        things = things_of(read, target)
        claim = attached.is_claim(target, things if isinstance(things, Unread) else len(things))
        if claim is False:
            return False
        if isinstance(claim, Unread):
            unread = claim
    return unread or True
