"""The names that a rule speaks of, as automata: topics, topic filters and ARNs of a thing that nobody named."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

LETTER, MARK, WORD = "letter", "mark", "word"
"""Kinds of edge: a letter that no pattern names; any other character that a name may have between its letters; a
character of a level that may be anything, such as a job id."""

RESERVED = (
    *(f"shadow{name}/{way}{end}" for name in ("", "/name/{}") for way in ("get", "update", "delete")
      for end in ("", "/accepted", "/rejected")),
    *(f"shadow{name}/update/{end}" for name in ("", "/name/{}") for end in ("delta", "documents")),
    *(f"jobs/{way}{end}" for way in ("get", "start-next", "{}/get", "{}/update") for end in ("", "/accepted", "/rejected")),
    "jobs/notify", "jobs/notify-next", "tunnels/notify", "greengrass/health/json", "greengrassv2/health/json",
    *(f"defender/metrics/{form}{end}" for form in ("json", "cbor") for end in ("", "/accepted", "/rejected")),
    *(f"streams/{{}}/{way}/{form}" for way in ("create", "describe", "description", "get", "data", "rejected")
      for form in ("json", "cbor")),
)  # fmt: skip
"""What follows ``$aws/things/<thing>/`` ("Reserved topics"). ``{}`` is a level that may be anything."""


class Template:
    """A set of names as an automaton: per node, its edges (a character or a kind, and the node after)."""

    def __init__(self) -> None:
        self.edges: list[list[tuple[str, int]]] = [[]]
        self.final: set[int] = set()

    def node(self) -> int:
        """A new node."""
        self.edges.append([])
        return len(self.edges) - 1

    def text(self, node: int, text: str) -> int:
        """The node after a text; the way there is shared with every text that begins the same."""
        for character in text:
            after = next((after for symbol, after in self.edges[node] if symbol == character), None)
            if after is None:
                after = self.node()
                self.edges[node].append((character, after))
            node = after
        return node

    def name(self, node: int) -> int:
        """The node after a name that nobody chose: marks and at least one letter."""
        begun = self.node()
        self.edges[node] += [(LETTER, begun), (MARK, before := self.node())]
        self.edges[before] += [(LETTER, begun), (MARK, before)]
        self.edges[begun] += [(LETTER, begun), (MARK, begun)]
        return begun

    def word(self, node: int) -> int:
        """The node after a level that may be anything."""
        after = self.node()
        self.edges[node].append((WORD, after))
        self.edges[after].append((WORD, after))
        return after

    def link(self, node: int, text: str, after: int) -> None:
        """A text that leads to a node that is there already."""
        self.edges[self.text(node, text[:-1])].append((text[-1], after))

    def topic(self, node: int, suffixes: Iterable[tuple[str, ...]]) -> None:
        """Reserved topics, level by level from a node."""
        for level, rest in branches(suffixes):
            end = self.word(node) if level == "{}" else self.text(node, level)
            if () in rest:
                self.final.add(end)
            self.topic(self.text(end, "/"), filter(None, rest))

    def filters(self, node: int, suffixes: Iterable[tuple[str, ...]]) -> None:
        """Every topic filter that delivers one of these topics: ``+`` for a level, ``#`` for the rest."""
        self.final.add(self.text(node, "#"))
        for level, rest in branches(suffixes):
            end = self.node()
            self.edges[node].append(("+", end))
            if level == "{}":
                self.edges[node].append((WORD, word := self.node()))
                self.edges[word].append((WORD, word))
                self.edges[node].append((WORD, end))
                self.edges[word].append((WORD, end))
            else:
                self.link(node, level, end)
            below = self.text(end, "/")
            if () in rest:
                self.final.add(end)
            self.filters(below, filter(None, rest))


def branches(suffixes: Iterable[tuple[str, ...]]) -> list[tuple[str, list[tuple[str, ...]]]]:
    """First levels, each with what follows it."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for level, *rest in suffixes:
        found.setdefault(level, []).append(tuple(rest))
    return list(found.items())


@cache
def name(kind: str) -> Template:
    """``<kind>/<name>``."""
    found = Template()
    found.final = {found.name(found.text(0, f"{kind}/"))}
    return found


@cache
def shadow() -> Template:
    """``thing/<thing>``, and ``thing/<thing>/<shadow name>``."""
    found = Template()
    thing = found.name(found.text(0, "thing/"))
    found.final = {thing, found.word(found.text(thing, "/"))}
    return found


@cache
def reserved_topic() -> Template:
    """``topic/$aws/things/<thing>/…``."""
    found = Template()
    thing = found.name(found.text(0, "topic/$aws/things/"))
    found.topic(found.text(thing, "/"), (tuple(suffix.split("/")) for suffix in RESERVED))
    return found


@cache
def reserved_filter() -> Template:
    """``topicfilter/<filter>`` for filters that deliver reserved topics of a thing, or of every thing."""
    found = Template()
    start = found.text(0, "topicfilter/$aws/")
    found.final.add(found.text(start, "#"))
    things = found.text(start, "things/")
    found.link(start, "+/", things)
    found.final.add(found.text(things, "#"))
    below = found.text(found.name(things), "/")
    found.link(things, "+/", below)
    found.filters(below, (tuple(suffix.split("/")) for suffix in RESERVED))
    return found
