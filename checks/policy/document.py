"""A policy document: statements, patterns and matching. Common to IoT policies and IAM policies."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Statement:
    """One statement. Exactly one of the pairs actions/not_actions and resources/not_resources is filled."""

    allows: bool
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    condition: Mapping[str, Any] | None = None

    def covers_action(self, action: str) -> bool:
        """Whether the statement speaks of an action; case is ignored."""
        wanted = action.lower()
        if self.not_actions:
            return not any(matches(pattern.lower(), wanted) for pattern in self.not_actions)
        return any(matches(pattern.lower(), wanted) for pattern in self.actions)

    def names_condition(self, *keys: str) -> bool:
        """Whether a condition uses one of these keys; case is ignored."""
        wanted = {key.lower() for key in keys}
        return any(key.lower() in wanted for operator in (self.condition or {}).values() for key in operator)


def listed(value: Any) -> tuple[str, ...]:
    """A string or a list of strings as a tuple. Raises ``ValueError`` for anything else."""
    if value is None:
        return ()
    values = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else (None,)
    if not all(isinstance(item, str) for item in values):
        raise ValueError("expected a string or a list of strings")
    return values


def parse(document: str | Mapping[str, Any]) -> list[Statement]:
    """The statements of a policy. Raises ``ValueError`` when it is not one."""
    loaded = json.loads(document) if isinstance(document, str) else document
    if not isinstance(loaded, Mapping) or "Statement" not in loaded:
        raise ValueError("a policy is a JSON object with a Statement")
    statements = loaded["Statement"]
    found = []
    for raw in statements if isinstance(statements, list) else [statements]:
        if not isinstance(raw, Mapping) or raw.get("Effect") not in ("Allow", "Deny"):
            raise ValueError("a statement has the Effect Allow or Deny")
        condition = raw.get("Condition")
        if condition is not None and not (
            isinstance(condition, Mapping) and all(isinstance(value, Mapping) for value in condition.values())
        ):
            raise ValueError("a Condition maps operators to keys")
        found.append(
            Statement(
                raw["Effect"] == "Allow",
                listed(raw.get("Action")),
                listed(raw.get("NotAction")),
                listed(raw.get("Resource")),
                listed(raw.get("NotResource")),
                condition or None,
            )
        )
    return found


ANY, ONE = "\ue000", "\ue001"
"""Stand for the wildcards ``*`` and ``?`` once escapes and variables are resolved; private use characters."""
_ESCAPES = {"${*}": "\ue002", "${?}": "\ue003", "${$}": "$"}
_LITERALS = str.maketrans({"\ue002": "*", "\ue003": "?"})


def tokens(pattern: str) -> str:
    """The pattern with ``*`` and ``?`` as tokens, and the escaped ``${*}``, ``${?}``, ``${$}`` as plain characters."""
    for escape, token in _ESCAPES.items():
        pattern = pattern.replace(escape, token)
    return pattern.replace("*", ANY).replace("?", ONE).translate(_LITERALS)


def fits(pattern: str, value: str) -> bool:
    """Whether a tokenised pattern matches a whole value: greedy, with one place to come back to."""
    p = v = 0
    star, mark = -1, 0
    while v < len(value):
        if p < len(pattern) and (pattern[p] == ONE or pattern[p] == value[v]) and pattern[p] != ANY:
            p, v = p + 1, v + 1
        elif p < len(pattern) and pattern[p] == ANY:
            star, mark, p = p, v, p + 1
        elif star >= 0:
            mark += 1
            p, v = star + 1, mark
        else:
            return False
    return all(character == ANY for character in pattern[p:])


def matches(pattern: str, value: str) -> bool:
    """Whether a policy pattern matches a whole value. ``*`` crosses every character, ``?`` is one character."""
    return fits(tokens(pattern), value)


def resource_part(pattern: str) -> str:
    """The ``type/name`` part of an ARN pattern; a pattern too short to have one ends in a wildcard that covers it.

    Wildcards in partition, region or account widen nothing: a device connects to one account in one region.
    """
    parts = pattern.split(":", 5)
    if len(parts) == 6 and parts[0] == "arn":
        return parts[5]
    return "*" if pattern.endswith("*") else ""


def all_of(documents: str) -> list[Statement]:
    """The statements of a JSON list of documents. Raises ``ValueError`` when one is no policy."""
    loaded = json.loads(documents)
    if type(loaded) is not list:
        raise ValueError("expected a JSON list of policies")
    return [statement for document in loaded for statement in parse(document)]


def holds(documents: pd.Series[Any], question: Callable[[str], bool]) -> pd.Series[bool]:
    """A question asked of every document of a column, each different one once.

    ``<NA>`` where there is no document, or where it is no policy that can be answered.
    """
    answers = {document: answer(question, document) for document in documents.dropna().unique()}
    return documents.map(answers).astype("boolean")


def answer(question: Callable[[str], bool], document: str) -> bool | None:
    """One question, or None when the document cannot be judged."""
    try:
        return question(document)
    except (ValueError, RecursionError):
        return None
