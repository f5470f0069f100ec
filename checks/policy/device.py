"""What AWS IoT policies let a device do to others: of one document, or of all documents of one certificate.

A verdict is decided by names, not by the look of a pattern: two names made of letters that the policies never spell
are unrelated to each other and to everything the author named. Where such names are let through, the statement does
not tell devices apart. A name is looked for through all Allow and Deny patterns at once, so lists, complements,
escapes and wildcards in the middle need no rules of their own.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, count

from checks.policy import template
from checks.policy.document import Statement, parse
from checks.policy.pattern import ANY, FRESH, Items, compact, fits, items, resource
from checks.policy.reach import LONGEST, Reach, Side
from checks.policy.template import Template

CLIENT = "${iot:clientid}"
"""The variable that the caller decides, unless its Connect is bounded."""
BOUND = re.compile(
    r"\$\{(iot:connection\.thing\.(thingname|thingtypename|attributes\[[^]]+\])"
    r"|iot:certificateid|iot:certificate\.(serialnumber|(subject|issuer|subjectalternativename)\..+)"
    r"|cognito-identity\.amazonaws\.com:(sub|aud)|aws:sourceip|iot:domainname"
    r"|credentials-iot:(thingname|thingtypename|awscertificateid)|aws:(userid|username|principaltag/[^}]+))\}"
)
"""Variables that the certificate, its thing or the connection decides ("Thing policy variables", "X.509 Certificate
policy variables", "Basic policy variables"), and in IAM policies the session, in lower case."""
JOB_ACTIONS = ("DescribeJobExecution", "GetPendingJobExecutions", "StartNextPendingJobExecution", "UpdateJobExecution")
SHADOW_ACTIONS = ("iot:GetThingShadow", "iot:UpdateThingShadow", "iot:DeleteThingShadow")
THING_ACTIONS = (
    *SHADOW_ACTIONS,
    *(f"{prefix}:{action}" for prefix in ("iot", "iotjobsdata") for action in JOB_ACTIONS),
)
"""Calls on things that a device makes over HTTPS, where no client id is checked."""
BROAD = "ALLOWS_BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS"


class Undecided(ValueError):
    """Raised when the answer hangs on a variable that AWS IoT does not document."""


@dataclass(frozen=True)
class Witness:
    """Why a rule fires, in one line, and the statement that makes it."""

    text: str
    statement: str


def bound_by_attachment(statement: Statement) -> bool:
    """Whether a Connect holds only for a certificate attached to the thing whose name is the client id."""
    return any(
        operator.lower() in ("bool", "foranyvalue:bool") and [v.lower() for v in values] == ["true"]
        for operator, values in statement.condition_values("iot:Connection.Thing.IsAttached")
    )


def symbols_text(symbols: Iterable[str], letter: str) -> str:
    """Symbols as text, with one letter for the fresh ones."""
    return compact("".join(letter if symbol == FRESH else symbol for symbol in symbols))


class Device:
    """The statements of one certificate's policies, asked as a device would use them.

    A variable that is not documented matches nothing; ``hopeful`` reads it as ``*`` instead, which tells whether it
    matters.
    """

    def __init__(self, statements: Iterable[Statement], *, hopeful: bool = False) -> None:
        self.statements = tuple(statements)
        self.hopeful = hopeful
        self._parts: dict[str, Items | None] = {}
        self._read: dict[tuple[int, ...], Reach] = {}
        self._called: dict[tuple[Reach, bool], Witness | None] = {}

    @cached_property
    def hope(self) -> Device:
        """The same policies with variables that are not documented read as ``*``."""
        return Device(self.statements, hopeful=True) if any(self.strange()) else self

    def strange(self) -> Iterator[tuple[str, str]]:
        """Variables that AWS IoT does not document, each with its statement."""
        for statement in self.statements:
            for text in statement.resources + statement.not_resources:
                for item in self.part(text) or () if "${" in text else ():
                    if item.startswith("${") and item != CLIENT and not BOUND.fullmatch(item):
                        yield item, statement.name

    def part(self, text: str) -> Items | None:
        """The ``type/name`` part of a resource as it is written."""
        if text not in self._parts:
            self._parts[text] = resource(items(text))
        return self._parts[text]

    def pattern(self, text: str, *, connect: bool, generous: bool) -> Items | None:
        """The ``type/name`` part of a resource with its variables resolved; None when it matches no name that can exist.

        Bound variables stand for themselves. The client id may be any, where that lets more through (``generous``);
        on a connect it is the very name that is asked for.
        """
        part = self.part(text)
        if part is None or len(part) - part.count(ANY) > LONGEST:
            return None
        if "${" not in text:
            return part
        if connect and CLIENT in part:
            own = part.index(CLIENT)
            itself = fits(part[:own], "client/") and set(part[own + 1 :]) <= {ANY}
            return (*"client/", ANY) if itself else None
        found: list[str] = []
        for item in part:
            known = item
            if item.startswith("${") and not BOUND.fullmatch(item):
                if item == CLIENT:
                    known = ANY if generous and self.connects else item
                elif self.hopeful and generous:
                    known = ANY
                else:
                    return None
            found.append(known)
        return tuple(found)

    def side(self, statements: Iterable[Statement], *, connect: bool) -> Side:
        """Statements of one effect as patterns."""
        patterns: dict[Items, str] = {}
        complements = []
        for statement in statements:
            for text in dict.fromkeys(statement.resources):
                found = self.pattern(text, connect=connect, generous=statement.allows)
                if found is not None:
                    patterns.setdefault(found, statement.name)
            if statement.not_resources:
                spared = [
                    self.pattern(text, connect=connect, generous=not statement.allows)
                    for text in dict.fromkeys(statement.not_resources)
                ]
                unknown = not statement.allows and len(set(self.strange_in(statement))) > 0
                if not unknown:
                    complements.append((tuple(p for p in spared if p is not None), statement.name))
        return Side(patterns, tuple(complements))

    def strange_in(self, statement: Statement) -> Iterator[str]:
        """Variables of one statement that are not documented."""
        return (variable for variable, name in self.strange() if name == statement.name)

    def reach(self, action: str, counts: Callable[[Statement], bool] = lambda _: True) -> Reach:
        """What is allowed for an action, by the Allow statements that ``counts`` takes."""
        connect = action == "iot:Connect"
        chosen = tuple(
            index
            for index, statement in enumerate(self.statements)
            if statement.covers_action(action) and (counts(statement) if statement.allows else statement.always(action))
        )
        key = (connect, *chosen)
        if key not in self._read:
            taken = [self.statements[index] for index in chosen]
            self._read[key] = Reach(
                self.side((s for s in taken if s.allows), connect=connect),
                self.side((s for s in taken if not s.allows), connect=connect),
            )
        return self._read[key]

    def letters(self, reach: Reach) -> tuple[str, str]:
        """Two letters that no pattern names."""
        free = (c for c in chain(string.ascii_lowercase, string.digits, map(chr, count(0xE0)))
                if c.isalnum() and c not in reach.globs.literals)  # fmt: skip
        return next(free), next(free)

    def pair(
        self, reach: Reach, wanted: Template, kind: str, action: str, outside: Collection[str] = ()
    ) -> Witness | None:
        """Two unrelated names of a template that are both allowed."""
        if found := reach.search(wanted, outside):
            symbols, counted = found
            statement = reach.statement(symbols)
            one, other = (symbols_text(symbols, letter).split("/", 1)[-1] for letter in self.letters(reach))
            if FRESH in symbols:
                text = f"{kind} `{one}` and {kind} `{other}` are both allowed by {statement}"
            else:
                text = f"{kind} `{one}`, which delivers reserved topics of every thing, is allowed by {statement}"
            return Witness(f"{text}{action and f' ({action})'}{'' if counted else UNCOUNTED}", statement)
        return None

    @cached_property
    def connects(self) -> Witness | None:
        """Two unrelated client ids may connect, and no statement asks for an attached thing."""
        reach = self.reach("iot:Connect", lambda statement: not bound_by_attachment(statement))
        return self.pair(reach, template.name("client"), "client id", "")

    @cached_property
    def publishes(self) -> Witness | None:
        """A reserved topic of two unrelated things may be published to."""
        return self.pair(self.reach("iot:Publish"), template.reserved_topic(), "topic", "iot:Publish", "/+#")

    @cached_property
    def subscribes(self) -> Witness | None:
        """Reserved topics of two unrelated things may be subscribed to: one filter for both, or one for each."""
        return self.pair(
            self.reach("iot:Subscribe"), template.reserved_filter(), "topic filter", "iot:Subscribe", "/+#"
        )

    @cached_property
    def calls(self) -> Witness | None:
        """A shadow or job API may be called for two unrelated things."""
        return next(filter(None, map(self.calls_any, THING_ACTIONS)), None)

    def calls_any(self, action: str) -> Witness | None:
        """One API may be called for two unrelated things, or for a named shadow of theirs."""
        reach = self.reach(action)
        named = action in SHADOW_ACTIONS and any(pattern.count("/") > 1 for pattern in reach.allow.patterns)
        if (reach, named) not in self._called:
            wanted = template.shadow() if named else template.name("thing")
            self._called[reach, named] = self.pair(reach, wanted, "thing", action, "/+#")
        return self._called[reach, named]

    @cached_property
    def assumes(self) -> Witness | None:
        """Two unrelated role aliases may be assumed."""
        reach = self.reach("iot:AssumeRoleWithCertificate")
        return self.pair(reach, template.name("rolealias"), "role alias", "iot:AssumeRoleWithCertificate", "/")

    def broad(self) -> list[Witness]:
        """What AWS IoT Device Defender calls overly permissive: connect, publish, subscribe or call for others."""
        return [found for found in (self.connects, self.publishes, self.subscribes, self.calls) if found]


UNCOUNTED = "; its Deny statements are too entangled to be counted"


@lru_cache(maxsize=512)
def device(document: str) -> Device:
    """The policies of a document, read once. Raises NotAPolicy when it is none."""
    return Device(parse(document))


def decision(document: str, question: Callable[[Device], object]) -> bool:
    """A question about one document. Raises Undecided where only an undocumented variable keeps it from yes."""
    asked = device(document)
    if question(asked):
        return True
    if asked.hope is not asked and question(asked.hope):
        raise Undecided(", ".join(sorted({variable for variable, _ in asked.strange()})))
    return False


def connects_as_anyone(document: str) -> bool:
    """Two arbitrary client ids may connect, and the statement does not ask for an attached thing."""
    return decision(document, lambda asked: asked.connects)


def publishes_for_others(document: str) -> bool:
    """A reserved topic of two unrelated things may be published to."""
    return decision(document, lambda asked: asked.publishes)


def listens_to_others(document: str) -> bool:
    """A permitted filter, read as MQTT, delivers reserved topics of two unrelated things."""
    return decision(document, lambda asked: asked.subscribes)


def acts_on_others(document: str) -> bool:
    """A shadow or job API may be called for two unrelated things."""
    return decision(document, lambda asked: asked.calls)


def assumes_any_role(document: str) -> bool:
    """Any role alias may be assumed."""
    return decision(document, lambda asked: asked.assumes)


def allows_every_action(document: str) -> bool:
    """An Allow covers every AWS IoT or Greengrass action, on more than one literal resource."""
    return any(
        statement.allows
        and not (len(statement.resources) == 1 and all(len(item) == 1 for item in items(statement.resources[0])))
        and any(statement.covers_action(f"{service}:AnActionThatDoesNotExistYet") for service in ("iot", "greengrass"))
        for statement in device(document).statements
    )
