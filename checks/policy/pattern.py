"""Resource patterns: how they are read, and many of them matched at once, one bit a position.

A pattern is a tuple of items: one character, ``ANY`` (``*``), ``ONE`` (``?``) or a variable such as ``${iot:clientid}``.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

Items = tuple[str, ...]

ANY, ONE = "any", "one"
"""A run of any characters, and one character ("Using wildcards in resource ARNs"). Both cross ``/`` and ``:``."""
FRESH = "fresh"
"""A letter that no pattern names."""
_ITEM = re.compile(r"\$\{([^{}]*)\}|.", re.DOTALL)
_WILD = {"*": ANY, "?": ONE}
_ESCAPED = {"*", "?", "$"}
_HEADER = ("arn", None, "iot", None, None)
"""The fields of an ARN before its resource; a device has one partition, region and account, so any text fits there."""


def items(text: str) -> Items:
    """A pattern as written in a policy: ``${*}``, ``${?}`` and ``${$}`` are plain characters, other ``${}`` variables.

    Names of variables ignore case; a default value (``${name, 'x'}``) is left out.
    """
    if "${" not in text:
        return tuple(_WILD.get(c, c) for c in re.sub(r"\*+", "*", text))
    found: list[str] = []
    for match in _ITEM.finditer(text):
        name = match.group(1)
        if name is None:
            item = _WILD.get(match.group(), match.group())
        elif name in _ESCAPED:
            item = name
        else:
            item = f"${{{name.split(',')[0].strip().lower()}}}"
        if not (item == ANY and found and found[-1] == ANY):
            found.append(item)
    return tuple(found)


def fits(pattern: Items, value: Sequence[str]) -> bool:
    """Whether a pattern matches a whole value: greedy, with one place to come back to.

    The value may be a pattern too: then everything it matches is matched. A variable stands for itself only.
    """
    p = v = 0
    star, mark = -1, 0
    while v < len(value):
        if p < len(pattern) and pattern[p] == ANY:
            star, mark, p = p, v, p + 1
        elif p < len(pattern) and (pattern[p] == value[v] or (pattern[p] == ONE and len(value[v]) == 1)):
            p, v = p + 1, v + 1
        elif star >= 0:
            mark += 1
            p, v = star + 1, mark
        else:
            return False
    return all(item == ANY for item in pattern[p:])


def matches(pattern: str, value: str) -> bool:
    """Whether a policy pattern, as written, matches a whole value."""
    return fits(items(pattern), value)


def resource_part(pattern: str) -> str:
    """The ``type/name`` part of a resource as written; one too short to have it ends in a wildcard that covers it."""
    parts = pattern.split(":", 5)
    if len(parts) == 6 and parts[0] == "arn":
        return parts[5]
    return "*" if pattern.endswith("*") else ""


def agrees(field: Items, wanted: str | None) -> bool:
    """Whether a field of an ARN can be the one wanted; a variable there is filled in by whoever deploys the policy."""
    return wanted is None or any(len(item) > 1 for item in field) or "".join(field) == wanted


def resource(pattern: Items) -> Items | None:
    """The ``type/name`` part of an ARN pattern, or None when it cannot be an ARN of AWS IoT.

    A pattern too short to have that part reaches it by the first ``*``, which crosses colons.
    """
    fields: list[list[str]] = [[]]
    for index, item in enumerate(pattern):
        if item == ":":
            if not agrees(tuple(fields[-1]), _HEADER[len(fields) - 1]):
                return None
            fields.append([])
            if len(fields) > len(_HEADER):
                return pattern[index + 1 :]
        else:
            fields[-1].append(item)
    start = 0
    for field, wanted in zip(fields, _HEADER, strict=False):
        if ANY in field:
            known = field[: field.index(ANY)]
            if "/" in known or (wanted and not all(a in (b, ONE) for a, b in zip(known, wanted, strict=False))):
                return None
            return pattern[start + len(known) :]
        start += len(field) + 1
    return None


def mask(positions: Iterable[int], size: int) -> int:
    """An integer with these bits set."""
    octets = bytearray(size // 8 + 1)
    for position in positions:
        octets[position >> 3] |= 1 << (position & 7)
    return int.from_bytes(octets, "little")


@dataclass(frozen=True)
class Group:
    """Where the patterns of a group lie in an automaton, as masks."""

    places: int
    """Every position."""
    ends: int
    """Positions where a pattern has matched."""
    absorbing: int
    """Ends that a pattern never leaves again: it closes with ``*``."""


class Globs:
    """Groups of patterns as one automaton. A state is an integer: bit by bit, how far each pattern has come."""

    def __init__(self, groups: Sequence[Sequence[Items]]) -> None:
        places: defaultdict[str, list[int]] = defaultdict(list)
        loops: list[int] = []
        starts: list[int] = []
        bounds: list[tuple[int, int, int]] = []
        self.ends: list[int] = []
        size = 0
        for group in groups:
            first, count = size, len(self.ends)
            for pattern in group:
                starts.append(size)
                for item in pattern:
                    if item == ANY:
                        loops.append(size)
                    else:
                        places[item].append(size)
                        size += 1
                self.ends.append(size)
                size += 1
            bounds.append((first, size, count))
        self.size = size
        self.start, self._loops = mask(starts, size), mask(loops, size)
        self._one = mask(places.pop(ONE, ()), size)
        self._moves = {item: mask(found, size) for item, found in places.items()}
        self.literals = {item for item in self._moves if len(item) == 1}
        self.groups: list[Group] = []
        for index, (first, last, count) in enumerate(bounds):
            ends = mask(self.ends[count : count + len(groups[index])], size)
            self.groups.append(Group((1 << last) - (1 << first), ends, ends & self._loops))

    def step(self, state: int, symbol: str) -> int:
        """The state after one more symbol: a character, ``FRESH`` or a variable, which only stands for itself."""
        moves = self._moves.get(symbol, 0)
        if symbol == FRESH or len(symbol) == 1:
            moves |= self._one
        return ((state & moves) << 1) | (state & self._loops)

    def read(self, state: int, text: Iterable[str]) -> int:
        """The state after some symbols: :meth:`step` for each, written out because texts are many and long."""
        moves, one, loops = self._moves, self._one, self._loops
        for symbol in text:
            fits = moves.get(symbol, 0)
            if len(symbol) == 1 or symbol == FRESH:
                fits |= one
            state = ((state & fits) << 1) | (state & loops)
        return state

    def first_match(self, state: int, group: Group) -> int | None:
        """The index, among all patterns, of the first of a group that has matched."""
        ended = state & group.ends
        return bisect_left(self.ends, (ended & -ended).bit_length() - 1) if ended else None


def compact(text: str) -> str:
    """A long text for people: the middle is left out."""
    runs = "".join(c * n if n <= 40 else f"{c * 3}…({n})…" for c, n in ((c, len(list(g))) for c, g in groupby(text)))
    return runs if len(runs) <= 200 else f"{runs[:120]}…{runs[-60:]}"
