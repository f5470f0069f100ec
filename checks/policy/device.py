"""What an AWS IoT policy lets a device do to others. A verdict is decided by probe names, not by string patterns.

Two names that nobody would choose for related things are tried; where both are let through, the statement does not
tell devices apart. That handles lists, complements, escapes and wildcards in the middle alike. One document is read
on its own here; the union of a certificate's policies is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from checks.policy.document import ANY, Statement, fits, parse, resource_part, tokens

_VARIABLE = re.compile(r"\$\{([^${}*?][^{}]*)\}")
BOUND = re.compile(
    r"iot:Connection\.Thing\.(ThingName|ThingTypeName|Attributes\[[^]]+\])"
    r"|iot:Certificate(Id|\.(SerialNumber|Subject\..+|Issuer\..+))",
    re.IGNORECASE,
)
"""Variables that the certificate or its thing decides ("Thing policy variables", "X.509 Certificate policy variables")."""
CHOSEN = re.compile(r"iot:ClientId", re.IGNORECASE)
"""A variable that the caller decides."""

SHADOW_AND_JOBS = ("shadow/update", "shadow/get", "shadow/delete", "shadow/name/x/update", "jobs/get", "jobs/x/update",
                   "jobs/start-next", "x")  # fmt: skip
THING_ACTIONS = tuple(
    f"{prefix}:{action}"
    for prefix, actions in {
        "iot": ("GetThingShadow", "UpdateThingShadow", "DeleteThingShadow"),
        "iotjobsdata": (),
    }.items()
    for action in (
        *actions, "DescribeJobExecution", "GetPendingJobExecutions", "StartNextPendingJobExecution", "UpdateJobExecution"
    )
)  # fmt: skip


@cache
def pairs() -> tuple[tuple[str, str], ...]:
    """Pairs of names with nothing in common: of every length to 40, and with the usual separators in them."""
    first, second = "k7ZqW4hGt9", "vX2mPb8Nc3"
    plain = [((first * 4)[:n], (second * 4)[:n]) for n in range(1, 41)]
    marked = [(mark.join(first[:n]), mark.join(second[:n])) for mark in "-_.:/" for n in range(2, 6)]
    return tuple(plain + marked)


class UnknownVariable(ValueError):
    """Raised when a pattern's reach depends on a variable that AWS IoT does not document."""


def expanded(pattern: str) -> str:
    """The ``type/name`` part of a resource pattern as tokens; bound variables are one fixed, unknown name.

    Raises UnknownVariable for a variable that is neither bound nor chosen by the caller.
    """

    def resolve(match: re.Match[str]) -> str:
        name = match.group(1)
        if BOUND.fullmatch(name):
            return "\ue010"
        if CHOSEN.fullmatch(name):
            return "*"
        raise UnknownVariable(name)

    return tokens(_VARIABLE.sub(resolve, resource_part(pattern)))


def reached(statement: Statement, resource: str) -> bool:
    """Whether a statement's resources cover one resource, as in ``topic/a/b``."""
    if statement.not_resources:
        return not any(fits(expanded(pattern), resource) for pattern in statement.not_resources)
    return any(fits(expanded(pattern), resource) for pattern in statement.resources)


class Device:
    """The statements of one document, asked as a device would use them."""

    def __init__(self, document: str) -> None:
        self.statements = parse(document)

    def allowed(self, action: str, resource: str, counts: Callable[[Statement], bool] = lambda _: True) -> bool:
        """An Allow that ``counts`` covers it, and no Deny without a condition takes it away.

        An unknown variable in an Allow grants nothing on its own, yet leaves the answer open.
        """
        open_question: UnknownVariable | None = None
        granted = False
        for statement in self.statements:
            if not statement.covers_action(action):
                continue
            try:
                hit = reached(statement, resource)
            except UnknownVariable as error:
                open_question = error
                continue
            if statement.allows:
                granted = granted or (hit and counts(statement))
            elif hit and not statement.condition:
                return False
        if open_question and not granted:
            raise open_question
        return granted

    def reaches_unrelated(
        self, action: str, template: str, counts: Callable[[Statement], bool] = lambda _: True
    ) -> bool:
        """Whether two unrelated names are both allowed in the ``{}`` of a template."""
        return any(
            self.allowed(action, template.replace("{}", a), counts)
            and self.allowed(action, template.replace("{}", b), counts)
            for a, b in pairs()
        )

    def patterns(self, action: str) -> Iterator[str]:
        """The tokenised resource patterns of the Allows for an action."""
        for statement in self.statements:
            if statement.allows and statement.covers_action(action):
                yield from (expanded(pattern) for pattern in statement.resources)


def attached_only(statement: Statement) -> bool:
    """Whether a Connect holds only for a certificate that is attached to the thing it connects as."""
    wanted = (statement.condition or {}).get("Bool", {})
    for key, value in wanted.items():
        if key.lower() == "iot:connection.thing.isattached":
            values = value if isinstance(value, list) else [value]
            return len(values) == 1 and str(values[0]).lower() == "true"
    return False


def connects_as_anyone(document: str) -> bool:
    """Two arbitrary client ids may connect, and the statement does not ask for an attached thing."""
    return Device(document).reaches_unrelated("iot:Connect", "client/{}", lambda s: not attached_only(s))


def publishes_for_others(document: str) -> bool:
    """A reserved topic of two unrelated things may be published to."""
    device = Device(document)
    return any(device.reaches_unrelated("iot:Publish", f"topic/$aws/things/{{}}/{x}") for x in SHADOW_AND_JOBS)


def mqtt_matches(filter_: str, topic: str) -> bool:
    """Whether a topic filter delivers a topic (MQTT 3.1.1, section 4.7; wildcards do not reach ``$`` topics)."""
    if topic.startswith("$") and filter_[:1] in ("+", "#"):
        return False
    levels, wanted = filter_.split("/"), topic.split("/")
    for index, level in enumerate(levels):
        if level == "#":
            return True
        if index >= len(wanted) or (level not in ("+", wanted[index])):
            return False
    return len(levels) == len(wanted)


def filters(device: Device) -> Iterable[str]:
    """Filters worth trying: the fleet-wide ones, and each permitted pattern with its wildcards filled in."""
    yield from ("$aws/#", "$aws/things/#", "$aws/things/+/#", "$aws/+/#", "$aws/+/+/#")
    yield from (f"$aws/things/+/{x}" for x in SHADOW_AND_JOBS)
    for pattern in device.patterns("iot:Subscribe"):
        name = pattern.removeprefix("topicfilter/")
        yield from (name.replace(ANY, fill) for fill in ("", "#", "+", "+/x", "x"))


def listens_to_others(document: str) -> bool:
    """A permitted filter, read as MQTT, delivers reserved topics of two unrelated things."""
    device = Device(document)
    if any(device.reaches_unrelated("iot:Subscribe", f"topicfilter/$aws/things/{{}}/{x}") for x in SHADOW_AND_JOBS):
        return True
    first, second = pairs()[9]
    return any(
        mqtt_matches(name, f"$aws/things/{first}/{x}") and mqtt_matches(name, f"$aws/things/{second}/{x}")
        for name in filters(device)
        if device.allowed("iot:Subscribe", f"topicfilter/{name}")
        for x in SHADOW_AND_JOBS
    )


def acts_on_others(document: str) -> bool:
    """A shadow or job API may be called for two unrelated things."""
    device = Device(document)
    return any(device.reaches_unrelated(action, "thing/{}") for action in THING_ACTIONS)


def assumes_any_role(document: str) -> bool:
    """Any role alias may be assumed."""
    return Device(document).reaches_unrelated("iot:AssumeRoleWithCertificate", "rolealias/{}")


def allows_every_action(document: str) -> bool:
    """An Allow covers every AWS IoT or Greengrass action, on more than one literal resource."""
    for statement in parse(document):
        literal = len(statement.resources) == 1 and not set("*?$") & set(statement.resources[0])
        if statement.allows and not literal:
            iot = statement.covers_action("iot:AnActionThatDoesNotExistYet")
            if iot or statement.covers_action("greengrass:AnActionThatDoesNotExistYet"):
                return True
    return False


def denies_with_mqtt_wildcard(document: str) -> bool:
    """A Deny has a topic or topic filter with ``+`` or ``#``, which a policy reads as plain characters."""
    return any(
        not statement.allows
        and any(
            part.startswith(("topic/", "topicfilter/")) and set("+#") & set(part)
            for part in map(resource_part, statement.resources + statement.not_resources)
        )
        for statement in parse(document)
    )
