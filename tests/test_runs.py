"""Runs as a person names them: one that no scan has written is one line, and each scan has a run of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from worlds import TLS, World, history, hubs

from collectors.errors import BadRun, is_scan_id
from collectors.provider import Scopes
from collectors.run import Run
from collectors.schema import Row, Tables, coverage_frame, gaps_frame, unread_frame
from collectors.scope import Scope
from collectors.tables.hub import Hub
from flows.cli import app
from flows.commands import ScanRequest
from flows.console import CLEAN, NOT_WRITTEN, USAGE, exit_code
from flows.demo import toml
from flows.history import history_place
from flows.runs import SCAN_ID
from flows.scan import Order, examiner, new_scan_id, write_about
from flows.settings import Settings
from lab.cloud import Lab
from lab.server import Fault
from reports.history import History
from reports.store import SCANS, BadHistory, address, engine, writing

COMMAND = str(Path(sys.executable).with_name("iotposture"))
SCOPE = Scope("aws", "123456789012", "eu-west-1")
CLOCK = datetime(2026, 11, 22, 6, tzinfo=UTC)
ID = "20261122T060000Z-1"
ABOUT: dict[str, Any] = {
    "scan_id": ID, "clock": "2026-11-22T06:00:00Z", "tool_version": "0", "select": [], "unreachable": {},
    "scopes": [["aws", "123456789012", "eu-west-1"]],
}  # fmt: skip


def tables() -> Tables:
    """What a scan collects where there is one hub."""
    place = {"provider": "aws", "account": "123456789012", "region": "eu-west-1", "subject": ""}
    hub: Row = {**place, "resource": "hub-a", "name": "a"}
    asked = {"provider": "aws", "account": "123456789012", "region": "eu-west-1", "operation": "o", "outcome": "read"}
    return Tables({Hub: Hub.frame([hub])}, unread_frame([]), gaps_frame([]), coverage_frame([asked]))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that was judged, of a scan where people type."""
    monkeypatch.chdir(tmp_path)
    found = Run(str(tmp_path / "iotposture-out" / ID / "run"))
    found.write_about(ABOUT)
    found.write(SCOPE, tables())
    examiner(Order(Settings(), ID, CLOCK))(SCOPE)
    return found


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code of a command and what it says on stderr."""
    capsys.readouterr()
    code = exit_code(lambda: app(list(words), print_error=False, exit_on_error=False))
    return code, capsys.readouterr().err


READERS = (
    ("check", f"iotposture-out/{ID}"),
    ("report", f"iotposture-out/{ID}"),
    ("waivers", "list", "--run", f"iotposture-out/{ID}"),
    ("scan", "--resume", ID),
)
"""Verbs that read a run."""


def test_scans_that_begin_in_the_same_second_of_the_same_process_have_ids_of_their_own() -> None:
    ids = {new_scan_id(CLOCK) for _ in range(50)}
    assert len(ids) == 50
    assert all(SCAN_ID.fullmatch(one) and is_scan_id(one) for one in ids)
    assert all(re.fullmatch("20261122T060000Z-[0-9a-f]{8}", one) for one in ids)
    assert is_scan_id(ID) and SCAN_ID.fullmatch(ID)


@pytest.mark.parametrize("odd", ["", ".", "..", "../../x", "/etc", "a/b", "a\\b", "~root", "a\nb", "a\0b", "a::b", "x" * 201, None, 7])  # fmt: skip
def test_what_leads_out_of_a_folder_is_no_scan_s_id(odd: object) -> None:
    assert not is_scan_id(odd)


@pytest.mark.parametrize("words", READERS, ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda about: None, "is no object"),
        (lambda about: [], "is no object"),
        (lambda about: {}, "has no scan_id, clock, tool_version, scopes, unreachable, select"),
        (lambda about: about | {"scan_id": "../../x"}, "scan_id is no id that a folder can have"),
        (lambda about: about | {"scan_id": None}, "scan_id is no id that a folder can have"),
        (lambda about: about | {"clock": "yesterday"}, "clock is not as a scan writes it"),
        (lambda about: about | {"clock": "2026-11-22T06:00:00"}, "clock is not as a scan writes it"),
        (lambda about: about | {"scopes": [["aws", "1"]]}, "scopes is not as a scan writes it"),
        (lambda about: about | {"scopes": [list("abcdefg")]}, "scopes is not as a scan writes it"),
        (lambda about: about | {"scopes": [["aws", "1", None]]}, "scopes is not as a scan writes it"),
        (lambda about: about | {"scopes": {"aws": 1}}, "scopes is not as a scan writes it"),
        (lambda about: about | {"found": ["a row"]}, "found is not as a scan writes it"),
        (lambda about: about | {"unreachable": ["aws"]}, "unreachable is not as a scan writes it"),
        (lambda about: about | {"would_ask": {"aws": "many"}}, "would_ask is not as a scan writes it"),
        (lambda about: about | {"only": "aws"}, "only is not as a scan writes it"),
    ],
)  # fmt: skip
def test_a_run_json_that_no_scan_has_written_is_one_line(
    words: tuple[str, ...],
    change: Callable[[dict[str, Any]], Any],
    line: str,
    run: Run,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path(run.url, "run.json").write_text(json.dumps(change(ABOUT)))
    code, said = told(capsys, *words)
    assert code == USAGE
    assert said.count("\n") == 1 and said.endswith(f"run.json: {line}\n")


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000], ids=["empty", "cut", "no-utf-8", "deep"])
def test_a_run_json_that_is_no_json_is_one_line(text: bytes, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    Path(run.url, "run.json").write_bytes(text)
    for words in READERS:
        assert told(capsys, *words)[1].endswith("run.json: is no JSON\n")


def harmed(name: str, how: str, run: Run) -> None:
    """Changes one file of the run."""
    file = Path(run.url) / run.folder(SCOPE) / f"{name}.parquet"
    whole = file.read_bytes()
    if how == "swapped":
        pd.DataFrame({"something": ["else"]}).to_parquet(file)
    else:
        file.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "text": b"a,b\n1,2\n"}[how])


@pytest.mark.parametrize("how", ["cut", "empty", "text", "swapped"])
@pytest.mark.parametrize(
    ("name", "readers"),
    [("hub", ("check",)), ("unread", ("check",)), ("coverage", ("check", "report", "waivers")), ("findings", ("report", "waivers"))],
)  # fmt: skip
def test_a_table_of_a_run_that_is_not_whole_is_one_line(
    name: str, readers: tuple[str, ...], how: str, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    harmed(name, how, run)
    for words in READERS:
        if words[0] in readers:
            code, said = told(capsys, *words)
            assert (code, said.count("\n")) == (USAGE, 1), said
            assert f"{name}.parquet: " in said
    if "check" in readers:  # a scan that is resumed reads the same
        with pytest.raises(BadRun, match=rf"{name}\.parquet: "):
            examiner(Order(Settings(), ID, CLOCK))(SCOPE)


def test_runs_in_a_place_of_no_known_kind_are_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, "waivers", "list") == (CLEAN, "")
    monkeypatch.setenv("IOTPOSTURE_RUNS", "nosuch://x")
    for words in (("waivers", "list"), ("waivers", "list", "--run", "nosuch://x"), ("scan", "--resume", ID)):
        code, said = told(capsys, *words)
        assert (code, said.count("\n")) == (USAGE, 1)
        assert said.startswith(
            ("IOTPOSTURE_RUNS: runs: nosuch://x: fsspec knows no nosuch://", "nosuch://x: no run lies", f"{ID}: no run")
        )


def test_a_run_that_was_not_judged_is_told_so(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (Path(run.url) / run.folder(SCOPE) / "findings.parquet").unlink()
    code, said = told(capsys, "report", f"iotposture-out/{ID}")
    assert (code, said) == (USAGE, f"iotposture-out/{ID}: that run was not judged; `iotposture check` does it\n")


def test_a_history_whose_scan_has_the_id_of_a_path_is_one_line_and_writes_nothing_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    place = str(home / "past.db")
    with history(place, [World(hubs({"a": "fail"})).report(1)]):
        pass
    made, _ = engine(address(place))
    with writing(made) as connection:
        connection.execute(sa.update(SCANS).values(scan_id="../../x"))
    made.dispose()
    for words in (("export", "--to", "jira"), ("history", "scans")):
        code, said = told(capsys, *words, "--history", place)
        assert (code, said) == (USAGE, f"history: {place}: a scan has an id that is no folder's name\n")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_history_takes_no_scan_whose_id_is_a_path(place: str) -> None:
    with History.open(place) as opened:
        with pytest.raises(BadHistory, match="no folder's name"):
            opened.ingest(World(hubs({"a": "fail"})).report(1, "../../x"))
        assert opened.scans() == []


def test_a_scan_that_is_resumed_goes_on_where_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    orders = {
        "of the settings": Order(Settings(), ID, CLOCK),
        "named": Order(Settings(), ID, CLOCK, out="named"),
    }
    for first in orders.values():
        write_about(first, Scopes(), {})
    for resume, name in ((ID, "of the settings"), (f"iotposture-out/{ID}", "of the settings"), ("named", "named")):
        again = ScanRequest("", (), (), "", "", resume).order()
        assert history_place(again.settings, again.shared.absolute()) == history_place(
            Settings(), orders[name].shared.absolute()
        )
        assert again.kept.url == orders[name].kept.url
        assert (again.folder.absolute(), again.run.url) == (orders[name].folder.absolute(), orders[name].run.url)
        write_about(again, Scopes(), {})  # and so it does when it is killed and resumed once more
    monkeypatch.chdir(tmp_path / "iotposture-out" / ID)
    assert ScanRequest("", (), (), "", "", ".").order().shared == tmp_path / "iotposture-out"
    old = Run(str(tmp_path / "iotposture-out" / ID / "run"))
    old.write_about({name: value for name, value in old.about().items() if name != "own_folder"})
    assert ScanRequest("", (), (), "", "", ".").order().shared == tmp_path / "iotposture-out"


def test_a_scan_that_was_killed_and_is_resumed_finds_the_same_and_is_the_next_of_its_history(
    lab: Lab, tmp_path: Path
) -> None:
    (tmp_path / "iotposture.toml").write_text(
        toml({n: {"calls_per_second": 1000, **s} for n, s in lab.settings().items()})
    )

    def scan(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, "scan", "--only", "gcp", "--only", "clearblade", "--quiet", *words],
            capture_output=True, text=True, timeout=240, check=False, cwd=tmp_path,
        )  # fmt: skip

    assert scan().returncode == CLEAN
    (first,) = (tmp_path / "iotposture-out").glob("2*Z-*")
    lab.clearblade.switchboard.faults["clearblade.devices.list"] = Fault("slow", seconds=60)
    victim = subprocess.Popen(
        [COMMAND, "scan", "--only", "gcp", "--only", "clearblade", "--quiet"], cwd=tmp_path, env={**os.environ, "IOTPOSTURE_THREADS": "1"}
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not {
        path for path in tmp_path.glob("iotposture-out/2*Z-*/run/gcp/*/*/findings.parquet") if first not in path.parents
    }:
        time.sleep(0.1)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    (second,) = set((tmp_path / "iotposture-out").glob("2*Z-*")) - {first}
    lab.clearblade.switchboard.clear()
    assert not (second / "findings.json").exists()

    resumed = scan("--resume", second.name, "--new-only", "--fail-on", "info")
    assert (resumed.returncode, len(resumed.stderr.splitlines())) == (CLEAN, 1), resumed.stderr
    one, other = (json.loads((folder / "findings.json").read_text()) for folder in (first, second))
    for part in ("findings", "counts", "coverage"):
        assert one[part] == other[part]
    with History.open(str(tmp_path / "iotposture-out" / "history.db")) as history_:
        assert [scan["scan_id"] for scan in history_.scans()] == [first.name, second.name]
    assert list(tmp_path.rglob("history.db")) == [tmp_path / "iotposture-out" / "history.db"]


def test_another_scan_with_the_same_id_is_refused_and_changes_nothing(place: str) -> None:
    aws = World(hubs({"a": "fail"}), scopes=(0,), read={(0, "list_hub")})
    azure = World(hubs({"b": "fail"}, scope=2), scopes=(2,), read={(2, "list_hub")})
    with history(place, [aws.report(1, ID)]) as opened:
        before = opened.case_report()
        for other in (azure.report(1, ID), aws.report(2, ID)):
            with pytest.raises(
                BadHistory, match=f"another scan with the id {ID}, begun at 2026-09-02T06:00:00Z; this one"
            ):
                opened.ingest(other)
        assert not opened.ingest(aws.report(1, ID)).fresh
        assert not opened.ingest(replace(aws, checks=(TLS,)).report(1, ID)).fresh  # the same, judged by less
        assert opened.case_report() == before
        opened.ingest(aws.report(50))
        opened.prune(10)
        assert not opened.ingest(aws.report(1, ID)).fresh
        with pytest.raises(BadHistory):
            opened.ingest(aws.report(2, ID))


def test_a_scan_that_the_history_refuses_tells_nothing_of_the_other_and_is_exit_5(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("check", f"iotposture-out/{ID}", "--into-history")
    assert told(capsys, *words)[0] == CLEAN
    assert told(capsys, *words) == (CLEAN, "")
    run.write_about(ABOUT | {"clock": "2026-11-22T07:00:00Z"})
    code, said = told(capsys, *words)
    assert code == NOT_WRITTEN
    assert said == (
        f"not written: history: holds another scan with the id {ID}, begun at 2026-11-22T06:00:00Z; this one is not taken in\n"
    )


@pytest.mark.parametrize("url", ["{}", "file://{}", "memory://{}"])
def test_a_run_forgets_that_of_another_scan_and_keeps_its_own(url: str, tmp_path: Path) -> None:
    run = Run(url.format(tmp_path / "run"))
    run.begin(ABOUT)
    run.write(SCOPE, tables())
    run.begin(ABOUT | {"only": ["aws"]})  # it is resumed
    assert run.has(SCOPE) and run.about()["only"] == ["aws"]
    with pytest.raises(FileExistsError, match=f"a scan with the id {ID} began there before"):
        run.begin(ABOUT | {"clock": "2026-11-22T06:00:01Z"})
    assert run.has(SCOPE)
    run.begin(ABOUT | {"scan_id": "another"})
    assert list(run.scopes()) == [] and run.about()["scan_id"] == "another"
    with pytest.raises(FileNotFoundError):
        run.read(SCOPE)


def test_a_run_is_written_by_one_scan_at_a_time(tmp_path: Path) -> None:
    run = Run(str(tmp_path / "run"))
    with run.alone(), pytest.raises(BlockingIOError, match="another scan is writing there"), Run(run.url).alone():
        pass
    with Run(run.url).alone():
        pass


def test_scans_into_one_folder_each_ask_the_cloud_and_two_at_once_are_refused(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "iotposture.toml").write_text(
        toml({n: {"calls_per_second": 1000, **s} for n, s in lab.settings().items()})
    )
    words = [COMMAND, "scan", "--only", "clearblade", "--quiet", "--out", "one"]

    def scan() -> tuple[int, str]:
        done = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False, cwd=tmp_path)
        return done.returncode, done.stderr

    def outcomes() -> set[str]:
        return {row["outcome"] for row in json.loads((tmp_path / "one" / "findings.json").read_text())["coverage"]}

    assert scan() == (CLEAN, "")
    assert "denied" not in outcomes()
    lab.clearblade.switchboard.faults["clearblade.devices.list"] = Fault("deny")
    assert scan() == (CLEAN, "")
    assert "denied" in outcomes()

    lab.clearblade.switchboard.faults["clearblade.devices.list"] = Fault("slow", seconds=60)
    before = (tmp_path / "one" / "run" / "run.json").read_text()
    first = subprocess.Popen(words, cwd=tmp_path)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and (tmp_path / "one" / "run" / "run.json").read_text() == before:
        time.sleep(0.1)
    code, said = scan()
    first.kill()
    first.wait()
    assert (code, said) == (NOT_WRITTEN, f"not written: {tmp_path}/one/run: another scan is writing there\n")
