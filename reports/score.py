"""The score: how much of what was judged passes, weighted by severity, from 0 to 100.

For each check and account, let *p* resources pass and *f* fail, of *n = p + f*. The check's weight there is
*w = weight of its severity x min(n, 10)*, and the score is *100 x sum(w x p / n) / sum(w)*. So a hub counts, and ten
thousand devices behind one check count as ten. What could not be judged is in neither sum: coverage stands beside it.
Raw: everything that fails. Managed: failures under a waiver that holds are left out of *f*.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

WEIGHTS = {"critical": 10, "high": 5, "medium": 2, "low": 1, "info": 0}
CAP = 10
"""Resources of one check and account that count at most."""


class Tally(NamedTuple):
    """What one check found in one account: resources that pass, that fail, and of those the waived ones."""

    check: str
    account: str
    severity: str
    passed: int
    failed: int
    waived: int = 0


def score(tallies: Iterable[Tally], *, managed: bool = False) -> float | None:
    """0 to 100, rounded to one place; None where nothing that has a weight was judged. One tally per check and account."""
    reached = possible = 0.0
    for tally in tallies:
        failed = max(tally.failed - tally.waived, 0) if managed else tally.failed
        judged = tally.passed + failed
        if judged:
            weight = WEIGHTS[tally.severity] * min(judged, CAP)
            reached += weight * tally.passed / judged
            possible += weight
    return round(100 * reached / possible, 1) if possible else None
