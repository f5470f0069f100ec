"""What the holder of a certificate may do: its policies, those of the groups of its things, and the roles they open.

Built from the small side: each policy is asked for its targets, and only groups that have a policy are asked for their
things, those in child groups included, which inherit it (AWS IoT Core, "Static thing groups"). No device is asked.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from collectors.aws.account import RESULTS, partition
from collectors.aws.certificate_issuers import LIST_CERTIFICATES
from collectors.aws.certificates import exclusive
from collectors.aws.iam import like, matches, statements
from collectors.aws.policies import (
    DESCRIBE_ROLE_ALIAS,
    GET_POLICY,
    LIST_POLICIES,
    LIST_ROLE_ALIASES,
    LIST_TARGETS,
    PRINCIPAL_THINGS,
    things_of,
)
from collectors.aws.s3 import as_list
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread, is_gone
from collectors.tables.access import Principal

LIST_MEMBERS = Operation(
    "iot.list_things_in_thing_group", "iot:ListThingsInThingGroup", items="things",
    absent=("ResourceNotFoundException",), shared=True, fixed=(*RESULTS, ("recursive", True)),
)  # fmt: skip
GRAPH = (LIST_POLICIES, GET_POLICY, LIST_TARGETS, LIST_MEMBERS, PRINCIPAL_THINGS, LIST_ROLE_ALIASES)
"""What the graph is built from, beside the list of certificates."""

GROUP = ":thinggroup/"
ASSUME = "iot:assumerolewithcertificate"
VARIABLE = re.compile(r"\$\{[^{}]*\}")
Names = tuple[str, ...]
Sets = tuple[Names, ...]
"""Names of the policies in force at once, one tuple for each different set."""


@dataclass(frozen=True)
class Assumable:
    """Role aliases that one policy allows to be assumed, and those it denies."""

    allowed: frozenset[str]
    denied: frozenset[str]


def alias_arn(read: Reader, alias: str) -> str:
    """ARN of a role alias."""
    return f"arn:{partition(read.scope.region)}:iot:{read.scope.region}:{read.scope.account}:rolealias/{alias}"


def assumable(document: str | Unread, aliases: Mapping[str, str]) -> Assumable | Unread:
    """Which role aliases, named by their ARNs, a policy lets a device assume, as it is written, and which it denies."""
    if isinstance(document, Unread):
        return document
    try:
        said = [s for s in statements(document) if matches(s, ASSUME)]
        return Assumable(*(
            frozenset(
                alias for alias, arn in aliases.items() if any(s.get("Effect") == e and names(s, arn, e) for s in said)
            )
            for e in ("Allow", "Deny")
        ))  # fmt: skip
    except Exception:  # whatever a document brings about costs what it decides
        return Unread("not_parseable", detail="a policy is no JSON policy")


def names(statement: Mapping[str, Any], resource: str, effect: str) -> bool:
    """Whether a statement is for a resource. In a Deny a variable stands for nothing, in an Allow for any text."""
    stands_for = "*" if effect == "Allow" else "\0"
    patterns = as_list(statement.get("NotResource" if "NotResource" in statement else "Resource"))
    found = any(like(VARIABLE.sub(stands_for, str(pattern)), resource) for pattern in patterns)
    return found != ("NotResource" in statement)


@dataclass
class Graph:
    """Which policies lie on which certificate and which thing, and what could not be read of it."""

    documents: dict[str, str | Unread] = field(default_factory=dict)
    attached: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    through: defaultdict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    """By thing: group and policy."""
    grouped: bool = False
    """At least one thing group has a policy."""
    targets_unread: Unread | None = None
    members_unread: Unread | None = None
    aliases: dict[str, Assumable | Unread] | Unread = field(default_factory=dict)
    """By policy: the role aliases it speaks of."""
    _joined: dict[Sets, str | Unread] = field(default_factory=dict)
    _assumed: dict[Sets, Names | Unread] = field(default_factory=dict)

    def sets(self, certificate: str, things: list[dict[str, Any]] | Unread) -> Sets | Unread:
        """Names of the policies in force at once: the certificate's own, with those of each of its things' groups."""
        if self.targets_unread:
            return self.targets_unread
        own = self.attached.get(certificate, [])
        if not self.grouped:
            return (tuple(sorted(own)),)
        if isinstance(things, Unread):
            return things
        if things and self.members_unread:
            return self.members_unread
        found = {frozenset(own) | {name for _, name in self.through.get(t["thingName"], ())} for t in things}
        return tuple(sorted(tuple(sorted(names)) for names in found or {frozenset(own)}))

    def together(self, sets: Sets | Unread) -> str | Unread:
        """The documents of every set as one JSON text, the same object for equal sets; unread when one of them is."""
        if isinstance(sets, Unread):
            return sets
        if sets not in self._joined:
            held = [[self.documents[name] for name in names] for names in sets]
            unread = next((d for documents in held for d in documents if isinstance(d, Unread)), None)
            self._joined[sets] = unread or json.dumps(held)
        return self._joined[sets]

    def assumable_aliases(self, sets: Sets | Unread) -> Names | Unread:
        """Role aliases that one of the sets lets a device assume."""
        if isinstance(sets, Unread):
            return sets
        if isinstance(self.aliases, Unread):
            return self.aliases
        if sets not in self._assumed:
            self._assumed[sets] = self._assumable(self.aliases, sets)
        return self._assumed[sets]

    @staticmethod
    def _assumable(aliases: Mapping[str, Assumable | Unread], sets: Sets) -> Names | Unread:
        found: set[str] = set()
        for names in sets:
            allowed, denied = set[str](), set[str]()
            for name in names:
                said = aliases[name]
                if isinstance(said, Unread):
                    return said
                allowed |= said.allowed
                denied |= said.denied
            found |= allowed - denied
        return tuple(sorted(found))


def graph(read: Reader) -> Graph:
    """Every policy with its targets, and the things of every group that has one."""
    found = Graph()
    listed = read(LIST_POLICIES).cell(lambda policies: [policy["policyName"] for policy in policies])
    if isinstance(listed, Unread):
        return Graph(targets_unread=listed, aliases=listed)
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in listed:
        found.documents[name] = read(GET_POLICY, policyName=name).cell(lambda reply: reply["policyDocument"])
        targets = read(LIST_TARGETS, policyName=name).cell(list)
        if is_gone(targets) or is_gone(found.documents[name]):
            del found.documents[name]
            continue
        if isinstance(targets, Unread):
            found.targets_unread = targets
            continue
        for target in targets:
            if GROUP in target:
                groups[target.partition(GROUP)[2]].append(name)
            else:
                found.attached[target].append(name)
    for group, names in groups.items():
        members = read(LIST_MEMBERS, thingGroupName=group).cell(list, absent=[])
        if isinstance(members, Unread):
            found.members_unread = members
            continue
        for thing in members:
            found.through[thing].extend((group, name) for name in names)
    found.grouped = bool(groups)
    aliases = read(LIST_ROLE_ALIASES).cell(lambda names: {name: alias_arn(read, name) for name in names})
    found.aliases = (
        aliases
        if isinstance(aliases, Unread)
        else {name: assumable(document, aliases) for name, document in found.documents.items()}
    )
    return found


@collector(Principal, "aws", LIST_CERTIFICATES, *GRAPH, DESCRIBE_ROLE_ALIAS)
def principals(read: Reader) -> Iterator[Row]:
    """Every active certificate of one region."""
    known = graph(read)
    roles: dict[Names, str | Unread] = {}
    for certificate in read(LIST_CERTIFICATES):
        if certificate["status"] != "ACTIVE":
            continue
        arn = certificate["certificateArn"]
        things = things_of(read, arn)
        sets = known.sets(arn, things)
        aliases = known.assumable_aliases(sets)
        if not isinstance(aliases, Unread) and aliases not in roles:
            roles[aliases] = behind_aliases(read, aliases)
        yield {
            "resource": arn,
            "name": certificate["certificateId"],
            "policies": known.targets_unread or ", ".join(sorted(known.attached.get(arn, ()))),
            "group_policies": sets if isinstance(sets, Unread) else group_policies(known, things),
            "documents": known.together(sets),
            "things": things if isinstance(things, Unread) else len(things),
            "exclusive": exclusive(things),
            "role_aliases": aliases if isinstance(aliases, Unread) else ", ".join(aliases),
            "roles": aliases if isinstance(aliases, Unread) else roles[aliases],
        }


def group_policies(known: Graph, things: list[dict[str, Any]] | Unread) -> str | Unread:
    """Policies that come through groups, each with its group; none where no group has a policy."""
    if not known.grouped:
        return ""
    if isinstance(things, Unread):
        return things
    found = {f"{group}: {name}" for thing in things for group, name in known.through.get(thing["thingName"], ())}
    return ", ".join(sorted(found))


def behind_aliases(read: Reader, aliases: Names) -> str | Unread:
    """ARNs of the roles behind some role aliases."""
    found = []
    for alias in aliases:
        role: str | Unread = read(DESCRIBE_ROLE_ALIAS, roleAlias=alias).cell(
            lambda reply: reply["roleAliasDescription"]["roleArn"]
        )
        if is_gone(role):
            continue
        if isinstance(role, Unread):
            return role
        found.append(role)
    return ", ".join(dict.fromkeys(found))
