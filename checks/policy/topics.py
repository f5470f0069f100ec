"""Topics of an application's own, which Device Defender does not look at, and the client id as their scope."""

from __future__ import annotations

from collections.abc import Iterator

from checks.policy.device import BOUND, CLIENT, THING_ACTIONS, Device, Undecided, decision, device
from checks.policy.document import Statement
from checks.policy.pattern import ANY, FRESH, ONE, Globs, Items, fits

OF_TOPICS = {"iot:Publish": "topic/", "iot:Subscribe": "topicfilter/"}
SCOPED = (*OF_TOPICS, "iot:Receive", "iot:RetainPublish", "iot:GetRetainedMessage", *THING_ACTIONS)
"""Actions whose resource is a topic, a topic filter or a thing."""


def scopes_by_client_id(asked: Device) -> bool:
    """Whether an Allow on topics or things is scoped by the client id."""
    return any(
        CLIENT in (asked.part(text) or ())
        for statement in asked.statements
        if statement.allows and any(map(statement.covers_action, SCOPED))
        for text in statement.resources
    )


def trusts_a_chosen_client_id(document: str) -> bool:
    """A topic or thing is scoped by the client id, and the same document lets any client id connect."""
    return scopes_by_client_id(device(document)) and decision(document, lambda them: them.connects)


def leaves_connecting_to_others(document: str) -> bool:
    """A topic or thing is scoped by the client id, and which ids may connect stands in another policy, or in none."""
    asked = device(document)
    return scopes_by_client_id(asked) and asked.reach("iot:Connect").allow.empty


def wildcards(name: Items, kind: str) -> list[int]:
    """Where a name lets more than one level through: ``*`` and ``?``, in a filter also a level ``+`` or ``#``."""
    marks = {ANY, ONE, "+", "#"} if kind == "topicfilter/" else {ANY, ONE}
    return [index for index, item in enumerate(name) if item in marks]


def topics_of(asked: Device, statement: Statement, kind: str) -> Iterator[Items]:
    """The topics or filters of an Allow, without ``topic/`` or ``topicfilter/``; reserved topics are left out."""
    if statement.not_resources:
        yield (ANY,)
    for text in statement.resources:
        part = asked.pattern(text, connect=False, generous=True)
        if part is None:
            continue
        shared = min(part.index(ANY) if ANY in part else len(part), len(kind))
        name = part[shared:] if fits(part[:shared], kind[:shared]) else ()
        if name and name[0] != "$":
            yield name


def spread(name: Items, kind: str) -> bool | None:
    """Whether a name has a wildcard before its last level; None when only its end is open."""
    if any(item == CLIENT or BOUND.fullmatch(item) for item in name):
        return False
    places = wildcards(name, kind)
    if not places:
        return False
    return True if places[0] == 0 or "/" in name[places[0] :] else None


def reaches_custom_topics_of_others(document: str) -> bool:
    """A topic of the application's own is open before its last level, and names no device.

    Raises Undecided where only the end of a name is open: without the layout of the topics, that may be the device or not.
    """
    asked, open_ended = device(document), False
    for action, kind in OF_TOPICS.items():
        reach = asked.reach(action)
        for statement in asked.statements:
            for name in (
                topics_of(asked, statement, kind) if statement.allows and statement.covers_action(action) else ()
            ):
                filled = [FRESH if item in (ANY, ONE) else item for item in name]
                if not reach.is_allowed(reach.globs.read(reach.globs.start, [*kind, *filled])):
                    continue
                found = spread(name, kind)
                if found:
                    return True
                open_ended |= found is None
    if open_ended:
        raise Undecided("which level of the topics names the device")
    return False


def possible(pattern: Items, kind: str) -> bool:
    """Whether a pattern can match anything of a kind."""
    globs = Globs([[pattern]])
    return globs.read(globs.start, kind) != 0
