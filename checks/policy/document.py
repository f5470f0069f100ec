"""A policy document: what it says, statement by statement. Common to IoT policies and IAM policies."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from checks.policy.pattern import Items, fits, items

if TYPE_CHECKING:
    import pandas as pd


class NotAPolicy(ValueError):
    """What keeps a document from being a policy, in one line."""


@dataclass(frozen=True)
class Statement:
    """One statement. Exactly one of the pairs actions/not_actions and resources/not_resources is filled."""

    allows: bool
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    condition: Mapping[str, Any] | None = None
    name: str = "statement 1"

    @cached_property
    def _patterns(self) -> tuple[Items, ...]:
        return tuple(dict.fromkeys(items(pattern.lower()) for pattern in self.not_actions or self.actions))

    def covers_action(self, action: str) -> bool:
        """Whether the statement speaks of an action; case is ignored."""
        wanted = action.lower()
        return any(fits(pattern, wanted) for pattern in self._patterns) != bool(self.not_actions)

    def condition_values(self, *keys: str) -> list[tuple[str, list[str]]]:
        """Operator and values of every condition on one of these keys; case of the keys is ignored."""
        wanted = {key.lower() for key in keys}
        return [
            (operator, [str(v) for v in (value if isinstance(value, list) else [value])])
            for operator, tests in (self.condition or {}).items()
            for key, value in tests.items()
            if key.lower() in wanted
        ]

    def always(self, action: str) -> bool:
        """Whether the condition holds for every request: there is none, or each of its tests is provably true."""
        return all(
            certain(operator, key, value, action)
            for operator, tests in (self.condition or {}).items()
            for key, value in tests.items()
        )


def certain(operator: str, key: str, value: Any, action: str) -> bool:
    """Whether one test of a condition holds whatever the request is.

    A missing key passes only ``…IfExists`` and ``ForAllValues``; the client id is never missing on a connect.
    """
    name, values = operator.lower(), [str(v) for v in (value if isinstance(value, list) else [value])]
    present = key.lower() == "iot:clientid" and action.lower() == "iot:connect"
    vacuous = name.endswith("ifexists") or name.startswith("forallvalues:")
    bare = name.removesuffix("ifexists").rpartition(":")[2]
    anything = any(v and not v.strip("*") for v in values) and bare in ("stringlike", "arnlike", "arnequals")
    either = bare == "bool" and {v.lower() for v in values} >= {"true", "false"}
    return (present or vacuous) and (anything or either)


def as_tuple(value: Any, what: str) -> tuple[str, ...]:
    """A string or a list of strings as a tuple. Raises NotAPolicy for anything else."""
    if value is None:
        return ()
    values = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else (None,)
    if not values or not all(isinstance(item, str) for item in values):
        raise NotAPolicy(f"{what} is a string or a list of strings")
    return values


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys differ. Raises NotAPolicy: of two equal keys, who reads it decides which counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise NotAPolicy(f"the key {twice[:40]} stands twice in one object")
    return found


def load(text: str) -> Any:
    """JSON. Raises NotAPolicy, also where it is nested too deeply or says a key twice."""
    try:
        return json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise NotAPolicy(f"not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except NotAPolicy:
        raise
    except ValueError:
        raise NotAPolicy("not JSON: a number with more digits than can be read") from None
    except RecursionError:
        raise NotAPolicy("nested too deeply; a policy is an object, its statements, and their conditions") from None


def parse(document: str | Mapping[str, Any], place: str = "") -> list[Statement]:
    """The statements of a policy, each named by ``place`` and its number. Raises NotAPolicy when it is not one."""
    loaded = load(document) if isinstance(document, str) else document
    if not isinstance(loaded, Mapping) or "Statement" not in loaded:
        raise NotAPolicy("a policy is a JSON object with a Statement")
    statements = loaded["Statement"]
    if not isinstance(statements, list | Mapping):
        raise NotAPolicy("Statement is one object or a list of objects")
    raws = statements if isinstance(statements, list) else [statements]
    return [statement(raw, f"{place}statement {number}") for number, raw in enumerate(raws, 1)]


def statement(raw: Any, name: str) -> Statement:
    """One statement. Raises NotAPolicy with its name."""
    if not isinstance(raw, Mapping):
        raise NotAPolicy(f"{name} is not an object")
    if raw.get("Effect") not in ("Allow", "Deny"):
        raise NotAPolicy(f"{name} has no Effect; allowed: Allow, Deny")
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource")):
        if (one in raw) == (other in raw):
            raise NotAPolicy(f"{name} needs either {one} or {other}")
    condition = raw.get("Condition")
    if condition is not None and not (
        isinstance(condition, Mapping) and all(isinstance(tests, Mapping) for tests in condition.values())
    ):
        raise NotAPolicy(f"the Condition of {name} maps operators to keys")
    return Statement(
        raw["Effect"] == "Allow",
        as_tuple(raw.get("Action"), f"Action of {name}"),
        as_tuple(raw.get("NotAction"), f"NotAction of {name}"),
        as_tuple(raw.get("Resource"), f"Resource of {name}"),
        as_tuple(raw.get("NotResource"), f"NotResource of {name}"),
        condition or None,
        name,
    )


def all_of(documents: str) -> list[Statement]:
    """The statements of a JSON list of documents. Raises NotAPolicy when one is no policy."""
    loaded = load(documents)
    if type(loaded) is not list:
        raise NotAPolicy("expected a JSON list of policies")
    return [found for number, document in enumerate(loaded, 1) for found in parse(document, f"policy {number}, ")]


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
