"""Hostile names on every way out: whatever a cloud calls a thing, no verb hands a terminal, a spreadsheet or a CI runner
anything but text."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_up import HOSTILE, SCOPES, finding, report

from collectors.run import Run
from collectors.scope import Scope
from collectors.tags import tags
from flows.cli import app
from flows.commands import print_report
from flows.console import CLEAN, USAGE, emit, exit_code, say
from flows.gate import Gate, ci_lines, judge
from flows.history import ScanHistory
from reports import escape
from reports.history import History
from reports.report import Report

CORPUS = (
    *HOSTILE,
    "\r::stop-commands::x",
    "::error file=a::b",
    "%0A::error::x",
    "##vso[task.setvariable variable=PATH]x",
    "##VSO[task.complete result=Succeeded;]",
    "##[command]x",
    "##[add-mask]e",
    "a\u0085::add-mask::e",
    "\x1b]8;;http://127.0.0.1\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]52;c;AAAA\x07",
    "\x9d52;c;AAAA\x9c",
    "[link=http://127.0.0.1]x[/link]",
    "\u2066\u202eisolated\u2069",
    "＝cmd|' /C calc'!A0",
    "|pipe",
    "\x0b=1",
    " =1+1",
)
COMMAND = re.compile(r"::(stop-commands|error|add-mask)\b|##\[|##vso\[", re.IGNORECASE)
"""What a runner obeys (Workflow commands for GitHub Actions; Azure Pipelines logging commands)."""


def rows() -> list[dict[str, str]]:
    return [
        finding(
            "policy-allows-no-wildcard", 0, f"arn:{bad}", "policy", resource_name=bad, subject=bad, hub=bad, actual=bad,
            tags=tags({bad: bad, "team": bad}) or "",
        )
        for bad in CORPUS
    ]  # fmt: skip


def nasty() -> Report:
    return report(rows())


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a history, a run and settings, hostile wherever somebody else writes."""
    monkeypatch.chdir(tmp_path)
    whole = nasty()
    with History.open("history.db") as history:
        history.ingest(report([], scan_id="20261121T0600Z-1", scan_started_at="2026-11-21T06:00:00Z"))
        history.ingest(whole)
    run = Run(str(tmp_path / "run"))
    run.write_about(
        {
            "scan_id": "20261122T0600Z-4f1c", "clock": "2026-11-22T06:00:00Z", "tool_version": "0", "select": [],
            "scopes": SCOPES[:1], "unreachable": dict(enumerate(CORPUS)),
        }
    )  # fmt: skip
    for name, frame in (("findings", whole.findings), ("counts", whole.counts), ("coverage", whole.coverage)):
        run.write_frame(Scope(*SCOPES[0]), name, frame)
    (tmp_path / "iotposture.toml").write_text('history = "history.db"\nowner_tags = ["team"]\n')
    return tmp_path


def harmless(out: str) -> None:
    for line in out.replace("\r\n", "\n").split("\n"):
        assert line.isprintable(), line
        assert not COMMAND.search(line) and not line.lstrip().startswith("::"), line


@pytest.mark.parametrize("format_", ["text", "json", "csv"])
@pytest.mark.parametrize(
    "words",
    [
        ["report", "run", "--out", "again"], ["trend"], *(["trend", "--by", by] for by in ("area", "account", "hub", "owner")),
        ["history", "scans"], ["waivers", "list", "--run", "run"], ["waivers", "lint", "--run", "run"],
        ["policy", "hostile.json"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_no_verb_prints_anything_but_text(
    words: list[str], format_: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    statements = [
        {"Sid": bad, "Effect": "Allow", "Action": "iot:Connect", "Resource": f"arn:aws:iot:*:*:client/{bad}"}
        for bad in CORPUS
    ]
    (place / "hostile.json").write_text(json.dumps({"Version": "2012-10-17", "Statement": statements}))
    code = exit_code(lambda: app([*words, "--format", format_], print_error=False, exit_on_error=False))
    out, err = capsys.readouterr()
    assert code in (CLEAN, 1), err
    harmless(out)
    harmless(err)
    if format_ == "json":
        json.loads(out)


def test_json_for_a_program_says_the_same_whoever_logs_it(capsys: pytest.CaptureFixture[str]) -> None:
    emit([{"name": bad} for bad in CORPUS], ("name",), "json")
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == list(CORPUS)
    print_report(nasty(), [], "json")
    told = {row["resource_name"] for row in json.loads(capsys.readouterr().out)["findings"]}
    assert told == set(CORPUS)


@pytest.mark.parametrize("format_", ["text", "json", "csv"])
def test_a_scan_prints_nothing_but_text(format_: Any, capsys: pytest.CaptureFixture[str]) -> None:
    print_report(nasty(), [], format_)
    harmless(capsys.readouterr().out)


def test_a_table_on_stdout_runs_nowhere_and_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    emit([{"name": bad, "more": [bad, bad]} for bad in CORPUS], ("name", "more"), "csv")
    header, *lines = csv.reader(io.StringIO(capsys.readouterr().out, newline=""), strict=True)
    assert len(lines) == len(CORPUS) and all(len(line) == len(header) for line in lines)
    assert not [cell for line in lines for cell in line if re.match(r"[=+@\t\r\n＝＋－＠]|-\D", cell)]


def test_a_message_is_lines_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    for bad in CORPUS:
        say(f"{bad}: x")
    harmless(capsys.readouterr().err)


@pytest.mark.parametrize("environment", [{"GITHUB_ACTIONS": "true"}, {"TF_BUILD": "True"}])
def test_an_annotation_is_one_command_of_ours(environment: dict[str, str]) -> None:
    for bad in CORPUS:
        one = report(
            [finding("policy-allows-no-wildcard", 0, f"{bad}/x", "policy", resource_name=bad, ticket_title=bad)]
        )
        (line,) = ci_lines(judge(Gate(fail_on="low"), one, ScanHistory()).hits, environment)
        assert line.isprintable() and len(COMMAND.findall(line)) == 1
        assert re.match(r"::error title=[^:,]*::|##vso\[task\.logissue type=error\]", line)


@pytest.mark.parametrize(
    "environment", [{}, {"GITLAB_CI": "true"}, {"JENKINS_URL": "http://127.0.0.1"}, {"TF_BUILD": "1"}]
)
def test_other_runners_are_told_nothing_that_they_would_print_as_it_is(environment: dict[str, str]) -> None:
    assert ci_lines(judge(Gate(fail_on="low"), nasty(), ScanHistory()).hits, environment) == []


@pytest.mark.parametrize("escape", [escape.terminal, escape.ci, escape.ci_property])
def test_each_escape_for_a_log_leaves_one_line_without_a_command(escape: Callable[[str], str]) -> None:
    for bad in CORPUS:
        harmless(escape(bad))


def test_a_wrong_word_is_said_back_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    for bad in CORPUS:
        code = exit_code(lambda bad=bad: app(["show", "check", f"x{bad}"], print_error=False, exit_on_error=False))  # type: ignore[misc]
        assert code == USAGE
        harmless(capsys.readouterr().err)
