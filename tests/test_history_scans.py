"""Scans beside one another: at once, late, of other clouds or regions, resumed, and kept for some time only."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from made_up import SCOPES
from worlds import DAY_ONE, STRONG, TLS, World, history, hubs, lives

from collectors.provider import Scopes
from flows.commands import ScanRequest
from flows.history import record_scan
from flows.scan import Order, write_about
from flows.settings import Settings
from reports.history import History
from reports.report import Report
from reports.store import address, engine, writing


def test_a_scan_older_than_the_newest_is_late_and_moves_nothing(place: str) -> None:
    with history(place, [World(hubs({"a": "fail"})).report(5)]) as opened:
        taken = opened.ingest(World(hubs({"a": "pass", "b": "fail"})).report(3))
        assert (taken.late, dict(taken.counts)) == (True, {})
        assert lives(opened) == {"aws-a": "new"}
        assert [scan["late"] for scan in opened.scans()] == [False, True]
        trend = opened.trend()
        assert trend is not None
        assert len(trend.points) == 1


def test_a_late_scan_still_counts_where_no_newer_one_has_looked(place: str) -> None:
    newer = World(hubs({"a": "fail"}), scopes=(0,)).report(5)
    older = World(hubs({"a": "pass"}) | hubs({"b": "fail"}, scope=2)).report(3)
    with history(place, [newer, older]) as opened:
        assert lives(opened) == {"aws-a": "new"}
        opened.ingest(World(hubs({"a": "pass"}) | hubs({"b": "fail"}, scope=2)).report(6))
        assert lives(opened) == {"aws-a": "resolved", "azure-b": "open"}


def overlapping() -> list[tuple[Report, dict[str, str]]]:
    """Scans of two clouds that began in one order and ended in the other, and then one that both see."""
    aws, azure = hubs({"a": "fail"}), hubs({"b": "fail", "c": "fail"}, scope=2)
    return [
        (World(aws, scopes=(0,)).report(0.2), {"aws-a": "new"}),
        (World(azure, scopes=(2,)).report(0.1), {"azure-b": "new", "azure-c": "new"}),
        (World(aws | azure).report(3), dict.fromkeys(("aws-a", "azure-b", "azure-c"), "open")),
    ]


def test_scans_of_two_clouds_that_overlap_are_told_in_the_order_in_which_they_began(place: str) -> None:
    told = []
    with history(place) as opened:
        for report, cases in overlapping():
            opened.ingest(report)
            assert lives(opened) == cases
            trend = opened.trend()
            assert trend is not None
            told.append([(point.open, point.new) for point in trend.points])
            assert sum(trend.ageing["high"].values()) == trend.points[-1].open
        assert told == [[(1, 1)], [(2, 2), (3, 1)], [(2, 2), (3, 1), (3, 0)]]
        opened.prune(1)
        opened.ingest(World(hubs({"a": "fail"}), scopes=(0,)).report(5.2))
        opened.ingest(World(hubs({"b": "fail"}, scope=2), scopes=(2,)).report(5.1))
        trend = opened.trend()
        assert trend is not None
        assert [(point.open, point.resolved) for point in trend.points] == [(3, 0), (2, 1), (2, 0)]


def test_a_scan_that_was_overtaken_in_one_cloud_is_a_gap_and_what_it_moved_in_another_is_told(place: str) -> None:
    newer = World(hubs({"a": "fail"}), scopes=(0,)).report(0.2)
    older = World(hubs({"a": "pass"}) | hubs({"b": "fail"}, scope=2)).report(0.1)
    with history(place, [newer]) as opened:
        assert dict(opened.ingest(older).counts) == {"new": 1}
        trend = opened.trend()
        assert trend is not None
        assert [(p.complete, p.score_raw is None, p.open, p.new) for p in trend.points] == [
            (False, True, 1, 1), (True, False, 2, 1),
        ]  # fmt: skip


def with_regions(world: World, day: int, *regions: str) -> Report:
    """The report of a scan that asked for the hubs of some regions, which are listed for the whole subscription."""
    report = world.report(day)
    asked = {"provider": "azure", "account": SCOPES[2][1], "outcome": "read"}
    asked |= {"operation": "iothubs.list", "tables": "hub"}
    rows = [dict.fromkeys(report.coverage.columns, "") | asked | {"region": region} for region in regions]
    object.__setattr__(report, "coverage", pd.concat([report.coverage, pd.DataFrame(rows)], ignore_index=True))
    return report


def test_a_region_that_is_scanned_no_more_resolves_nothing_global_that_was_found_through_it(place: str) -> None:
    failing, gone = World(hubs({"a": "fail"}, scope=2)), World({})
    days = [with_regions(failing, 0, "north", "south"), with_regions(gone, 1, "north")]
    with history(place, days) as opened:
        assert lives(opened) == {}
        opened.ingest(with_regions(failing, 2, "north"))
        assert lives(opened) == {"azure-a": "open"}
        opened.ingest(with_regions(gone, 3, "north"))
        assert lives(opened) == {"azure-a": "resolved"}


def test_what_a_region_was_asked_for_counts_as_the_scan_wrote_it_then(place: str) -> None:
    """The operation of before fills the table of the hub, and today's scan does not ask it any more."""
    before = with_regions(World(hubs({"a": "fail"}, scope=2)), 0, "north", "south")
    before.coverage["operation"] = "iothubs.list_of_before"
    with history(place, [before, with_regions(World({}), 1, "north")]) as opened:
        assert lives(opened) == {}


def version_two(place: str) -> None:
    """Makes a history what the version before reasons were data has written."""
    made, _ = engine(address(place))
    with writing(made) as connection:
        for table, column in (("detail", "unread"), ("coverage", "cause"), ("coverage", "tables")):
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.exec_driver_sql("UPDATE detail SET digest = digest || 'x'")  # it was over fewer columns
        connection.execute(sa.text("UPDATE iotposture_version SET number = 2"))
    made.dispose()


def test_a_history_of_the_second_version_learns_reasons_and_loses_nothing(place: str) -> None:
    world = World(hubs({"a": "fail", "b": "unknown"}), read={(0, "iot.list_things")})
    with history(place, [world.report(0)]) as opened:
        before, coverage = opened.case_report(), opened.coverage("scan-0")
    assert [case.finding.unread != "" for case in before.cases] == [False, True]
    assert {row["tables"] for row in coverage} == {"certificate|device|hub"}
    version_two(place)
    with History.open(place) as opened:
        told = [replace(case, finding=case.finding._replace(unread="")) for case in before.cases]
        assert list(opened.case_report().cases) == told
        assert opened.coverage("scan-0") == [row | {"cause": "", "tables": ""} for row in coverage]
        opened.ingest(world.report(1))
        assert [case.finding.unread for case in opened.case_report().cases] == [c.finding.unread for c in before.cases]
        assert not any(case.changed for case in opened.case_report().cases)
        assert opened.coverage("scan-1") == coverage
        assert opened.check() == []


def test_a_scan_before_tables_were_written_resolves_nothing_that_this_one_would_not(place: str) -> None:
    failing, gone = World(hubs({"a": "fail"}, scope=2)), World({})
    with history(place, [with_regions(failing, 0, "north", "south")]):
        pass
    version_two(place)
    with history(place, [with_regions(gone, 1, "north")]) as opened:
        assert lives(opened) == {}
        opened.ingest(with_regions(gone, 2, "north", "south"))
        assert lives(opened) == {"azure-a": "resolved"}


def test_a_service_that_went_away_resolves_nothing_that_a_scan_before_tables_were_written_has_listed(
    place: str,
) -> None:
    before = World({(STRONG, 1, "a"): "fail"}, read={(1, "iot.list_certificates")}, checks=(STRONG,))
    after = World({}, unavailable={(1, "iot.list_certificates")}, checks=(STRONG,))
    with history(place, [before.report(0)]):
        pass
    version_two(place)
    with history(place, [after.report(1)]) as opened:
        assert lives(opened) == {"aws-a": "dark"}


def test_a_list_that_no_scan_can_ever_read_keeps_nothing_dark_that_was_on_another(place: str) -> None:
    """Hubs of Azure's basic tier answer no device queries; the devices of its other hubs come and go all the same."""
    never = World({}, broken={(TLS, 0)}).report(1)
    never.findings["cause"] = "no_data_source"
    with history(place, [World(hubs({"a": "fail"})).report(0), never]) as opened:
        assert lives(opened)["aws-a"] == "resolved"


def test_two_scans_at_once_are_both_taken_in_whole(place: str) -> None:
    reports = [World({(TLS, n % 3, f"r{m}"): "fail" for m in range(200)}).report(n) for n in range(6)]
    with history(place):
        pass

    def work(mine: list[Report]) -> None:
        with History.open(place) as opened:
            for report in mine:
                opened.ingest(report)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, [reports[n::3] for n in range(3)]))
    with history(place) as opened:
        assert len(opened.scans()) == 6
        opened.ingest(World({(TLS, 0, f"r{m}"): "fail" for m in range(100)}).report(9))
        trend = opened.trend()
        assert trend is not None
        assert trend.points[-1].open == 100


def test_scans_that_end_at_the_same_time_do_not_lose_one_another(place: str) -> None:
    """The same finding from two writers, started together: one life, two scans."""
    barrier = threading.Barrier(2)
    with history(place):
        pass

    def work(day: int) -> None:
        with History.open(place) as opened:
            report = World(hubs({f"r{n}": "fail" for n in range(50)})).report(day, f"scan-{day}-{random.random()}")
            barrier.wait()
            opened.ingest(report)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, [1, 1]))
    with history(place) as opened:
        trend = opened.trend()
        assert trend is not None
        assert [(point.open, point.new) for point in trend.points] == [(50, 50), (50, 0)]


def remembered(folder: Path, day: int, **chosen: int) -> History:
    """The history in a folder after the command line has taken in the scan of a day."""
    report = World(hubs({"a": "fail"})).report(day)
    settings_ = Settings(out=str(folder), **chosen)  # type: ignore[arg-type]
    record_scan(Order(settings_, report.about["scan_id"], DAY_ONE + timedelta(days=day)), report)
    return History.open(str(folder / "history.db"))


def test_past_scans_are_kept_as_long_as_the_settings_say(tmp_path: Path) -> None:
    for day, history_days, kept in ((0, 0, 1), (40, 0, 2), (41, 30, 2), (42, 30, 3), (80, 30, 1)):
        with remembered(tmp_path, day, history_days=history_days) as opened:
            assert len(opened.scans()) == kept
            (case,) = opened.case_report().cases
            assert case.age_days == day


def test_a_scan_by_a_clock_that_went_backwards_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remembered(tmp_path, 9).close()
    assert capsys.readouterr().err == ""
    remembered(tmp_path, 3).close()
    assert capsys.readouterr().err == (
        "history: a scan that began after 2026-09-04T06:00:00Z was taken in before; where both looked, this one changes nothing\n"
    )


def test_a_scan_of_some_clouds_stays_one_when_it_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = Order(Settings(), "scan-1", DAY_ONE, only=("aws",), out=str(tmp_path / "scan-1"))
    write_about(first, Scopes(), {})
    resumed = ScanRequest("", (), (), "", "", "scan-1").order()
    assert (resumed.scan_id, resumed.only) == ("scan-1", ("aws",))
    assert ScanRequest("", ("gcp",), (), "", "", "scan-1").order().only == ("gcp",)
