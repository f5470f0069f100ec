"""The report page's numbers and geometry: what is drawn, compared and said, and what is left out when room is short."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import io
import re

import pytest
from made_up import CHECKS, case_report, finding, report, trend

from checks.guidelines import guidelines
from reports.csv_files import coverage_csv, findings_csv
from reports.page import charts
from reports.page.headline import headline
from reports.page.page import report_html
from reports.summary import summarise
from reports.trend import Trend


def test_a_scan_that_did_not_complete_is_a_gap_and_nothing_is_drawn_across_it() -> None:
    points = trend().points
    lost = [n for n, point in enumerate(points) if not point.complete]
    chart = charts.burn_down(trend())
    assert len(chart.gaps) == len(lost) == 2
    for mark in [*chart.marks, *charts.scores(trend()).marks]:
        xs = [float(x) for x in re.findall(r"[ML](-?[\d.]+) ", mark.d)]
        assert not any(min(xs) < float(gap) < max(xs) for gap in chart.gaps)
    assert all(len(row) == 1 for n, row in enumerate(chart.rows) if n in lost)


def test_areas_stand_upon_each_other_and_end_at_what_is_open() -> None:
    one = dataclasses.replace(trend(), points=trend().points[:2])
    chart = charts.burn_down(one)
    top = float(chart.up[-1][1].replace(",", ""))
    roofs = [mark for mark in chart.marks if mark.kind.startswith("edge")]
    height = float(re.findall(r" ([\d.]+)", roofs[-1].d)[0])
    assert (charts.BOTTOM - height) / (charts.BOTTOM - charts.TOP) * top == pytest.approx(one.points[0].open, abs=0.1)


@pytest.mark.parametrize(
    ("top", "ticks"), [(0, [0, 1]), (3, [0, 1, 2, 3]), (64, [0, 20, 40, 60, 80]), (1000, [0, 500, 1000])]
)
def test_an_axis_has_round_numbers(top: int, ticks: list[int]) -> None:
    assert charts.steps(top) == ticks


def test_many_scans_are_summed_by_week_and_lose_nothing() -> None:
    points = tuple(
        dataclasses.replace(point, date=f"2026-{month:02}-{day:02}T06:00:00Z")
        for month in (9, 10, 11)
        for day, point in enumerate(trend().points * 2, 1)
    )
    chart = charts.movement(dataclasses.replace(trend(), points=points))
    assert len(chart.rows) < len(points) / 5 and chart.head[0] == "Week"
    assert sum(int(row[1]) for row in chart.rows) == sum(point.new for point in points if point.complete)
    assert chart.said.endswith("resolved; 6 waivers expired.")


@pytest.mark.parametrize(("count", "charts"), [(1, 0), (2, 3)])
def test_a_second_scan_draws_charts_and_a_first_one_promises_them(count: int, charts: int) -> None:
    whole = report()
    out = io.StringIO()
    report_html(
        whole, out, dataclasses.replace(trend(), points=trend().points[-count:], before=None), case_report(whole)
    )
    text = out.getvalue()
    assert text.count('class="chart"') == charts and "NaN" not in text
    assert ("This is the first scan." in text) is (charts == 0)
    assert "<h3>Age of what is open</h3>" in text


def test_a_window_without_a_complete_scan_is_said_and_not_drawn() -> None:
    points = tuple(dataclasses.replace(p, complete=False, score_raw=None, score_managed=None) for p in trend().points)
    out = io.StringIO()
    report_html(report(), out, dataclasses.replace(trend(), points=points, before=None))
    assert "No scan of this window completed." in out.getvalue() and "What got worse" not in out.getvalue()


def test_the_headline_compares_like_with_like() -> None:
    whole = report()
    told = headline(whole, summarise(whole), trend(), case_report(whole))
    assert told.sentence == "15 critical findings are open, 1 more than on 15 Nov 2026"
    facts = {fact.name: fact for fact in told.facts}
    assert facts["Score of 100"].note == "up 1.7 since 15 Nov 2026"
    assert facts["Overdue"].tone == "worse" and facts["Scan"].value == "Complete"
    assert "Critical: 1 more open, 15 now" in told.worse
    assert "1 waiver expired, and what it covered counts again" in told.worse
    last = dataclasses.replace(trend().points[-1], rebased=70.0, checks_added=("update-is-signed",))
    told = headline(whole, summarise(whole), dataclasses.replace(trend(), points=(*trend().points[:-1], last)), None)
    assert told.facts[0].note == "down 6.7 since 15 Nov 2026 over the same checks" and told.facts[0].tone == "worse"


def test_an_incomplete_scan_is_compared_with_nothing() -> None:
    whole = report(scan_complete="false")
    told = headline(whole, summarise(whole), trend(), None)
    assert told.sentence == "35 findings fail, 5 are unknown" and told.since == "" and told.worse == ()
    lost = dataclasses.replace(trend().points[-1], complete=False, score_raw=None, score_managed=None)
    moved = dataclasses.replace(trend(), points=(*trend().points[:-1], lost)).with_target(dt.date(2027, 1, 31), 10)
    facts = {fact.name: fact for fact in headline(whole, summarise(whole), moved, None).facts}
    assert facts["Score of 100"].note == "on 15 Nov 2026, the last complete scan"
    assert "Line to the target" not in facts and facts["Scan"].value == "Incomplete"


def test_a_rolled_up_row_tells_the_lives_of_all_it_stands_for() -> None:
    rows = [finding(CHECKS[2]["id"], 2, f"hub/devices/{n}", "device", hub="hub") for n in range(30)]
    out = io.StringIO()
    report_html(report(rows), out, None, case_report(report(rows)))
    assert "5 new, 3 reopened, 22 open, 3 waived" in out.getvalue()


# A target


@pytest.mark.parametrize(
    ("on", "open_", "since_open", "ideal", "above", "passed", "stands"),
    [
        # 57 on 30 Aug, 35 on 22 Nov: 84 days. To 31 Jan there are 153.75 days from the first scan
        ("2027-01-31", 10, 57, 31.3, 3.7, False, "4 above the ideal line"),
        ("2027-06-30", 0, 57, 41.2, -6.2, False, "6 below the ideal line"),
        ("2026-11-22", 35, 57, 35.0, 0.0, False, "on the ideal line"),
        ("2026-10-15", 30, 57, 30.0, 5.0, True, "5 above it"),
        ("2026-01-01", 35, 57, 35.0, 0.0, True, "reached"),
        ("2027-01-31", 80, 57, 80.0, -45.0, False, "45 below the ideal line"),
    ],
)
def test_the_ideal_line_is_straight_to_the_target_and_flat_after_it(
    on: str, open_: int, since_open: int, ideal: float, above: float, passed: bool, stands: str
) -> None:
    target = trend().with_target(dt.date.fromisoformat(on), open_).target
    assert target is not None and target.since == trend().points[0].date
    assert (target.since_open, target.ideal, target.above, target.passed) == (since_open, ideal, above, passed)
    assert target.stands == stands


def test_a_target_without_a_complete_scan_has_no_line() -> None:
    lost = tuple(dataclasses.replace(p, complete=False, score_raw=None) for p in trend().points)
    aimed = dataclasses.replace(trend(), points=lost).with_target(dt.date(2027, 1, 31), 0)
    assert aimed.target is not None and aimed.target.ideal is None
    assert not [mark for mark in charts.burn_down(aimed).marks if mark.kind.startswith(("ideal", "goal"))]
    assert headline(report(), summarise(report()), aimed, None).facts[-1].name == "Scan"


def corners(aimed: Trend) -> tuple[list[tuple[float, float]], int]:
    """Where the ideal line goes, and how many marks stand at a target."""
    marks = charts.burn_down(aimed).marks
    (line,) = [mark.d for mark in marks if mark.kind == "ideal"]
    spots = [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", line)]
    return spots, sum(mark.kind == "goal" for mark in marks)


def test_the_burn_down_reaches_to_a_target_that_is_near_and_points_to_one_that_is_far() -> None:
    near, far, past = (trend().with_target(dt.date(*on), 0) for on in ((2027, 1, 31), (2027, 6, 30), (2026, 10, 15)))
    assert corners(near) == ([(52.0, pytest.approx(25.4)), (628.0, 242.0)], 1)
    spots, goals = corners(far)
    assert [x for x, _ in spots] == [52.0, 628.0] and spots[1][1] < 242 and goals == 0
    spots, goals = corners(past)
    assert spots[0][0] == 52.0 and [y for _, y in spots[1:]] == [242.0, 242.0] and goals == 1
    assert [said for _, _, said in charts.burn_down(near).along] == ["30 Aug 2026", "22 Nov 2026", "31 Jan 2027"]
    assert [said for _, _, said in charts.burn_down(far).along][-1] == "22 Nov 2026"


def test_the_table_of_the_burn_down_has_the_ideal_line_and_the_target() -> None:
    chart = charts.burn_down(trend().with_target(dt.date(2027, 1, 31), 10))
    assert chart.head == ["Scan", "Critical", "High", "Medium", "Low", "Open", "Ideal"]
    assert chart.rows[0] == ["30 Aug 2026", "19", "18", "19", "1", "57", "57"]
    assert chart.rows[-2:] == [
        ["22 Nov 2026", "15", "6", "13", "1", "35", "31"],
        ["Target, 31 Jan 2027", *[""] * 5, "10"],
    ]
    assert chart.said.endswith("4 above the ideal line to 10 on 31 Jan 2027.")
    assert chart.hits[-1][2] == "22 Nov 2026: 15 critical, 6 high, 13 medium, 1 low; ideal 31"
    assert ("ideal", "ideal line to 10 on 31 Jan 2027") in charts.present(trend().with_target(dt.date(2027, 1, 31), 10))


def test_without_a_target_there_is_no_line() -> None:
    out = io.StringIO()
    report_html(report(), out, trend(), case_report(report()))
    page = out.getvalue().split("<main", 1)[1]
    assert 'class="ideal' not in page and "deal line" not in page and "Target" not in page


def test_a_burn_down_of_many_scans_is_a_table_by_week_that_says_how_many_completed() -> None:
    first = dt.datetime(2026, 8, 31, 6, tzinfo=dt.UTC)  # a Monday
    points = tuple(
        dataclasses.replace(
            trend().points[0],
            date=f"{first + dt.timedelta(days=n):%Y-%m-%dT%H:%M:%SZ}",
            open=100 - n,
            open_by_severity={"high": 100 - n},
            complete=not 14 <= n < 21 and n != 3,
        )
        for n in range(90)
    )
    chart = charts.burn_down(dataclasses.replace(trend(), points=points))
    assert chart.head == ["Week", "High", "Open", "Complete scans"] and len(chart.rows) == 13
    assert chart.rows[0] == ["Week of 31 Aug 2026", "94", "94", "6 of 7"]
    assert chart.rows[2] == ["Week of 14 Sep 2026"]
    assert len(chart.gaps) == 8 and len(chart.hits) == 90


# What the page says about itself


def test_the_method_has_the_weights_and_the_hashes_of_the_files_beside_the_page() -> None:
    out = io.StringIO()
    report_html(report(), out)
    page = out.getvalue()
    assert "critical 10, high 5, medium 2, low 1" not in page  # of one scan there is no score
    for name, write in (("findings.csv", findings_csv), ("coverage.csv", coverage_csv)):
        written = io.StringIO(newline="")
        write(report(), written)
        assert f"{name} <code>sha256:{hashlib.sha256(written.getvalue().encode()).hexdigest()}</code>" in page
    out = io.StringIO()
    report_html(report(), out, trend(), case_report(report()))
    assert "critical 10, high 5, medium 2, low 1" in out.getvalue()
    assert "Of one check in one account at most 10 resources count" in out.getvalue()


def test_the_numbers_of_a_page_agree_with_each_other() -> None:
    whole, moved, told = report(), trend(), case_report(report())
    failing = int((whole.findings["status"] == "fail").sum())
    last = moved.points[-1]
    assert failing == last.open == sum(last.open_by_severity.values()) == sum(s.open for s in moved.by["area"])
    assert sum(map(sum, (counts.values() for counts in moved.ageing.values()))) == failing + last.dark
    out = io.StringIO()
    report_html(whole, out, moved, told)
    page = out.getvalue()
    assert f">{failing} fail in all" in page and f"{failing} on 22 Nov 2026" in page
    assert f"With {last.dark} finding that failed and cannot be read any more." in page


def test_waivers_tell_how_many_end_soon_and_which_is_the_oldest_and_the_broadest() -> None:
    told = case_report(report())
    cases = tuple(
        dataclasses.replace(c, waiver="old", waiver_kind="risk_accepted", waiver_expires_on="2026-12-01", waiver_created_on="2026-07-01")
        if n == 2 else c
        for n, c in enumerate(told.cases)
    )  # fmt: skip
    out = io.StringIO()
    report_html(report(), out, trend(), dataclasses.replace(told, cases=cases))
    said = re.sub(r"<.*?>", "", out.getvalue())
    assert "2 waivers cover 3 findings, 2 of them under metering-migration." in said
    assert "The oldest, old, was made on 1 Jul 2026. 1 waiver ends within 14 days." in said


def test_waivers_that_have_expired_are_named_with_what_they_leave_open() -> None:
    told = case_report(report())
    ended = [dataclasses.replace(c, lapsed_waiver="pumps-2025", lapsed_on="2026-11-18") for c in told.cases[:2]]
    ended += [dataclasses.replace(told.cases[2], lapsed_waiver="trial", lapsed_on="2026-11-20")]
    out = io.StringIO()
    report_html(report(), out, trend(), dataclasses.replace(told, cases=(*ended, *told.cases[3:])))
    said = re.sub(r"<.*?>", "", out.getvalue())
    assert (
        "Expired: trial on 20 Nov 2026, 1 finding without one now; pumps-2025 on 18 Nov 2026, 2 findings without one now."
        in said
    )
    out = io.StringIO()
    report_html(report(), out, trend(), told)
    assert "Expired:" not in out.getvalue()


def test_guidelines_that_no_check_decides_are_told_for_the_clouds_of_the_scan() -> None:
    out = io.StringIO()
    report_html(report(), out)
    rows = re.findall(r"<tr><td><code>([a-z0-9-]+)</code>.*?<td>Not decided</td>", out.getvalue())
    served = {name for check in report().checks for name in check["guidelines"]}
    assert rows == [name for name in guidelines() if name not in served]
    assert f"{len(rows)} more are not decided by any check that ran" in out.getvalue()
    aws = dataclasses.replace(report(), coverage=report().coverage[report().coverage["provider"] == "aws"])
    out = io.StringIO()
    report_html(aws, out)
    rows = re.findall(r"<tr><td><code>([a-z0-9-]+)</code>.*?<td>Not decided</td>", out.getvalue())
    assert rows and all(name.startswith("aws-") for name in rows)


# A limit


@pytest.mark.parametrize(
    ("name", "limit", "beyond"), [("x" * 5000, 4_900_000, False), ("\u202e\U000e0041" * 150, 250_000, True)]
)
def test_a_page_keeps_to_its_limit_whatever_things_are_called(
    name: str, limit: int, beyond: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.page.page.LIMIT", limit)
    places = [{"region": f"{name}{n}", "account_id": f"{name}{n}"} if beyond else {} for n in range(1000)]
    rows = [
        finding(CHECKS[n % len(CHECKS)]["id"], n % 5, f"{n}/{name}", "policy", resource_name=name, hub=name, actual=name) | place
        for n, place in enumerate(places)
    ]  # fmt: skip
    out = io.StringIO()
    report_html(report(rows), out, None, case_report(report(rows)))
    assert len(out.getvalue().encode()) <= limit + 1
    assert "lack part of their evidence" in out.getvalue()
    assert ("more are in findings.csv." in out.getvalue()) is beyond


def test_a_command_that_is_too_long_is_left_out_whole() -> None:
    rows = [finding(CHECKS[5]["id"], 0, "a", "policy", remediation_cli="aws iot " + "x" * 2000)]
    out = io.StringIO()
    report_html(report(rows), out)
    assert "aws iot xx" not in out.getvalue()
