"""How a finding lives: the state after each sight of it, and the event that tells of the change."""

from __future__ import annotations

import pytest

from reports.lifecycle import Event, Sight, State, step

AFTER: dict[tuple[State | None, Sight], tuple[State, Event | None]] = {
    (None, "fail"): ("fail", "new"),
    (None, "unknown"): ("unknown", "unread"),
    ("fail", "fail"): ("fail", None),
    ("fail", "unknown"): ("dark", "dark"),
    ("fail", "blocked"): ("dark", "dark"),
    ("fail", "clear"): ("resolved", "resolved"),
    ("fail", "silent"): ("fail", None),
    ("dark", "fail"): ("fail", "lit"),
    ("dark", "unknown"): ("dark", None),
    ("dark", "blocked"): ("dark", None),
    ("dark", "clear"): ("resolved", "resolved"),
    ("dark", "silent"): ("dark", None),
    ("unknown", "fail"): ("fail", "new"),
    ("unknown", "unknown"): ("unknown", None),
    ("unknown", "blocked"): ("unknown", None),
    ("unknown", "clear"): ("resolved", "read"),
    ("unknown", "silent"): ("unknown", None),
    ("resolved", "fail"): ("fail", "new"),
    ("resolved", "unknown"): ("unknown", "unread"),
    ("resolved", "blocked"): ("resolved", None),
    ("resolved", "clear"): ("resolved", None),
    ("resolved", "silent"): ("resolved", None),
}


@pytest.mark.parametrize(("state", "sight"), AFTER)
def test_each_sight_of_a_finding_leads_to_one_state_and_is_told_once(state: State | None, sight: Sight) -> None:
    after, event = AFTER[state, sight]
    assert step(state, False, sight) == (after, event)
    assert step(state, True, sight) == (after, "reopened" if event == "new" else event)
