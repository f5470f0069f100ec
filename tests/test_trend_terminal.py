"""The trend on a terminal, the target it is held against, and what the settings say of it."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from made_up import HOSTILE, trend
from rich.console import Console
from worlds import TLS, World, history, hubs

from flows import history as verb
from flows.errors import BadSettings
from flows.scan import Order
from flows.settings import Aim, Settings, load
from reports.trend import Trend
from reports.trend_terminal import render


def printed(found: Trend, width: int, by: str = "", terminal: bool = False) -> str:
    """What a terminal, or a pipe, is given."""
    out = io.StringIO()
    render(found, Console(file=out, width=width, force_terminal=terminal, no_color=True, highlight=False), by)
    return re.sub(r"\x1b\[\d*m", "", out.getvalue())


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_broken(width: int, terminal: bool) -> None:
    told = printed(trend(), width, terminal=terminal)
    assert max(map(len, told.splitlines())) <= width
    severity = next(line for line in told.splitlines() if line.startswith("critical"))
    assert severity.split() == ["critical", "9", "6", "19", "16", "40"]
    (aged,) = [line.split() for line in told.splitlines() if line.startswith("critical") and line != severity]
    assert aged == ["critical", *map(str, [*trend().ageing["critical"].values(), *trend().sla["critical"].values()])]
    assert re.search(r"^access +\d+ +[+-]?\d+ ", told, re.MULTILINE)


def test_a_narrow_terminal_says_which_severities_it_leaves_out() -> None:
    narrow, wide = printed(trend(), 60, "area"), printed(trend(), 100, "area")
    assert "medium and low stand in wider terminals" in narrow and " low" in wide
    assert "stand in wider terminals" not in wide


@pytest.mark.parametrize("by", ["area", "provider", "account", "hub", "owner"])
def test_every_dimension_names_all_that_it_has(by: str) -> None:
    told = printed(trend(), 200, by)
    assert f"By {by}" in told and len(told.splitlines()) >= 4 + len(trend().by[by]) - 1


def test_a_hostile_name_writes_no_control_character_at_any_width() -> None:
    found = trend()
    hub, share = found.hubs[0], found.by["owner"][0]
    by = {name: tuple(type(share)(text, 1, share.open_by_severity, 0, None) for text in HOSTILE) for name in found.by}
    bad = tuple(type(hub)(text, text, text, 9, hub.open_by_severity, text, text) for text in HOSTILE)
    hostile = Trend(90, found.points, None, found.mttr, found.ageing, found.sla, by, bad)
    for width in (40, 60, 100):
        told = printed(hostile, width)
        assert all(character.isprintable() or character == "\n" for character in told)
        assert "::stop-commands::" not in told


def test_a_scan_that_did_not_complete_is_a_gap_in_both_charts_and_dates_stand_below() -> None:
    lines = printed(trend(), 100).splitlines()
    for title in ("Score, raw", "Failing findings"):
        start = next(n for n, line in enumerate(lines) if line.startswith(title + ":"))
        assert lines[start + 4][7:].startswith("█" * 16 + " " * 8 + "█")
        assert lines[start + 5].split() == ["2026-08-30", "2026-11-22"]


def test_scores_have_one_decimal_and_counts_are_whole_however_many() -> None:
    found = trend()
    points = tuple(replace(point, open=1_234_567, score_raw=77.0) for point in found.points if point.is_drawn)
    lines = printed(replace(found, points=points), 100).splitlines()
    assert "Score, raw: 77.0 to 77.0" in lines
    assert "Failing findings: 1,234,567 to 1,234,567" in lines
    assert next(line for line in lines if line.startswith("Failing ")).split()[1:3] == ["1,234,567", "1,234,567"]


def test_no_chart_is_drawn_where_no_scan_was_complete() -> None:
    found = trend()
    points = tuple(replace(point, complete=False, score_raw=None) for point in found.points)
    lines = printed(replace(found, points=points), 100).splitlines()
    assert lines[lines.index("Score, raw: no complete scan") + 1] == ""


# A target


@pytest.mark.parametrize(
    ("on", "open_", "line"),
    [
        (date(2027, 1, 31), 10, "Target: 10 on 2027-01-31; 4 above the ideal line"),
        (date(2027, 6, 30), 0, "Target: 0 on 2027-06-30; 6 below the ideal line"),
        (date(2026, 10, 15), 30, "Target: 30 on 2026-10-15 has passed; 5 above it"),
    ],
)
def test_a_target_is_told_in_words(on: date, open_: int, line: str) -> None:
    assert line in printed(trend().with_target(on, open_), 100).splitlines()
    assert "Target" not in printed(trend(), 100)


def test_the_settings_name_a_target_for_the_trend_and_its_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, place = tmp_path / "iotposture.toml", str(tmp_path / "history.db")
    days = [hubs({"a": "fail", "b": "fail", "c": "fail"}), hubs({"a": "fail", "b": "fail", "c": "pass"})]
    with history(place, [World(found, checks=(TLS,)).report(10 * n) for n, found in enumerate(days)]):
        pass
    told = {}
    for text in ("", "[trend]\ntarget_on = 2027-03-31\ntarget_open = 1\n"):
        file.write_text(text)
        assert verb.trend(str(file), place, "90d", "", 100, "json") == 0
        told[bool(text)] = json.loads(capsys.readouterr().out)
    assert told[False].pop("target") is None
    target = told[True].pop("target")
    assert told[True] == told[False]
    assert (target["on"], target["open"], target["since_open"], target["passed"]) == ("2027-03-31", 1, 3, False)
    assert 0 < target["ideal"] - 2 < 1 and target["above"] == pytest.approx(2 - target["ideal"])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('target_on = "31.3.2027"', "trend.target_on: 31.3.2027 is no day; allowed: YYYY-MM-DD, as in 2027-03-31"),
        ("target_on = 2027-03-31T00:00:00", "trend.target_on: 2027-03-31 00:00:00 is no day; allowed: YYYY-MM-DD"),
        ("target_on = 20270331", "trend.target_on: 20270331 is no day; allowed: YYYY-MM-DD"),
        ("target_on = 2027-03-31\ntarget_open = -1", "trend.target_open: Input should be greater than or equal to 0"),
        ("target_open = 4", "trend: target_open says how many on which day; set target_on too"),
    ],
)
def test_a_target_that_is_none_is_told_in_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "iotposture.toml"
    file.write_text(f"[trend]\n{text}\n")
    with pytest.raises(BadSettings) as told:
        load(file)
    assert complaint in str(told.value) and "\n" not in str(told.value)


def test_a_target_travels_with_an_order_to_a_worker() -> None:
    settings = Settings(trend=Aim(target_on=date(2027, 3, 31), target_open=3))
    order = Order(settings, "scan", datetime(2026, 11, 22, tzinfo=UTC))
    assert Order.from_json(order.to_json()).settings.trend == settings.trend
