"""Coverage: how much of what a scan asked was read to the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import floor
from typing import Any

from collectors.registry import COLLECTORS
from collectors.scope import FIND, OUTCOMES


def worst_outcomes(rows: Iterable[Mapping[Any, Any]]) -> list[Mapping[Any, Any]]:
    """One row per account, region and operation: an account-wide read is asked for by several scopes."""
    kept: dict[tuple[str, ...], Mapping[Any, Any]] = {}
    for row in rows:
        key = tuple(row.get(c, "") for c in ("provider", "account", "region", "operation"))
        if key not in kept or OUTCOMES.index(row["outcome"]) > OUTCOMES.index(kept[key]["outcome"]):
            kept[key] = row
    return [kept[key] for key in sorted(kept)]


def coverage_pct(coverage: Any) -> float:
    """Share of the operations asked that were read to the end, in percent; what a cloud does not offer is left out.

    A cloud that was wanted and gave no scope counts as one scope in which nothing was read.
    """
    asked = coverage[coverage["outcome"] != "unavailable"]
    lost = asked[asked["operation"].eq(FIND) & asked["account"].eq("")]["provider"]
    never = {(one.provider, o.name) for one in COLLECTORS for o in one.operations if one.provider in set(lost)}
    total = len(asked) - len(lost) + len(never)
    return 100.0 * int(asked["outcome"].eq("read").sum()) / total if total else 100.0


def percent_text(percent: float) -> str:
    """A share cut to tenths, not rounded: 100.0 is all of it."""
    return f"{floor(10 * percent + 1e-9) / 10:.1f}"
