"""The history: which scan opens, resolves, reopens and darkens a finding, in both databases."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import SCOPES
from worlds import CREDENTIAL, DAY_ONE, STRONG, TLS, World, history, hubs, lives

from flows.cli import app
from flows.console import GATE, USAGE, exit_code
from flows.errors import BadSettings
from flows.history import check_history, record_scan
from flows.scan import Order
from flows.settings import Settings
from reports.history import History
from reports.lifecycle import step
from reports.report import Report
from reports.store import BadHistory

ROOT = Path(__file__).parent.parent


def scans(*worlds: World) -> list[Report]:
    """One scan a day."""
    return [world.report(day) for day, world in enumerate(worlds)]


def test_a_scan_that_is_taken_in_twice_changes_nothing_the_second_time(place: str) -> None:
    report = World(hubs({"a": "fail"})).report(0)
    with history(place) as opened:
        assert opened.ingest(report).fresh
        assert not opened.ingest(report).fresh
        assert len(opened.scans()) == 1
        assert lives(opened) == {"aws-a": "new"}


@pytest.mark.parametrize(
    ("then", "lifecycle", "points"),
    [
        (World(hubs({"a": "fail"})), "open", (1, 0, 0)),
        (World(hubs({"a": "pass"})), "resolved", (0, 1, 0)),
        (World({}), "resolved", (0, 1, 0)),
        (World(hubs({"a": "unknown"})), "dark", (0, 0, 1)),
        (World(hubs({"a": "pass"}), broken={(TLS, 0)}), "dark", (0, 0, 1)),
        (World(hubs({"a": "pass"}), broken={(TLS, 1)}), "resolved", (0, 1, 0)),
        (World(hubs({"a": "pass"}), broken={(CREDENTIAL, 0)}), "resolved", (0, 1, 0)),
        (World({}, skipped={(TLS, 0)}), None, (1, 0, 0)),
        (World({}, checks=(CREDENTIAL,)), None, (1, 0, 0)),
        (World({}, scopes=(1, 2)), None, (1, 0, 0)),
        (World({}, unreachable={"aws"}), "dark", (0, 0, 1)),
        (World({}, unreachable={"azure"}), "resolved", (0, 1, 0)),
    ],
    ids=[
        "it fails again", "it passes", "its list was read and it is gone", "it cannot be read", "its list broke",
        "the list of another scope broke", "the list of another table broke", "its check did not run there",
        "its check did not run", "its scope was not scanned", "its cloud cannot be reached", "another cloud cannot be reached",
    ],
)  # fmt: skip
def test_what_the_next_scan_makes_of_a_failing_finding(
    tmp_path: Path, then: World, lifecycle: str | None, points: tuple[int, int, int]
) -> None:
    with history(str(tmp_path / "h.db"), scans(World(hubs({"a": "fail"})), then)) as opened:
        assert lives(opened).get("aws-a") == lifecycle
        trend = opened.trend()
        assert trend is not None
        point = trend.points[-1]
        assert (point.open, point.resolved, point.dark) == points


@pytest.mark.parametrize(
    ("read_before", "lifecycle"), [({(1, "iot.list_certificates")}, "dark"), (set(), "resolved")],
    ids=["it was offered when the finding failed", "it never was"],
)  # fmt: skip
def test_a_service_that_is_no_longer_offered_resolves_nothing_it_listed(
    place: str, read_before: set[tuple[int, str]], lifecycle: str
) -> None:
    before = World({(STRONG, 1, "a"): "fail"}, read=read_before, checks=(STRONG,))
    after = World({}, unavailable={(1, "iot.list_certificates")}, checks=(STRONG,))
    with history(place, scans(before, after)) as opened:
        assert lives(opened) == {"aws-a": lifecycle}


def test_a_finding_judged_in_the_global_scope_is_resolved_by_it_though_its_region_is_another(place: str) -> None:
    report = World(hubs({"a": "fail"}, scope=2)).report(0)
    report.findings["region"] = "westeurope"
    with history(place, [report, World({}).report(1)]) as opened:
        assert lives(opened) == {"azure-a": "resolved"}


# fmt: off
SCRIPT: dict[int, tuple[dict[str, str], set[tuple[str, int]], tuple[int, int, int, int, int]]] = {
    # day: (what changes, lists that break, (new, resolved, reopened, open, dark))
    0: ({"a": "fail", "b": "fail", "c": "pass"}, set(), (2, 0, 0, 2, 0)),
    3: ({"c": "fail"}, set(), (1, 0, 0, 3, 0)),
    5: ({"a": "pass"}, set(), (0, 1, 0, 2, 0)),
    8: ({}, {(TLS, 0)}, (0, 0, 0, 0, 2)),
    9: ({"d": "fail"}, {(TLS, 0)}, (0, 0, 0, 0, 2)),
    10: ({}, set(), (1, 0, 0, 3, 0)),
    12: ({"b": "gone"}, {(TLS, 0)}, (0, 0, 0, 0, 3)),
    13: ({}, set(), (0, 1, 0, 2, 0)),
    15: ({"a": "fail"}, set(), (0, 0, 1, 3, 0)),
    17: ({"a": "unknown"}, set(), (0, 0, 0, 2, 1)),
    18: ({"a": "pass"}, set(), (0, 1, 0, 2, 0)),
    20: ({"e": "unknown"}, set(), (0, 0, 0, 2, 0)),
    21: ({"e": "fail"}, set(), (1, 0, 0, 3, 0)),
    23: ({"a": "fail", "b": "fail", "c": "pass"}, set(), (0, 1, 2, 4, 0)),
    26: ({"a": "gone", "b": "gone", "d": "gone", "e": "gone"}, set(), (0, 4, 0, 0, 0)),
    29: ({"e": "fail"}, set(), (0, 0, 1, 1, 0)),
}
# fmt: on


def thirty() -> list[tuple[Report, tuple[int, int, int, int, int]]]:
    """Thirty scans and the numbers that each must leave; on days the script leaves out, nothing happens."""
    world, expected, made = World(), (0, 0, 0, 0, 0), []
    for day in range(30):
        changes, broken, told = SCRIPT.get(day, ({}, set(), (0, 0, 0, *expected[3:])))
        for name, verdict in changes.items():
            world.resources.update(hubs({name: verdict}))
            if verdict == "gone":
                del world.resources[TLS, 0, name]
        world.broken, expected = broken, told
        made.append((world.report(day), expected))
    return made


def test_thirty_scans_with_a_known_script_give_exactly_its_numbers(place: str) -> None:
    script = thirty()
    with history(place, [report for report, _ in script]) as opened:
        trend = opened.trend(window_days=90)
    assert trend is not None
    assert [(p.new, p.resolved, p.reopened, p.open, p.dark) for p in trend.points] == [told for _, told in script]
    assert [p.complete for p in trend.points] == [day not in (8, 9, 12, 17, 20) for day in range(30)]
    assert all((p.score_raw is None) == (not p.complete) for p in trend.points)
    mended = trend.mttr["high"]
    # a: days 0-5, 15-18 and 23-26; b: 0-13 and 23-26; c: 3-23; d: 10-26; e: 21-26
    assert (mended.resolved, mended.median_days, mended.p90_days) == (8, 5.0, 20.0)
    assert (mended.open, mended.open_median_days) == (1, 0.0)


# A slow model: the whole past of each finding is looked at anew after every scan.


def modelled(past: list[str]) -> str | None:
    """The state that a finding's past leads to; ``-`` is a scan that did not judge it."""
    told = [sight for sight in past if sight != "silent"]
    while told and told[0] in ("clear", "blocked"):
        told.pop(0)
    if not told:
        return None
    since = told[len(told) - told[::-1].index("clear") :] if "clear" in told else told
    while since and since[0] == "blocked":
        since.pop(0)
    if not since:
        return "resolved"
    if "fail" not in since:
        return "unknown"
    return "fail" if since[-1] == "fail" else "dark"


def looked(world: World, resource: tuple[str, int, str]) -> str:
    """What a scan of a world says about a resource."""
    check, scope, _ = resource
    if SCOPES[scope][0] in world.unreachable:
        return "blocked"
    if (check, scope) not in set(world.places()):
        return "silent"
    if (check, scope) in world.broken:
        shown = world.resources.get(resource, "gone") if resource in world.shown else "gone"
        return shown if shown in ("fail", "unknown") else "blocked"
    verdict = world.resources.get(resource, "gone")
    return "clear" if verdict in ("gone", "pass") else verdict


ALL = [(check, scope, name) for check in (TLS, CREDENTIAL) for scope in (0, 2) for name in "ab"]
PLACES = sorted({(check, scope) for check, scope, _ in ALL})


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A day of an estate of eight resources in two clouds."""
    verdicts = draw(
        st.lists(st.sampled_from(["pass", "fail", "unknown", "gone"]), min_size=len(ALL), max_size=len(ALL))
    )
    return World(
        {one: verdict for one, verdict in zip(ALL, verdicts, strict=True) if verdict != "gone"},
        broken=draw(st.sets(st.sampled_from(PLACES), max_size=2)),
        shown=draw(st.sets(st.sampled_from(ALL), max_size=4)),
        skipped=draw(st.sets(st.sampled_from(PLACES), max_size=2)),
        unreachable=draw(st.sets(st.sampled_from(["aws", "azure"]), max_size=1) if draw(st.booleans()) else st.just(set())),
        scopes=(0, 2),
    )  # fmt: skip


@given(st.lists(st.sampled_from(["fail", "unknown", "clear", "blocked", "silent"]), max_size=12))
def test_any_sequence_of_sights_leads_where_a_slow_model_says(sights: list[str]) -> None:
    state, failed = None, False
    for number, sight in enumerate(sights, 1):
        if state is not None or sight in ("fail", "unknown"):
            state, _ = step(state, failed, sight)  # type: ignore[arg-type]
        failed = failed or sight == "fail"
        assert state == modelled(sights[:number])


@settings(max_examples=12, deadline=None)
@given(st.lists(worlds(), min_size=3, max_size=6))
def test_any_sequence_of_scans_leads_where_a_slow_model_says(days: list[World]) -> None:
    past: dict[tuple[str, int, str], list[str]] = {one: [] for one in ALL}
    states: dict[tuple[str, int, str], str | None] = dict.fromkeys(ALL)
    expected = []
    for world in days:
        moves: Counter[str] = Counter()
        for one, sights in past.items():
            failed_before = "fail" in sights
            sights.append(looked(world, one))
            was, now = states[one], modelled(sights)
            states[one] = now
            if now == "resolved" and was in ("fail", "dark"):
                moves["resolved"] += 1
            elif now == "fail" and was not in ("fail", "dark"):
                moves["reopened" if failed_before else "new"] += 1
        stock = Counter(states.values())
        expected.append((stock["fail"], stock["dark"], moves["new"], moves["resolved"], moves["reopened"]))
    reports = [world.report(number) for number, world in enumerate(days)]
    with tempfile.TemporaryDirectory() as folder, history(f"{folder}/history.db", reports) as opened:
        trend = opened.trend()
    assert trend is not None
    assert [(p.open, p.dark, p.new, p.resolved, p.reopened) for p in trend.points] == expected


@pytest.mark.parametrize("sight", ["fail", "unknown", "clear", "blocked", "silent"])
@pytest.mark.parametrize("state", ["fail", "dark", "unknown", "resolved"])
def test_what_is_resolved_was_clear_and_what_is_clear_is_resolved(state: str, sight: str) -> None:
    after, event = step(state, True, sight)  # type: ignore[arg-type]
    assert (after == "resolved") == (sight == "clear" or (state == "resolved" and sight in ("blocked", "silent")))
    assert (event is None) == (after == state)


def test_an_unknown_finding_is_a_case_but_fails_nothing(place: str) -> None:
    with history(place, scans(World(hubs({"a": "unknown"})), World(hubs({"a": "unknown"})))) as opened:
        assert lives(opened) == {"aws-a": "open"}
        trend = opened.trend()
        assert trend is not None
        assert [(p.new, p.open, p.dark) for p in trend.points] == [(0, 0, 0), (0, 0, 0)]
        opened.ingest(World(hubs({"a": "fail"})).report(7))
        (case,) = opened.case_report().cases
        assert (case.lifecycle, case.first_seen[:10], case.age_days) == ("new", f"{DAY_ONE.date()}"[:8] + "08", 0)


def test_a_case_tells_since_when_until_when_and_how_long(place: str) -> None:
    fails, passes = World(hubs({"a": "fail"})), World(hubs({"a": "pass"}))
    with history(place, [fails.report(0), fails.report(2), passes.report(10), fails.report(20)]) as opened:
        (case,) = opened.case_report("scan-2").cases
        assert (case.lifecycle, case.last_seen[:10], case.age_days, case.due_on) == (
            "open",
            "2026-09-03",
            2,
            "2026-10-01",
        )
        (case,) = opened.case_report("scan-10").cases
        assert (case.lifecycle, case.resolved_at[:10], case.age_days, case.due_on) == ("resolved", "2026-09-11", 10, "")
        (case,) = opened.case_report().cases
        assert (case.lifecycle, case.first_seen[:10], case.age_days) == ("reopened", "2026-09-01", 0)
        assert (case.due_on, case.sla) == ("2026-10-21", "in")
        assert dict(opened.case_report().about)["scan_complete"] == "true"
        with pytest.raises(LookupError, match="the history has no scan nonsense"):
            opened.case_report("nonsense")


@pytest.mark.parametrize(
    ("age", "state"), [(0, "in"), (23, "in"), (24, "near"), (30, "near"), (31, "breached")], ids=str
)
def test_a_due_date_is_near_when_a_fifth_of_the_time_is_left(tmp_path: Path, age: int, state: str) -> None:
    world = World(hubs({"a": "fail"}))
    with history(str(tmp_path / "h.db"), [world.report(0), world.report(age or 0.1)]) as opened:
        (case,) = opened.case_report().cases
        assert (case.due_on, case.sla) == ("2026-10-01", state)
        trend = opened.trend()
        assert trend is not None
        assert trend.sla["high"] == dict.fromkeys(("in", "near", "breached"), 0) | {state: 1}


def test_what_was_resolved_since_a_scan_is_told_on_request(place: str) -> None:
    days = [World(hubs({"a": "fail", "b": "fail"})), World(hubs({"b": "fail"})), World({}), World({})]
    with history(place, scans(*days)) as opened:
        assert opened.case_report().cases == ()
        since = [case.finding.resource_name for case in opened.case_report(since="scan-0").cases]
        assert since == ["aws-a", "aws-b"]


def test_a_change_of_the_evidence_is_told_once(place: str) -> None:
    first, second, third = (World(hubs({"a": "fail"})).report(day) for day in range(3))
    for report in (second, third):
        report.findings["evidence_hash"] = "0123456789abcdef"
    with history(place, [first]) as opened:
        told = []
        for report in (second, third):
            opened.ingest(report)
            told += [case.changed for case in opened.case_report().cases]
        assert told == [True, False]


def test_pruning_keeps_what_is_open_and_forgets_what_was_mended_long_ago(place: str) -> None:
    days = [
        World(hubs({"a": "fail", "b": "fail", "c": "fail"})),
        World(hubs({"a": "fail", "b": "fail"})),
        World(hubs({"a": "fail"})),
    ]
    with history(place, [world.report(day) for world, day in zip(days, (0, 10, 100), strict=True)]) as opened:
        assert opened.prune(30) == {"scans": 2, "findings": 1}
        opened.vacuum()
        assert [scan["scan_id"] for scan in opened.scans()] == ["scan-100"]
        assert lives(opened) == {"aws-a": "open", "aws-b": "resolved"}
        (case,) = (case for case in opened.case_report().cases if case.lifecycle == "open")
        assert case.age_days == 100
        assert not opened.ingest(days[0].report(0)).fresh
        opened.ingest(World(hubs({"c": "fail"})).report(101))
        assert lives(opened)["aws-c"] == "new"
        assert opened.prune(30) == {"scans": 0, "findings": 0}


def test_pruning_resolves_nothing_that_went_dark_with_its_service(place: str) -> None:
    offered = World({(STRONG, 1, "a"): "fail"}, read={(1, "iot.list_certificates")}, checks=(STRONG,))
    withdrawn = World({}, unavailable={(1, "iot.list_certificates")}, checks=(STRONG,))
    with history(place, [offered.report(0), withdrawn.report(10), withdrawn.report(100)]) as opened:
        assert opened.prune(30) == {"scans": 2, "findings": 0}
        opened.ingest(withdrawn.report(101))
        assert lives(opened) == {"aws-a": "dark"}
        opened.ingest(World({}, checks=(STRONG,)).report(102))
        assert lives(opened) == {"aws-a": "resolved"}


def test_a_database_that_is_none_is_one_line_without_a_password(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text(
        "no database at all, only some text that is long enough to be read as a header " * 20
    )
    for wrong, line in (
        (str(tmp_path / "text.db"), "file is not a database"),
        ("mysql://me:secret@127.0.0.1/x", "mysql is not supported; allowed: sqlite, postgresql"),
        ("postgresql://me:secret@127.0.0.1:1/x", "127.0.0.1"),
        ("://secret", "not a database URL"),
    ):
        with pytest.raises(BadHistory, match=line) as told:
            History.open(wrong)
        assert "secret" not in str(told.value)
        assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("words", "code"),
    [(["trend"], USAGE), (["history", "prune", "--keep-days", "9"], USAGE), (["history", "check"], GATE)],
)
def test_a_history_with_broken_pages_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int
) -> None:
    file = tmp_path / "h.db"
    with history(str(file), [World(hubs({f"r{n}": "fail" for n in range(400)})).report(0)]):
        pass
    content = bytearray(file.read_bytes())
    content[120_000:-8192] = bytes(len(content[120_000:-8192]))
    file.write_bytes(content)
    assert exit_code(lambda: app([*words, "--history", str(file)], print_error=False, exit_on_error=False)) == code
    assert "malformed" in capsys.readouterr().err.splitlines()[-1]


def test_a_process_killed_while_it_takes_a_scan_in_leaves_the_history_whole(place: str) -> None:
    """The script asserts; more kills: ``python benchmarks/killed_ingest.py 50``."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "killed_ingest.py"), "5", place, "200"],
        capture_output=True, text=True, check=False, timeout=200, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("5 kills")


def with_a_bad_byte(file: Path) -> Path:
    """The history with one byte of its schema turned into one that no UTF-8 text holds."""
    with history(str(file), [World(hubs({"a": "fail"})).report(0)]):
        pass
    content = bytearray(file.read_bytes())
    content[content.index(b"tabledetaildetail") + len("tabledetai")] = 0xFF
    file.write_bytes(content)
    return file


@pytest.mark.parametrize(
    ("words", "code"),
    [(["trend"], USAGE), (["history", "scans"], USAGE), (["history", "prune", "--keep-days", "9"], USAGE), (["history", "vacuum"], USAGE),
     (["export", "--to", "jira"], USAGE), (["export", "--to", "sarif"], USAGE), (["history", "check"], GATE)],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)  # fmt: skip
def test_a_history_with_one_bad_byte_in_its_schema_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int
) -> None:
    file = with_a_bad_byte(tmp_path / "h.db")
    out = ["--out", str(tmp_path / "x")] if words[0] == "export" else []
    assert (
        exit_code(lambda: app([*words, *out, "--history", str(file)], print_error=False, exit_on_error=False)) == code
    )
    assert capsys.readouterr().err == f"history: {file}: is damaged: it holds text that is not UTF-8\n"


def test_a_damaged_history_does_not_keep_a_scan_from_its_report(tmp_path: Path) -> None:
    file = with_a_bad_byte(tmp_path / "h.db")
    order = Order(Settings(history=str(file), out=str(tmp_path)), "1", datetime.now(UTC))
    check_history(order)
    past = record_scan(order, World(hubs({"a": "fail"})).report(1))
    assert past.trouble == f"history: {file}: is damaged: it holds text that is not UTF-8"
    other = tmp_path / "other.toml"
    other.write_text("[aws]\n" * 400)
    with pytest.raises(BadSettings, match="file is not a database"):
        check_history(Order(Settings(history=str(other)), "1", datetime.now(UTC)))


@pytest.mark.parametrize("logged", [False, True], ids=["at rest", "with a log beside it"])
def test_a_history_that_nobody_may_write_here_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], logged: bool
) -> None:
    """A read-only mount as the operating system tells of it: even root may not write there."""
    home = tmp_path / "a b#c?d%"
    home.mkdir()
    file = home / "h.db"
    with history(str(file), [World(hubs({"a": "fail"})).report(0)]) as opened:
        if logged:
            opened.ingest(World(hubs({"a": "pass"})).report(1))
            shutil.copytree(home, tmp_path / "copy")
    if logged:
        shutil.copytree(tmp_path / "copy", home, dirs_exist_ok=True)
    before = {path.name: path.read_bytes() for path in home.iterdir() if not path.name.endswith("-shm")}
    assert any(name.endswith("-wal") for name in before) is logged
    really = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: not (mode & os.W_OK and str(path).startswith(str(home))) and really(path, mode)
    )

    def run(*words: str) -> int:
        return exit_code(lambda: app([*words, "--history", str(file)], print_error=False, exit_on_error=False))

    for words in (
        ["history", "scans"],
        ["trend"],
        ["history", "check"],
        ["export", "--to", "json", "--out", str(tmp_path / "x")],
    ):
        assert run(*words) == 0, (words, capsys.readouterr().err)
    with History.open(str(file)) as opened:
        assert len(opened.scans()) == 1 + logged
    capsys.readouterr()
    assert run("history", "prune", "--keep-days", "1") == USAGE
    assert capsys.readouterr().err == f"history: {file}: attempt to write a readonly database\n"
    assert {path.name: path.read_bytes() for path in home.iterdir() if not path.name.endswith("-shm")} == before
