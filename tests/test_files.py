"""Files on disk: whole or not at all, for their owner only, and without what a killed process has left."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from made_up import report
from worlds import World, history, hubs

from collectors.fact_cache import FactCache, Facts
from collectors.files import write_file, write_files
from collectors.run import Run
from collectors.scope import Scope
from reports import audit_log
from reports.report_files import write
from reports.store import backup

SCOPE = Scope("aws", "123456789012", "eu-west-1")


@pytest.fixture(params=[0o022, 0o000, 0o077], ids=["022", "000", "077"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """What a machine takes from the mode of new files."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """The mode of everything below a folder."""
    return {str(path.relative_to(folder)): f"{path.stat().st_mode & 0o777:o}" for path in folder.rglob("*")}


@pytest.mark.usefixtures("umask")
def test_what_tells_of_findings_is_its_owner_s_only(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(report(), out / "scan")
    Run(str(out / "scan" / "run")).write_about({"scan_id": "1"})
    Run(str(out / "scan" / "run")).write_frame(SCOPE, "findings", report().findings)
    facts = Facts()
    facts.put("a", {})
    FactCache(str(out / "kept")).write(SCOPE, facts, whole=True)
    with history(str(out / "past" / "history.db"), [World(hubs({"a": "fail"})).report(1)]):
        beside = set(modes(out / "past"))
        made = modes(out)
    with audit_log.lock(out / "waivers.audit.jsonl"):
        pass
    backup(out / "past" / "history.db", 1)
    made |= modes(out)
    assert beside == {"history.db", "history.db-wal", "history.db-shm"}
    assert {"scan/report.html", "scan/run/run.json", "past/history.db-wal", "waivers.audit.jsonl"} <= set(made)
    odd = {name: mode for name, mode in made.items() if mode != ("700" if (out / name).is_dir() else "600")}
    assert odd == {}
    assert f"{out.stat().st_mode & 0o777:o}" == "700"


def test_what_is_there_keeps_its_mode(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir(mode=0o750)
    for name in ("a.csv", "history.db", "waivers.audit.jsonl"):
        (out / name).touch(0o640)
    write_files(out, {"a.csv": lambda file: file.write(b"a")})
    with (
        history(str(out / "history.db"), [World(hubs({"a": "fail"})).report(1)]),
        audit_log.lock(out / "waivers.audit.jsonl"),
    ):
        assert set(modes(out).values()) == {"640"}
    copy = backup(out / "history.db", 1)
    assert f"{copy.stat().st_mode & 0o777:o}" == "640"
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM scan").fetchone() == (1,)
    connection.close()
    assert f"{out.stat().st_mode & 0o777:o}" == "750"


def test_drafts_of_a_killed_process_are_removed_by_the_next_that_writes_there(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from collectors.files import write_file, write_files\n"
        "files = {name: lambda out: out.write(b'half') for name in ('a.csv', 'b [x].csv')}\n"
        "write_files(Path(sys.argv[1]), files, lambda: os.kill(os.getpid(), signal.SIGKILL))"
    )
    for _ in range(2):
        killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
        assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2  # the second has removed those of the first
    other = [".a.csv.swp", ".a.csv.0123456", ".a.csv.0123456g", ".c.csv.01234567"]
    for name in other:
        (tmp_path / name).touch()
    write_files(tmp_path, {name: lambda out: out.write(b"whole") for name in ("a.csv", "b [x].csv")})
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "b [x].csv", *other}


def test_two_that_write_a_file_at_once_leave_each_other_s_draft_alone(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slowly(out: BinaryIO) -> None:
        out.write(b"first")
        begun.set()
        assert go_on.wait(60)

    first = threading.Thread(target=write_files, args=(tmp_path, {"a.csv": slowly}))
    first.start()
    assert begun.wait(60)
    write_files(tmp_path, {"a.csv": lambda out: out.write(b"second")})
    assert (tmp_path / "a.csv").read_bytes() == b"second"
    assert len(list(tmp_path.glob(".a.csv.*"))) == 1
    go_on.set()
    first.join()
    assert (tmp_path / "a.csv").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_link_that_looks_like_a_draft_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / ".a.csv.01234567").symlink_to(tmp_path / "precious")
    write_files(tmp_path, {"a.csv": lambda out: out.write(b"a")})
    assert (tmp_path / "precious").read_text() == "mine"


def test_parts_in_a_store_are_removed_an_hour_after_their_scan_was_killed(tmp_path: Path) -> None:
    run, part = Run(f"memory://{tmp_path}/run"), "0" * 32
    fs = fsspec.filesystem("memory")
    old, young, foreign = (
        f"{tmp_path}/run/{name}" for name in (f"run.json.{part}.part", f"aws/1/r/hub.parquet.{part}.part", "mine.part")
    )
    for path in (old, young, foreign):
        fs.pipe_file(path, b"half")
    for path in (old, foreign):
        fs.store[path].modified -= timedelta(seconds=4000)
    run.begin({"scan_id": "1", "clock": "2026-11-22T06:00:00Z"})
    assert (fs.exists(old), fs.exists(young), fs.exists(foreign)) == (False, True, True)


class Broken(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """A store that takes a file, then neither moves nor removes it."""

    cachable = False

    def mv(self, *_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    def rm(self, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")


def test_what_went_wrong_with_a_file_elsewhere_is_told_and_not_what_came_of_tidying_up() -> None:
    with pytest.raises(OSError, match="No space left on device"):
        write_file(Broken(), "/runs/a/hub.parquet", lambda out: out.write(b"x"))
