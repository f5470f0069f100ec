"""The score and the trend: what they count, and what they leave out."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import HOSTILE, SCOPES, hostile, report
from rich.console import Console
from worlds import CREDENTIAL, DAY_ONE, TLS, World, history, hubs

from checks.check import SEVERITIES
from checks.finding import Finding
from checks.waiver import Held, Period, parse
from flows.errors import BadSettings
from flows.gate import Gate, judge
from flows.history import ScanHistory, days, points
from reports.score import WEIGHTS, Tally, score
from reports.store import LATEST, STEPS, BadHistory, address, engine, filesystem, reading, upgrade, version, writing
from reports.trend import Point, Trend
from reports.trend_terminal import HEIGHT, chart, render

TALLIES = st.lists(
    st.builds(
        Tally, check=st.text(max_size=3), account=st.text(max_size=3), severity=st.sampled_from(SEVERITIES),
        passed=st.integers(0, 10_000), failed=st.integers(0, 10_000), waived=st.integers(0, 20),
    ),
    max_size=8,
)  # fmt: skip


def last(trend: Trend | None) -> Point:
    """The last point of a trend."""
    assert trend is not None
    return trend.points[-1]


@given(TALLIES)
def test_a_score_is_0_to_100_and_the_managed_one_is_not_below_the_raw_one(tallies: list[Tally]) -> None:
    raw, managed = score(tallies), score(tallies, managed=True)
    assert raw is None or 0 <= raw <= 100
    assert raw is None or managed is None or raw <= managed <= 100


@given(TALLIES, st.data())
def test_a_finding_that_is_fixed_or_whose_resource_is_gone_never_lowers_the_score(
    tallies: list[Tally], data: st.DataObject
) -> None:
    failing = [number for number, tally in enumerate(tallies) if tally.failed]
    if not failing:
        return
    at = data.draw(st.sampled_from(failing))
    for passed in (tallies[at].passed + 1, tallies[at].passed):
        mended = [*tallies]
        mended[at] = tallies[at]._replace(passed=passed, failed=tallies[at].failed - 1)
        before, after = score(tallies), score(mended)
        assert before is None or after is None or after >= before


@pytest.mark.parametrize(
    ("tallies", "expected"),
    [
        ([], None),
        ([Tally("a", "x", "info", 0, 5)], None),
        ([Tally("a", "x", "low", 5, 0)], 100.0),
        ([Tally("a", "x", "critical", 0, 1), Tally("b", "x", "low", 10, 0)], 50.0),
        # ten thousand devices weigh as ten: (10 x 10 x 0 + 10 x 1 x 1) / (100 + 10)
        ([Tally("a", "x", "critical", 0, 10_000), Tally("b", "x", "critical", 1, 0)], 9.1),
        ([Tally("a", "x", "high", 3, 1)], 75.0),
    ],
)
def test_the_score_is_the_weighted_share_that_passes(tallies: list[Tally], expected: float | None) -> None:
    assert score(tallies) == expected


def test_findings_and_counts_that_are_listed_twice_change_no_score(tmp_path: Path) -> None:
    once = World(hubs({"a": "fail", "b": "pass", "c": "pass"})).report(0)
    twice = World(hubs({"a": "fail", "b": "pass", "c": "pass"})).report(0)
    for name in ("findings", "counts"):
        frame = getattr(twice, name)
        object.__setattr__(twice, name, frame.loc[frame.index.repeat(2)].reset_index(drop=True))
    with history(str(tmp_path / "once.db"), [once]) as one, history(str(tmp_path / "twice.db"), [twice]) as other:
        point = last(one.trend())
        assert point.score_raw == 66.7
        assert point == last(other.trend())


def periods(**spans: tuple[int, int]) -> object:
    """Waivers by resource, from one day to another."""

    def waived(findings: Sequence[Finding], mended: Sequence[Finding]) -> Mapping[str, Sequence[Period]]:
        found = {}
        for finding in (*findings, *mended):
            name = finding.resource_name.removeprefix("aws-")
            if name in spans:
                start, end = (DAY_ONE.date() + timedelta(days=day) for day in spans[name])
                found[finding.finding_id] = [Period(start, end, f"until {end}")]
        return found

    return waived


def test_a_waiver_leaves_a_failure_out_of_the_managed_score_while_it_holds_and_is_told_when_it_ends(place: str) -> None:
    world = World(hubs({"a": "fail", "b": "pass"}))
    with history(place, [world.report(day) for day in range(6)]) as opened:
        trend = opened.trend(waived=periods(a=(1, 3)))  # type: ignore[arg-type]
    assert trend is not None
    assert [point.score_raw for point in trend.points] == [50.0] * 6
    assert [point.score_managed for point in trend.points] == [50.0, 100.0, 100.0, 100.0, 50.0, 50.0]
    assert [point.expired_waivers for point in trend.points] == [0, 0, 0, 0, 1, 0]
    assert [point.open for point in trend.points] == [1] * 6


def test_what_expires_is_counted_in_waivers_however_many_findings_they_covered(place: str) -> None:
    """Two waivers end on one day; of a third the only finding is covered by another still."""
    world = World(hubs({**{f"{n}": "fail" for n in "abcd"}, "p": "pass"}))

    def waived(findings: Sequence[Finding], mended: Sequence[Finding]) -> Mapping[str, Sequence[Period]]:
        first, last, later = (DAY_ONE.date() + timedelta(days=day) for day in (0, 1, 9))
        names = {"a": "one", "b": "one", "c": "two", "d": "three"}
        found = {f.finding_id: [Period(first, last, names[f.resource_name.removeprefix("aws-")])] for f in findings}
        (still,) = (f for f in findings if f.resource_name == "aws-d")
        found[still.finding_id].append(Period(first, later, "four"))
        return found

    with history(place, [world.report(day) for day in range(4)]) as opened:
        trend = opened.trend(waived=waived)
    assert trend is not None
    assert [point.expired_waivers for point in trend.points] == [0, 0, 2, 0]
    assert [point.score_managed for point in trend.points] == [100.0, 100.0, 25.0, 25.0]
    assert trend.sla["high"] == {"in": 3, "near": 0, "breached": 0}


def test_a_case_under_a_waiver_has_no_due_date_to_miss(place: str) -> None:
    def accepted(findings: Sequence[Finding], today: date) -> Mapping[str, Held]:
        return {findings[0].finding_id: Held("W-1", "risk_accepted", f"{today}")}

    with history(place, [World(hubs({"a": "fail"})).report(0)]) as opened:
        (case,) = opened.case_report(accepted=accepted, owner=lambda finding: f"team {finding.hub}").cases
        assert (case.waiver, case.waiver_kind, case.sla, case.owner) == ("W-1", "risk_accepted", "", "team hub-0")
        trend = opened.trend(waived=periods(a=(0, 9)))  # type: ignore[arg-type]
        assert trend is not None
        assert sum(trend.sla["high"].values()) == 0
        assert trend.ageing["high"]["0-7"] == 1


def test_a_case_says_which_waiver_it_has_lost_and_its_due_date_counts_again(place: str) -> None:
    def accepted(findings: Sequence[Finding], today: date) -> Mapping[str, Held]:
        return {findings[0].finding_id: Held("W-1", "risk_accepted", "2026-08-31", "2026-08-01", lapsed=True)}

    with history(place, [World(hubs({"a": "fail"})).report(0)]) as opened:
        (case,) = opened.case_report(accepted=accepted).cases
    assert (case.lapsed_waiver, case.lapsed_on, case.waiver, case.sla) == ("W-1", "2026-08-31", "", "in")


@pytest.mark.parametrize(
    ("age", "bucket"), [(7, "0-7"), (8, "8-30"), (30, "8-30"), (31, "31-90"), (90, "31-90"), (91, ">90")]
)
def test_an_age_falls_into_one_bucket(tmp_path: Path, age: int, bucket: str) -> None:
    world = World(hubs({"a": "fail"}))
    with history(str(tmp_path / "h.db"), [world.report(0), world.report(age)]) as opened:
        trend = opened.trend()
    assert trend is not None
    assert {name for name, number in trend.ageing["high"].items() if number} == {bucket}


def test_checks_that_were_added_are_named_and_the_score_is_told_without_them(place: str) -> None:
    found = hubs({"a": "pass", "b": "pass"}) | {(CREDENTIAL, 0, "c"): "fail"}
    with history(place, [World(found, checks=(TLS,)).report(0), World(found).report(1)]) as opened:
        point = last(opened.trend())
    assert point.checks_added == (CREDENTIAL,)
    assert (point.score_raw, point.rebased) == (50.0, 100.0)


def test_checks_that_were_removed_move_no_score_that_is_compared_like_for_like(place: str) -> None:
    found = hubs({"a": "pass", "b": "pass"}) | {(CREDENTIAL, 0, "c"): "fail"}
    with history(place, [World(found).report(0), World(found, checks=(TLS,)).report(1)]) as opened:
        point = last(opened.trend())
    assert (point.checks_added, point.checks_removed) == ((), (CREDENTIAL,))
    assert (point.score_raw, point.rebased) == (100.0, 50.0)


def test_an_account_that_comes_or_goes_moves_no_score_that_is_compared_like_for_like(place: str) -> None:
    found = hubs({"a": "pass", "b": "fail"}) | hubs({"c": "fail"}, scope=2)
    azure = f"azure/{SCOPES[2][1]}"
    days_ = [World(found, scopes=(0,)), World(found, scopes=(0, 2)), World(found, scopes=(0,))]
    with history(place, [world.report(day) for day, world in enumerate(days_)]) as opened:
        trend = opened.trend()
    assert trend is not None
    assert [(p.score_raw, p.rebased, p.accounts_added, p.accounts_removed) for p in trend.points] == [
        (50.0, 50.0, (), ()), (33.3, 50.0, (azure,), ()), (50.0, 33.3, (), (azure,)),
    ]  # fmt: skip


def test_a_waiver_in_a_region_that_is_scanned_no_more_excuses_nothing_elsewhere(place: str) -> None:
    world = World(hubs({"a": "fail", "p": "pass"}) | hubs({"b": "fail"}, scope=1), scopes=(0, 1))
    with history(place, [world.report(0)]) as opened:
        world.scopes = (0,)
        opened.ingest(world.report(1))
        trend = opened.trend(waived=periods(b=(0, 9)))  # type: ignore[arg-type]
    assert trend is not None
    assert [(p.score_raw, p.score_managed) for p in trend.points] == [(33.3, 50.0), (50.0, 50.0)]


WIDE = """\
[[waiver]]
id = "bench"
kind = "mitigated_elsewhere"
match = { resource = "*bench*" }
severity = "high"
reason = "It stands in a room of its own."
owner = "lab"
approver = "ciso"
created_on = 2026-09-01
expires_on = 2026-09-30
"""


def test_a_waiver_is_as_broad_for_the_score_as_for_the_cases(place: str) -> None:
    """Twelve of ninety are too many for a match, however many others were mended within the window."""
    lasting = hubs(
        {f"bench-{n}": "fail" for n in range(12)} | {f"other-{n}": "fail" for n in range(78)} | {"p": "pass"}
    )
    mended = hubs({f"old-{n}": "fail" for n in range(90)})
    waivers = parse(WIDE, "waivers.toml")
    with history(place, [World(lasting | mended).report(0), World(lasting).report(1)]) as opened:
        point = last(opened.trend(waived=waivers.periods))
        assert not any(case.waiver for case in opened.case_report(accepted=waivers.held).cases)
    assert point.score_managed == point.score_raw == 1.1


def test_a_waiver_is_no_broader_in_a_scan_of_fewer_clouds(place: str) -> None:
    bench = hubs({f"bench-{n}": "fail" for n in range(12)}, scope=2)
    world = World(bench | hubs({f"other-{n}": "fail" for n in range(130)}))
    with history(place, [world.report(0)]) as opened:
        opened.ingest(World(bench, scopes=(2,)).report(1), narrowed=True)
        cases = opened.case_report(accepted=parse(WIDE, "waivers.toml").held).cases
    assert [case.waiver for case in cases] == ["bench"] * 12


def test_a_scan_of_fewer_clouds_or_checks_is_a_gap_but_what_it_judged_counts(place: str) -> None:
    whole = World(hubs({"a": "fail"}) | hubs({"b": "fail"}, scope=2))
    with history(place, [whole.report(0)]) as opened:
        opened.ingest(World({}, scopes=(2,)).report(1), narrowed=True)
        point = last(opened.trend())
        assert (point.complete, point.score_raw, point.open, point.resolved) == (False, None, 1, 1)


def test_an_incomplete_scan_has_a_score_only_where_its_coverage_is_enough(place: str) -> None:
    with history(place, [World(hubs({"a": "fail"}), broken={(TLS, 1)}).report(0)]) as opened:
        assert last(opened.trend()).score_raw is None
        assert last(opened.trend(min_coverage=95)).score_raw is None
        assert last(opened.trend(min_coverage=90)).score_raw == 0.0


def test_shares_change_against_the_start_of_the_window_and_name_the_worst_first(place: str) -> None:
    first = World(hubs({"a": "fail", "b": "fail"}) | {(CREDENTIAL, 2, "c"): "fail"})
    then = World(hubs({"a": "fail"}) | {(CREDENTIAL, 2, "c"): "fail", (CREDENTIAL, 2, "d"): "fail"})
    with history(place, [first.report(0), then.report(20), then.report(35)]) as opened:
        trend = opened.trend(30, owner=lambda finding: finding.provider)
        short = opened.trend(10)
    assert trend is not None and short is not None
    assert [(s.name, s.open, s.change, s.score_raw) for s in trend.by["area"]] == [
        ("identity", 2, 1, 0.0),
        ("connection", 1, -1, 0.0),
    ]
    assert [(s.name, s.open, s.change) for s in trend.by["account"]] == [
        ("azure/7c1b9e0a-2f64-4c55-9a3d-0d5b7f1e8a11", 2, 1),
        ("aws/123456789012", 1, -1),
    ]
    assert [(s.name, s.open) for s in trend.by["hub"]] == [("hub-2", 2), ("hub-0", 1)]
    assert [(s.name, s.open, s.change) for s in trend.by["owner"]] == [("azure", 2, 1), ("aws", 1, -1)]
    assert [(hub.hub, hub.weight, hub.owner) for hub in trend.hubs] == [("hub-2", 20, "azure"), ("hub-0", 5, "aws")]
    assert trend.hubs[0].reason == "2 critical, not met: No two devices share a credential"
    assert trend.before is not None and trend.before.scan_id == "scan-0"
    assert [s.change for s in short.by["area"]] == [0, 0]
    assert trend.mttr["high"].open_median_days == 35.0
    assert trend.ageing["critical"] == {"0-7": 0, "8-30": 1, "31-90": 1, ">90": 0}
    assert trend.sla["critical"] == {"in": 0, "near": 0, "breached": 2}


@pytest.mark.parametrize(
    ("days_", "before"),
    [
        (30, {"new": 1, "resolved": 2, "reopened": 0}), (32, {"new": 1, "resolved": 2, "reopened": 0}), (33, None),
        (15, {"new": 0, "resolved": 0, "reopened": 0}),
    ],
)  # fmt: skip
def test_what_moved_is_told_beside_the_equal_window_before_where_there_was_one(
    place: str, days_: int, before: dict[str, int] | None
) -> None:
    verdicts = {0: "ab", 10: "ab", 20: "a", 25: "c", 50: "ac", 64: "c"}
    with history(place, [World(hubs(dict.fromkeys(f, "fail"))).report(day) for day, f in verdicts.items()]) as opened:
        trend = opened.trend(days_)
    assert trend is not None
    assert trend.moved_before == before
    assert sum(point.reopened for point in trend.points) == 1
    out = io.StringIO()
    render(trend, Console(file=out, width=100))
    assert ("In the window before: 1 new, 2 resolved, 0 reopened\n" in out.getvalue()) == (days_ in (30, 32))


def test_a_trend_without_a_scan_is_none(place: str) -> None:
    with history(place) as opened:
        assert opened.trend() is None
        with pytest.raises(LookupError, match="the history has no scan"):
            opened.case_report()


def test_a_gap_is_an_empty_column_and_a_zero_is_not() -> None:
    drawn = chart([100, None, 0, 50], 100, 80)
    assert len(drawn) == HEIGHT
    assert [line[1] for line in drawn] == [" "] * HEIGHT
    assert [line[0] for line in drawn] == ["█"] * HEIGHT
    assert drawn[-1][2] == "▁" and drawn[0][2] == " "
    assert [line[3] for line in drawn] == [" ", " ", "█", "█"]
    assert all(len(line) == 10 for line in chart([1.0] * 400, 1, 10))


def test_a_trend_on_a_terminal_writes_no_control_character_that_a_cloud_named(place: str) -> None:
    first, later = (replace(hostile(), about={**hostile().about, "scan_id": id_}) for id_ in ("first", "later"))
    with history(place, [first, later]) as opened:
        trend = opened.trend(owner=lambda _: HOSTILE[16])
        assert trend is not None
        out = io.StringIO()
        render(trend, Console(file=out, width=100))
        assert len(opened.case_report().cases) == len(hostile().findings["finding_id"].unique())
    assert "Riskiest hubs" in out.getvalue()
    assert all(character.isprintable() or character == "\n" for character in out.getvalue())


def test_points_as_a_table_leave_a_gap_empty(tmp_path: Path) -> None:
    days_ = [World(hubs({"a": "fail"})), World(hubs({"a": "fail"}), broken={(TLS, 1)})]
    with history(str(tmp_path / "h.db"), [world.report(day) for day, world in enumerate(days_)]) as opened:
        trend = opened.trend()
    assert trend is not None
    rows, columns = points(trend)
    assert [row["score_raw"] for row in rows] == [0.0, ""]
    assert {"date", "complete", "coverage", "score_raw", "score_managed", "open", "new", "dark"} <= set(columns)


@pytest.mark.parametrize("window", ["", "0", "0d", "-3d", "90w", "1.5d", "99999d"])
def test_a_window_that_is_no_number_of_days_is_told(window: str) -> None:
    with pytest.raises(BadSettings, match="allowed: 1d to 9999d"):
        days(window)


def test_the_gate_counts_new_findings_only_where_there_is_something_to_compare_with(place: str) -> None:
    def end(gate: Gate, world: World, day: int) -> tuple[int, int]:
        found = world.report(day)
        with history(place, [found]) as opened:
            scan = found.about["scan_id"]
            past = ScanHistory(opened.case_report(scan), opened.trend(), frozenset(opened.baseline(scan)))
        verdict = judge(gate, found, past)
        return verdict.code, len(verdict.notes)

    new, every = Gate("high", new_only=True), Gate("high")
    one = hubs({"a": "fail"})
    assert end(new, World(one, scopes=(0, 1)), 0) == (1, 1)
    assert end(new, World(one, scopes=(0, 1)), 1) == (0, 0)
    assert end(every, World(one, scopes=(0, 1)), 2) == (1, 0)
    assert end(new, World(one | hubs({"b": "fail"}), scopes=(0, 1)), 3) == (1, 0)
    assert end(new, World(hubs({"b": "fail"}), scopes=(0, 1)), 4) == (0, 0)
    assert end(new, World(one, scopes=(0, 1)), 5) == (1, 0)
    assert end(new, World(one), 6) == (0, 1)
    assert judge(new, World(one).report(7), ScanHistory()).notes
    assert judge(Gate("critical"), World(one).report(7), ScanHistory()).code == 0


def test_too_little_coverage_beats_a_finding_unless_somebody_prefers_the_gate() -> None:
    found = report(coverage_pct="90.0")
    assert judge(Gate("high", 95), found, ScanHistory()).code == 3
    assert judge(Gate("high", 95, prefer_gate=True), found, ScanHistory()).code == 1
    assert judge(Gate("high", 90), found, ScanHistory()).code == 1
    assert judge(Gate("", 90), found, ScanHistory()).code == 0


def test_an_older_database_is_brought_up_to_date_after_a_copy_and_a_newer_one_is_refused(place: str) -> None:
    import sqlalchemy as sa

    def step(connection: sa.Connection) -> None:
        connection.execute(sa.text("ALTER TABLE scan ADD COLUMN note TEXT NOT NULL DEFAULT 'old'"))

    def breaks(connection: sa.Connection) -> None:
        connection.execute(sa.text("ALTER TABLE scan ADD COLUMN more TEXT"))
        raise ZeroDivisionError

    with history(place, [World(hubs({"a": "fail"})).report(0)]):
        pass
    url = address(place)
    made, _ = engine(url)
    try:
        with pytest.raises(ZeroDivisionError):
            upgrade(made, url, {**STEPS, LATEST + 1: step, LATEST + 2: breaks})
        with reading(made) as connection:
            assert version(connection) == LATEST
        upgrade(made, url, {**STEPS, LATEST + 1: step})
        with reading(made) as connection:
            assert version(connection) == LATEST + 1
            assert connection.execute(sa.text("SELECT note FROM scan")).scalars().all() == ["old"]
        with pytest.raises(BadHistory, match=f"version {LATEST + 1}, written by a newer iotposture"):
            upgrade(made, url)
        with writing(made) as connection:
            connection.execute(sa.text(f"UPDATE iotposture_version SET number = {LATEST}"))
    finally:
        made.dispose()
    if url.drivername == "sqlite":
        copies = sorted(Path(place).parent.glob("*.bak"))
        assert copies
        with history(str(copies[0])) as opened:
            assert len(opened.scans()) == 1


def test_a_network_file_system_is_recognised_by_its_mount() -> None:
    mounts = (
        "/dev/sda1 / ext4 rw 0 0\nnas:/x /srv/my\\040share nfs4 rw 0 0\nnone /srv/my\\040share/local tmpfs rw 0 0\n"
    )
    assert filesystem(Path("/home/me/history.db"), mounts) == "ext4"
    assert filesystem(Path("/srv/my share/history.db"), mounts) == "nfs4"
    assert filesystem(Path("/srv/my share/local/history.db"), mounts) == "tmpfs"
    assert filesystem(Path("/home/me"), "") == ""


def test_on_a_network_file_system_there_is_no_write_ahead_log_and_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.store.mounts_text", lambda: f"nas:/x {tmp_path} nfs rw 0 0")
    with history(str(tmp_path / "h.db"), [World(hubs({"a": "fail"})).report(0)]) as opened:
        assert "goes without a write-ahead log" in opened.warning
        assert not (tmp_path / "h.db-wal").exists()
    monkeypatch.undo()
    with history(str(tmp_path / "h.db")) as opened:
        assert opened.warning == ""
        assert (tmp_path / "h.db-wal").exists()


def test_every_severity_has_a_weight() -> None:
    assert list(WEIGHTS) == list(SEVERITIES)
