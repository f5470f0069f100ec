"""A Deny that does not keep what it denies: MQTT wildcards read as letters, and topics that a wider filter delivers."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

from checks.policy.device import Device, Witness, device, symbols_text
from checks.policy.document import Statement
from checks.policy.pattern import ANY, FRESH, ONE, Globs, Group, items, resource
from checks.policy.reach import EFFORT, Side

WILDCARDS_IN_DENY = "POLICY_CONTAINS_MQTT_WILDCARDS_IN_DENY_STATEMENT"
DENIED_YET_DELIVERED = "TOPIC_FILTERS_INTENDED_TO_DENY_ALLOWED_USING_WILDCARDS"
_SUFFIX = re.compile(r"(?<=[^/])#[0-9]+(?=/|$)")
"""What a Greengrass core adds to the client ids of its further connections."""

Place = tuple[int, bool, int, int, int]
"""Where a search stands: the mode, whether the filter has a wildcard yet, and the states of the three automata."""
FIRST, LEVEL, INSIDE, PLUS_FIRST, PLUS_LEVEL, PLUS, HASH_FIRST, HASH_LEVEL, HASH = range(9)
"""Where a topic and a filter over it stand: at the start, at the start of a level or inside one, which both share, or
which the filter's ``+`` or ``#`` stands for."""


def wildcards_in_deny(statements: tuple[Statement, ...]) -> Witness | None:
    """A Deny names a topic or topic filter with ``+`` or ``#``, which a policy reads as plain characters."""
    for statement in statements:
        for text in () if statement.allows else statement.resources + statement.not_resources:
            part = "".join(item if len(item) == 1 else "\0" for item in resource(items(text)) or ())
            head = part.partition("\0")[0]
            of_topics = any(head.startswith(kind) or kind.startswith(head) for kind in ("topic/", "topicfilter/"))
            marks = [mark for mark in "+#" if any(mark in piece for piece in _SUFFIX.split(part))]
            if of_topics and marks:
                written_so = text.split(":", 5)[-1]
                reason = f"{statement.name} denies `{written_so[:200]}`, where `{marks[0]}` is a plain character"
                return Witness(reason, statement.name)
    return None


class Leak:
    """Looks for a topic whose own filter is denied, and a filter with wildcards that is allowed and delivers it."""

    def __init__(self, asked: Device) -> None:
        speaking = [s for s in asked.statements if s.covers_action("iot:Subscribe")]
        self.deny = asked.side((s for s in speaking if not s.allows), connect=False)
        allow = asked.side((s for s in speaking if s.allows), connect=False)
        self.allow = Side({p: n for p, n in allow.patterns.items() if {ANY, ONE} & set(p)}, allow.complements)
        self.asked, self.subscribe, self.receive = asked, asked.reach("iot:Subscribe"), asked.reach("iot:Receive")
        complements = [patterns for patterns, _ in (*self.deny.complements, *self.allow.complements)]
        self.globs = Globs([tuple(self.deny.patterns), tuple(self.allow.patterns), *complements])
        self.denied, self.wide, *others = self.globs.groups
        self.outside = others[: len(self.deny.complements)], others[len(self.deny.complements) :]
        named = {*self.deny.patterns, *allow.patterns, *self.receive.allow.patterns}
        named |= {p for side in (self.deny, self.receive.deny) for patterns, _ in side.complements for p in patterns}
        spelled = {item for pattern in named for item in pattern} - {ANY, ONE, "+", "#", "/"}
        self.alphabet = [FRESH, "/", *sorted(spelled)]
        self.unit = 3 + (self.globs.size + self.subscribe.globs.size + self.receive.globs.size) // 2000

    def reduced_state(self, state: int) -> int | None:
        """The state of the denied and the widely allowed patterns; None when one side can no longer match."""
        for group, outside in zip((self.denied, self.wide), self.outside, strict=True):
            if done := state & group.absorbing:
                state = (state & ~group.places) | (done & -done)
            elif not outside and not state & group.places:
                return None
        return state

    def hits(self, state: int, group: Group, outside: list[Group]) -> bool:
        """Whether a side covers the topic read."""
        return bool(state & group.ends) or any(not state & other.ends for other in outside)

    def topics(self, mode: int, symbol: str) -> tuple[int, bool] | None:
        """The mode after one more symbol of the topic, and whether the filter reads it too."""
        if mode in (PLUS_FIRST, HASH_FIRST) and symbol == "$":
            return None
        if mode >= HASH_FIRST:
            return (HASH_LEVEL if symbol == "/" else HASH), False
        if symbol == "/":
            return LEVEL, True
        return (PLUS, False) if mode >= PLUS_FIRST else (INSIDE, True)

    def search(self) -> tuple[list[str], list[str]] | str | None:
        """A topic and the filter that delivers it; a text when that could not be ruled out."""
        filters, topics = self.subscribe, self.receive
        whole = self.reduced_state(self.globs.read(self.globs.start, "topicfilter/"))
        topic = topics.globs.read(topics.globs.start, "topic/")
        wider = filters.globs.read(filters.globs.start, "topicfilter/")
        if whole is None:
            return None
        first = (FIRST, False, whole, topics.reduced_state(topic), filters.reduced_state(wider))
        came: dict[Place, tuple[Place, str, str] | None]
        came, queue, cost = {first: None}, deque([first]), 0
        while queue:
            mode, wild, whole, topic, wider = here = queue.popleft()
            if cost > EFFORT:
                return "its wildcards are too entangled to rule out that a denied topic is delivered"
            if wild and mode in (INSIDE, PLUS, HASH) and filters.is_allowed(wider) and self.leaks(whole, topic):
                return self.path(came, here)
            for there, of_topic, of_filter in self.steps(here):
                cost += self.unit
                if there is not None and there not in came:
                    came[there] = (here, of_topic, of_filter)
                    queue.append(there)
        return None

    def steps(self, here: Place) -> Iterator[tuple[Place | None, str, str]]:
        """Where one more symbol leads, with what it adds to topic and filter; None where it leads nowhere."""
        filters, topics = self.subscribe, self.receive
        mode, wild, whole, topic, wider = here
        if mode in (FIRST, LEVEL):
            for onward, mark in ((PLUS_LEVEL, "+"), (HASH_LEVEL, "#")):
                reached = filters.reduced_state(filters.globs.step(wider, mark))
                leads = not filters.hopeless(reached) and (mark == "+" or filters.is_allowed(reached))
                yield (onward - (mode == FIRST), True, whole, topic, reached) if leads else None, "", mark
        for symbol in self.alphabet:
            found = self.topics(mode, symbol)
            if found is None:
                continue
            onward, both = found
            now = self.reduced_state(self.globs.step(whole, symbol))
            received = topics.globs.step(topic, symbol)
            reached = filters.globs.step(wider, symbol) if both else wider
            if now is None or topics.hopeless(received) or filters.hopeless(reached):
                yield None, symbol, ""
            else:
                there = (onward, wild, now, topics.reduced_state(received), filters.reduced_state(reached))
                yield there, symbol, symbol if both else ""

    def leaks(self, whole: int, topic: int) -> bool:
        """Whether the topic read is denied as a filter, widely allowed otherwise, and received."""
        return (
            self.hits(whole, self.denied, self.outside[0])
            and self.hits(whole, self.wide, self.outside[1])
            and self.receive.is_allowed(topic)
        )

    def path(self, came: dict[Place, tuple[Place, str, str] | None], here: Place) -> tuple[list[str], list[str]]:
        """Topic and filter on the way to a state."""
        topic, wider = list[str](), list[str]()
        while step := came[here]:
            here, of_topic, of_filter = step
            topic.append(of_topic)
            wider.append(of_filter)
        return list(filter(None, topic[::-1])), list(filter(None, wider[::-1]))

    def witness(self) -> Witness | None:
        """The denied topic, the filter that delivers it, and the statements that let it through."""
        found = self.search()
        if found is None:
            return None
        by = next(iter([*self.deny.patterns.values(), *(name for _, name in self.deny.complements)]))
        if isinstance(found, str):
            return Witness(found, by)
        topic, wider = found
        letter = self.asked.letters(self.subscribe)[0]
        whole = self.globs.read(self.globs.start, [*"topicfilter/", *topic])
        index = self.globs.first_match(whole, self.denied)
        if index is not None:
            by = list(self.deny.patterns.values())[index]
        allowed = self.subscribe.statement([*"topicfilter/", *wider])
        received = self.receive.statement([*"topic/", *topic])
        text = (
            f"topic filter `{symbols_text(wider, letter)}` is allowed by {allowed} and delivers `{symbols_text(topic, letter)}`, "
            f"which {by} denies and {received} lets through"
        )
        return Witness(text, by)


def denied_yet_delivered(asked: Device) -> Witness | None:
    """A topic that a Deny keeps from being subscribed to is delivered through a filter that is allowed."""
    return Leak(asked).witness()


def denies_with_mqtt_wildcard(document: str) -> bool:
    """A Deny has a topic or topic filter with ``+`` or ``#``, which a policy reads as plain characters."""
    return wildcards_in_deny(device(document).statements) is not None


def delivers_what_it_denies(document: str) -> bool:
    """Topics that a Deny keeps from being subscribed to arrive through a wider filter."""
    return denied_yet_delivered(device(document)) is not None


def reasons(asked: Device) -> Iterator[tuple[str, Witness]]:
    """Why the policies are potentially misconfigured, by Device Defender's reason codes."""
    for reason, found in (
        (WILDCARDS_IN_DENY, wildcards_in_deny(asked.statements)),
        (DENIED_YET_DELIVERED, denied_yet_delivered(asked)),
    ):
        if found:
            yield reason, found
