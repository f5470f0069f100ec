"""What statements allow for one action: the names are searched for through all their patterns at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from checks.policy.pattern import FRESH, Globs, Items
from checks.policy.template import LETTER, MARK, WORD, Template

State = TypeVar("State", bound=Hashable)

LONGEST = 400
"""Characters of the longest name looked for; topics have 256 bytes and three more levels (AWS IoT quotas)."""
EFFORT = 150_000
"""What a search may cost before it ends undecided; a policy within AWS's 2,048 characters never comes near."""


@dataclass(frozen=True)
class Side:
    """Statements of one effect on one action: patterns with the statement they stand in, and complements."""

    patterns: dict[Items, str]
    complements: tuple[tuple[tuple[Items, ...], str], ...]

    @property
    def empty(self) -> bool:
        """Whether no statement of this effect speaks of the action."""
        return not self.patterns and not self.complements


class Reach:
    """What is allowed for one action: some statement allows it, and none that always holds denies it."""

    def __init__(self, allow: Side, deny: Side) -> None:
        self.allow, self.deny = allow, deny
        complements = [patterns for patterns, _ in (*allow.complements, *deny.complements)]
        self.globs = Globs([tuple(allow.patterns), tuple(deny.patterns), *complements])
        self.grants, self.refusals, *others = self.globs.groups
        self.spared, self.enforced = others[: len(allow.complements)], others[len(allow.complements) :]
        named = {*allow.patterns, *(p for patterns, _ in deny.complements for p in patterns)}
        self.characters = {item for pattern in named for item in pattern if len(item) == 1}
        self.marks = sorted(c for c in self.characters if not c.isalnum())

    def hopeless(self, state: int) -> bool:
        """Whether nothing that begins like this is allowed."""
        return bool(state & self.refusals.absorbing) or not (self.spared or state & self.grants.places)

    def reduced_state(self, state: int) -> int:
        """The same state, without Allow patterns that no longer matter since one matches all that may follow."""
        if done := state & self.grants.absorbing:
            return (state & ~self.grants.places) | (done & -done)
        return state

    def is_granted(self, state: int) -> bool:
        """Whether some statement allows the name read."""
        return bool(state & self.grants.ends) or any(not state & group.ends for group in self.spared)

    def is_allowed(self, state: int) -> bool:
        """Whether the name read is allowed and not denied."""
        return (
            self.is_granted(state)
            and not state & self.refusals.ends
            and all(state & group.ends for group in self.enforced)
        )

    def statement(self, symbols: Sequence[str]) -> str:
        """The statement that grants a name."""
        state = self.globs.read(self.globs.start, symbols)
        index = self.globs.first_match(state, self.grants)
        if index is not None:
            return list(self.allow.patterns.values())[index]
        found = (name for (_, name), group in zip(self.allow.complements, self.spared, strict=True)
                 if not state & group.ends)  # fmt: skip
        return next(found, "")

    def symbols(self, kind: str) -> list[str]:
        """The characters that an edge of a template stands for."""
        if kind == LETTER:
            return [FRESH]
        if kind == MARK:
            return self.marks
        if kind == WORD:
            return [FRESH, *sorted(self.characters - {"/", "+", "#"})]
        return [kind]

    def search(self, wanted: Template, outside: Collection[str] = ()) -> tuple[list[str], bool] | None:
        """The shortest name of a template that is allowed, or None. ``outside``: marks that no name has.

        With it, whether the Deny statements were counted: False when that would have cost too much.
        """
        if self.allow.empty:
            return None
        edges = {
            kind: [c for c in self.symbols(kind) if kind != MARK or c not in outside]
            for kind in {kind for out in wanted.edges for kind, _ in out}
        }
        cost, price = 0, 4 + self.globs.size // 2000
        first = (0, self.reduced_state(self.globs.start))
        came: dict[tuple[int, int], tuple[tuple[int, int], str] | None] = {first: None}
        queue = deque([first])
        while queue:
            if cost > EFFORT:
                found = self.reachable(wanted, edges)
                return (found, self.deny.empty) if found else None
            node, state = here = queue.popleft()
            if node in wanted.final and self.is_allowed(state):
                return path(came, here), True
            for kind, after in wanted.edges[node]:
                for symbol in edges[kind]:
                    cost += price
                    onward = self.globs.step(state, symbol)
                    if self.hopeless(onward):
                        continue
                    there = (after, self.reduced_state(onward))
                    if there not in came:
                        came[there] = (here, symbol)
                        queue.append(there)
        return None

    def reachable(self, wanted: Template, edges: dict[str, list[str]]) -> list[str] | None:
        """A name of a template that some Allow pattern matches, whatever is denied. Never more than a few passes."""
        if self.spared:
            return [FRESH]
        layers = [{0: self.globs.start & self.grants.places}]
        seen = dict(layers[0])
        for _ in range(LONGEST):
            layer: dict[int, int] = {}
            for node, state in layers[-1].items():
                if node in wanted.final and state & self.grants.ends:
                    return self.backwards(wanted, edges, layers, node)
                for kind, after in wanted.edges[node]:
                    for symbol in edges[kind]:
                        new = self.globs.step(state, symbol) & ~seen.get(after, 0)
                        if new:
                            layer[after] = layer.get(after, 0) | new
                            seen[after] = seen.get(after, 0) | new
            if not layer:
                return None
            layers.append(layer)
        return None

    def backwards(
        self, wanted: Template, edges: dict[str, list[str]], layers: list[dict[int, int]], node: int
    ) -> list[str]:
        """The name that led to a node of the last layer."""
        ended = layers[-1][node] & self.grants.ends
        bit, found = ended & -ended, list[str]()
        for layer in reversed(layers[:-1]):
            node, bit, symbol = next(
                (before, one, symbol)
                for before, state in layer.items()
                for kind, after in wanted.edges[before]
                if after == node
                for symbol in edges[kind]
                for one in (bit, bit >> 1)
                if one & state and self.globs.step(one, symbol) & bit
            )
            found.append(symbol)
        return found[::-1]


def path(came: Mapping[State, tuple[State, str] | None], here: State) -> list[str]:
    """The symbols on the way to a state."""
    found = []
    while step := came[here]:
        here, symbol = step
        found.append(symbol)
    return found[::-1]
