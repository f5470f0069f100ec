"""After the demo: the commands that it prints, and those of the README, work on what it left."""

from __future__ import annotations

import csv
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from readmes import MARK
from readmes import READMES as FOLDERS

from flows.cli import app
from flows.console import CLEAN, USAGE, exit_code
from flows.demo import next_commands, typed

ROOT = Path(__file__).parent.parent
READMES = "\n".join(
    (ROOT / folder / "README.md").read_text(encoding="utf-8").partition(MARK)[0] for folder in ("", *FOLDERS)
)
"""What is written for a person: the README of the house, and those of its folders without their tables."""
COMMAND = str(Path(sys.executable).with_name("iotposture"))
OF_CLOUDS = ("collect", "demo", "doctor", "policy", "scan")
"""Verbs that ask a cloud, or judge a file of one's own."""
MORE = {"prune": "--keep-days 400"}
"""What a verb needs that the README names in a row with others."""


def commands() -> Iterator[str]:
    """The commands of the READMEs that work on a scan: those in its blocks, and those within its sentences."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", READMES, re.DOTALL | re.MULTILINE)
    lines = [line for kind, block in blocks if not kind for line in block.replace("\\\n", "").splitlines()]
    for line in lines + re.findall(r"`(iotposture [a-z][^`]*)`", READMES):
        words = line.split("#")[0].partition(" > ")[0].strip()
        if words.startswith("iotposture ") and words.split()[1] not in OF_CLOUDS:
            *before, verbs = re.split(r"(?<=history )(?=\S+\|)", words)
            for verb in verbs.split("|") if before else [verbs]:
                yield " ".join(" ".join([*before, verb, MORE.get(verb, "")]).split())


def test_the_commands_that_the_demo_prints_and_the_readme_names_work_on_what_it_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One demo serves both, because it is a whole scan."""
    demo = [COMMAND, "demo", "--runner", "threads"]
    told = subprocess.run(demo, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert told.returncode == CLEAN, told.stderr
    assert "is trusted" not in told.stderr, "it wrote the settings itself"
    *_, title, trend, export, waiver = told.stdout.splitlines()
    (folder,) = (tmp_path / "iotposture-out").iterdir()
    assert title == "Go on with:"
    assert [shlex.split(line)[1] for line in (trend, export, waiver)] == ["trend", "export", "waivers"]
    for line in (trend, export, waiver):
        assert line.endswith(f" --settings iotposture-out/{folder.name}/iotposture.toml")
        told = subprocess.run(
            ["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
        assert (told.returncode, told.stdout != "") == (CLEAN, True), f"{line}: {told.stderr}"
    assert "W-0001 covers 1 finding until" in told.stderr
    assert os.listdir(tmp_path) == ["iotposture-out"] and (folder / "waivers.toml").is_file()

    monkeypatch.chdir(folder)
    with next(folder.glob("*/jira/jira-create*.csv")).open(encoding="utf-8-sig", newline="") as made:
        ids = [row["External Id"] for row in csv.DictReader(made)]
    Path("KEYS.csv").write_text("\n".join(["Issue key,External Id", *(f"S-{n},{id_}" for n, id_ in enumerate(ids, 1))]))
    until, tried = str(datetime.now(UTC).date() + timedelta(days=20)), set[str]()
    for line in commands():
        words = shlex.split(re.sub(r"(?<=--expires )\S+", until, line).replace(" DIR", " ."))[1:]
        code = exit_code(lambda words=words: app(words, print_error=False, exit_on_error=False))  # type: ignore[misc]
        assert code == CLEAN, f"{line}: {capsys.readouterr().err}"
        tried.add(" ".join(words[:2]) if words[0] in ("history", "show", "tickets", "waivers") else words[0])
    wanted = {"check", "export", "history check", "history prune", "history scans", "history vacuum", "tickets import"}
    assert tried >= wanted | {"trend", "waivers add", "waivers lint", "waivers record", "show settings"}


def near(at: Path, when: int) -> Path:
    """A history in a folder below this one, last written then."""
    at.mkdir(parents=True)
    (at / "history.db").write_bytes(b"")
    os.utime(at / "history.db", (when, when))
    return at


@pytest.mark.parametrize(
    ("words", "folders", "line"),
    [
        ("trend", [], "iotposture-out/history.db: no history lies there; `iotposture scan` makes one"),
        (
            "history scans",
            ["iotposture-out/demo-1"],
            "iotposture-out/history.db: no history lies there; iotposture-out/demo-1/history.db is one: name it with --history",
        ),
        (
            "export --to jira",
            ["iotposture-out/a", "iotposture-out/b", "iotposture-out/c", "iotposture-out/d"],
            "iotposture-out/history.db: no history lies there; "
            + ", ".join(f"iotposture-out/{one}/history.db" for one in "dcb")
            + " are some: name it with --history",
        ),
        (
            "trend",
            ["month"],
            "iotposture-out/history.db: no history lies there; month/history.db is one: name it with --history",
        ),
        (
            "trend --history month/past.db",
            ["month", "other"],
            "month/past.db: no history lies there; month/history.db is one: name it with --history",
        ),
        (
            "trend --history month",
            ["month/a", "other"],
            "month: no history lies there; month/a/history.db is one: name it with --history",
        ),
    ],
)
def test_a_history_that_is_missed_names_the_newest_nearby(
    words: str,
    folders: list[str],
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for number, folder in enumerate(folders):
        near(tmp_path / folder, 1_000_000 + number)
    code = exit_code(lambda: app(words.split(), print_error=False, exit_on_error=False))
    assert (code, capsys.readouterr().err) == (USAGE, f"{line}\n")


WAIVE = "waivers add v1:x --kind risk_accepted --expires 2030-01-01 --owner a --approver b --reason long-enough"


@pytest.mark.parametrize(
    ("folders", "line"),
    [
        ([], "iotposture-out: no scan lies there; `iotposture scan` makes one"),
        (
            ["iotposture-out/demo-1"],
            "iotposture-out: no scan lies there; iotposture-out/demo-1 is one: name it with --run",
        ),
        (["month"], "iotposture-out: no scan lies there; month is one: name it with --run"),
    ],
)
def test_a_scan_that_is_missed_names_the_newest_nearby(
    folders: list[str], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in folders:
        (tmp_path / folder / "run").mkdir(parents=True)
        (tmp_path / folder / "run" / "run.json").write_text("{}")
    code = exit_code(lambda: app(WAIVE.split(), print_error=False, exit_on_error=False))
    assert (code, capsys.readouterr().err) == (USAGE, f"{line}\n")


def test_a_demo_without_a_finding_proposes_nothing(tmp_path: Path) -> None:
    assert next_commands(tmp_path) == []
    (tmp_path / "findings.csv").write_text("finding_id,check_id,status\nv1:a,x,unknown\n")
    assert next_commands(tmp_path) == []


def test_the_program_is_named_as_it_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("found", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "iotposture").write_text("#!/bin/sh\n")
        (tmp_path / folder / "iotposture").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "found"))
    monkeypatch.chdir(tmp_path)
    for program, named in (
        ("found/iotposture", "iotposture"),
        ("other/iotposture", "other/iotposture"),
        ("-c", "iotposture"),
    ):
        monkeypatch.setattr(sys, "argv", [program])
        assert typed() == named
