"""Coverage: how much of what a scan asked was read to the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import floor
from typing import Any

from collectors.scope import FIND, OUTCOMES


def worst_outcomes(rows: Iterable[Mapping[Any, Any]]) -> list[Mapping[Any, Any]]:
    """One row per account, region and operation: an account-wide read is asked for by several scopes.

    It fills what it fills in any of them.
    """
    kept: dict[tuple[str, ...], Mapping[Any, Any]] = {}
    tables: dict[tuple[str, ...], set[str]] = {}
    for row in rows:
        key = tuple(row.get(c, "") for c in ("provider", "account", "region", "operation"))
        tables.setdefault(key, set()).update(row.get("tables", "").split("|"))
        if key not in kept or OUTCOMES.index(row["outcome"]) > OUTCOMES.index(kept[key]["outcome"]):
            kept[key] = row
    return [{**kept[key], "tables": "|".join(sorted(tables[key] - {""}))} for key in sorted(kept)]


def coverage_pct(coverage: Any, would_ask: Mapping[str, int]) -> float:
    """Share of the operations asked that were read to the end, in percent; what a cloud does not offer is left out.

    A cloud that was wanted and gave no scope counts as one scope in which nothing was read: ``would_ask`` says how many
    operations a scan of it asks.
    """
    asked = coverage[coverage["outcome"] != "unavailable"]
    lost = asked[asked["operation"].eq(FIND) & asked["account"].eq("")]["provider"]
    total = len(asked) - len(lost) + sum(would_ask.get(provider, 0) for provider in set(lost))
    return 100.0 * int(asked["outcome"].eq("read").sum()) / total if total else 100.0


def percent_text(percent: float) -> str:
    """A share cut to tenths, not rounded: 100.0 is all of it."""
    return f"{floor(10 * percent + 1e-9) / 10:.1f}"
