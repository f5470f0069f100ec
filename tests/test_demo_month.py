"""The month of the demo: what the story says happens is what the history holds, and nothing else."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.cli import app
from flows.console import INTERRUPTED, NOT_WRITTEN, USAGE, exit_code
from flows.demo_month import month
from lab.story import NIGHTS, STORY
from reports.history import History
from reports.trend import Trend

LAST = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
PLAYED = (0, 1, 2, 4, 6, 8, 10, 12, 15, 16, 17, 18, 20, 24)
"""Every night on which something happens or is over, and one on which nothing does."""
Named = set[tuple[str, str]]
PUBLIC = {("store-is-not-public", "arn:aws:s3:::brightwater-dashboard")}
KEPT = {
    ("firmware-store-keeps-what-was-overwritten", f"arn:aws:s3:::brightwater-{name}")
    for name in ("firmware", "firmware-2019", "dashboard")
}
PILOT = {
    (check, "arn:aws:iot:us-east-1:123456789012:policy/PilotEverything")
    for check in (
        "device-connects-only-as-itself", "device-listens-only-to-itself", "device-publishes-only-for-itself",
        "device-uses-only-its-own-custom-topics",
    )
}  # fmt: skip
OPEN = {("store-is-not-public", "//storage.googleapis.com/nordwind-telemetry-public")}
EXPECTED: dict[int, dict[str, Named]] = {
    1: {},
    2: {"resolved": PUBLIC},
    4: {"resolved": PILOT},
    8: {"new": {one for one in KEPT if one[1].endswith("firmware")}},
    12: {"dark": KEPT},
    15: {},
    17: {},
    18: {"resolved": OPEN},
    20: {"reopened": PUBLIC},
    24: {"resolved": PUBLIC},
}
"""What a night's scan changed, by lifecycle: check and resource. The other nights are told apart below."""


def test_every_change_of_the_story_is_played() -> None:
    assert {change.night for change in STORY} | {change.until for change in STORY} - {0} <= set(PLAYED)
    assert max(PLAYED) < NIGHTS


def test_the_history_of_the_month_is_the_story(tmp_path: Path) -> None:
    told: dict[int, dict[str, Named]] = {}
    with History.open(str(tmp_path / "history.db")) as history:
        for night, report in zip(PLAYED, month(PLAYED, LAST, tmp_path), strict=True):
            history.ingest(report)
            moved: dict[str, Named] = defaultdict(set)
            for case in history.case_report().cases:
                if case.finding.status != "unknown" or case.lifecycle == "dark":
                    moved[case.lifecycle].add((case.finding.check_id, case.finding.resource_id))
            told[night] = {name: moved[name] for name in ("new", "reopened", "resolved", "dark") if moved[name]}
        assert history.check() == []
        trend = history.trend(90)
    for night, expected in EXPECTED.items():
        assert told[night] == expected, f"night {night}"

    gateways = {resource for _, resource in told[6].pop("resolved")}
    assert len(gateways) == 1 and ":cert/" in gateways.pop() and not told[6], "one certificate was revoked"
    assert {resource.rpartition("/")[2] for _, resource in told[10].pop("new")} == {
        "hub-leaks", *(f"leak-{number:02}" for number in range(4)),
    }  # fmt: skip
    assert not told[10]
    dark = told[16].pop("dark")
    assert dark and all("arn:aws:" in resource or resource.startswith("aws/") for _, resource in dark) and not told[16]

    assert isinstance(trend, Trend)
    points = dict(zip(PLAYED, trend.points, strict=True))
    assert [night for night, point in points.items() if not point.complete] == [12, 16]

    assert points[24].open == points[18].open
    assert (tmp_path / "run" / "run.json").is_file() and not (tmp_path / "nights").exists()


@pytest.mark.parametrize("nights", ["-1", "31"])
def test_nights_outside_the_story_are_one_line(nights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = exit_code(
        lambda: app(["demo", "--nights", nights, "--out", str(tmp_path)], print_error=False, exit_on_error=False)
    )
    assert code == USAGE
    assert capsys.readouterr().err == f"--nights: {nights} is no part of the story; allowed: 1 to 30\n"


def test_a_folder_with_a_history_is_not_played_into(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "history.db").write_bytes(b"")
    code = exit_code(
        lambda: app(["demo", "--nights", "2", "--out", str(tmp_path)], print_error=False, exit_on_error=False)
    )
    assert code == USAGE
    assert "holds a history already; name a new folder" in capsys.readouterr().err


def test_a_night_whose_process_is_killed_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def kill() -> None:
        while not (tmp_path / "nights" / "0").exists():  # so every process has been started
            time.sleep(0.01)
        multiprocessing.active_children()[0].kill()

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    code = exit_code(
        lambda: app(["demo", "--nights", "2", "--out", str(tmp_path)], print_error=False, exit_on_error=False)
    )
    killer.join()
    assert code == NOT_WRITTEN
    *before, last = capsys.readouterr().err.splitlines()
    assert last == f"not written: {tmp_path}: not whole, the process of a night was killed"
    assert all(line.startswith("night 1, ") for line in before), (
        "Python may notice with the other process's first night"
    )


def children(process: int) -> list[str]:
    return Path(f"/proc/{process}/task/{process}/children").read_text().split()


@pytest.mark.parametrize(
    ("scans", "wait"), [(False, 0.1), (False, 0.6), (True, 0)], ids=["starts", "loads", "a night is being scanned"]
)
def test_an_interrupted_month_says_so_and_leaves_no_process_behind(scans: bool, wait: float, tmp_path: Path) -> None:
    what = [sys.executable, "-c", "from flows.cli import main; main()", "demo", "--nights", "2", "--out", str(tmp_path)]
    with subprocess.Popen(what, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr
        while not ((tmp_path / "nights" / "0").exists() if scans else children(process.pid)[1:]):
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(wait)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stderr.read() == "interrupted; this month cannot be gone on with: play another one\n"
    assert process.returncode == INTERRUPTED
    with pytest.raises(ProcessLookupError):  # noqa: PT012 - it goes on until none of the group lives
        while True:
            os.killpg(process.pid, 0)
            time.sleep(0.05)
