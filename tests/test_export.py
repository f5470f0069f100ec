"""From scans in a history to files for a tracker, and the tracker's keys back: what a user types, reads and gets."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from made_up import HOSTILE, estate, finding, report

from flows.cli import app
from flows.console import CLEAN, NOT_WRITTEN, USAGE, exit_code
from reports.formats.targets import FORMATS
from reports.formats.verify import verify
from reports.history import History

Type = Callable[..., tuple[int, list[str], list[str]]]


def scan(place: Path, rows: list[dict[str, str]], day: int, **about: str) -> None:
    """A scan on a day, taken in."""
    when = f"2026-11-{day:02}T06:0"
    told = {
        "scan_id": f"202611{day:02}T0600Z-0001",
        "scan_started_at": f"{when}0:00Z",
        "scan_completed_at": f"{when}4:31Z",
    }
    with History.open(str(place)) as history:
        history.ingest(report(rows, **told, **about))


@pytest.fixture
def past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A history with one scan of the estate, named in the settings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "iotposture.toml").write_text('history = "history.db"\n[tickets]\njira_project = "SEC"\n')
    scan(tmp_path / "history.db", estate()[1:], 20)
    return tmp_path / "history.db"


@pytest.fixture
def type_(capsys: pytest.CaptureFixture[str]) -> Type:
    """Types a command; gives its exit code and the lines of stdout and stderr."""

    def run(*words: str) -> tuple[int, list[str], list[str]]:
        capsys.readouterr()
        code = exit_code(lambda: app(list(words), print_error=False, exit_on_error=False))
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.splitlines()

    return run


def table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text, strict=True))


def numbered(place: Path, target: Path, ids: str, key: str) -> None:
    """What the tracker exports after the import: its key beside our id."""
    lines = [f"{key.format(n)},{row[ids]}" for n, row in enumerate(table(place), start=1)]
    target.write_text("\n".join(["Issue key,Custom field (External Id)", *lines]))


def test_a_life_of_tickets_in_jira(past: Path, type_: Type, tmp_path: Path) -> None:
    code, files, told = type_("export", "--to", "jira", "--verify")
    assert code == CLEAN and told == ["jira: 34 new, 0 changed, 0 reopened, 0 resolved"]
    folder = Path("iotposture-out/20261120T0600Z-0001/jira")
    assert files[0] == str(folder / "jira-create.csv") and files[-1] == str(folder / "jira.manifest.json")
    assert json.loads((folder / "jira-create-import-config.json").read_text())["config.project"]["project.key"] == "SEC"
    first = table(folder / "jira-create.csv")
    numbered(folder / "jira-create.csv", tmp_path / "keys.csv", "External Id", "SEC-{}")
    assert type_("tickets", "import", "keys.csv") == (
        CLEAN,
        ["jira: 34 keys learnt, 0 known already, 0 rows refused"],
        [],
    )

    _, _, told = type_("export", "--to", "jira", "--out", "again")
    assert told == ["jira: 0 new, 0 changed, 0 reopened, 0 resolved, 34 unchanged and left out"]
    assert [len(table(Path("again") / f"jira-{kind}.csv")) for kind in ("create", "update", "close")] == [0, 0, 0]

    rows = estate()
    rows[1] |= {"evidence_hash": "another", "actual": "min_tls=1.1"}
    scan(past, rows[:2] + rows[3:], 21)
    code, _, told = type_("export", "--to", "jira", "--out", "now", "--verify")
    assert (code, told) == (CLEAN, ["jira: 1 new, 1 changed, 0 reopened, 1 resolved, 32 unchanged and left out"])
    keys = {row["External Id"]: f"SEC-{n}" for n, row in enumerate(first, start=1)}
    (new,), (changed,), (gone,) = (table(Path("now") / f"jira-{kind}.csv") for kind in ("create", "update", "close"))
    assert new["External Id"] == rows[0]["finding_id"]
    assert (changed["Issue Key"], changed["External Id"]) == (keys[rows[1]["finding_id"]], rows[1]["finding_id"])
    assert "min_tls=1.1" in changed["Description"]
    assert (gone["Issue Key"], gone["Status"]) == (keys[rows[2]["finding_id"]], "Done")


def test_what_a_partial_scan_no_longer_sees_is_closed_by_the_next_whole_one(past: Path, type_: Type) -> None:
    type_("export", "--to", "servicenow", "--out", "a")
    fewer = estate()[1:2] + estate()[3:]
    scan(past, fewer, 21, scan_complete="false", coverage_pct="61.0")
    code, _, told = type_("export", "--to", "servicenow", "--out", "b", "--only", "all", "--verify")
    assert code == CLEAN
    assert told[0].startswith("servicenow: the scan is not complete (61.0 % coverage): nothing is exported as resolved")
    assert table(Path("b/servicenow-close.csv")) == []
    assert json.loads(Path("b/servicenow.manifest.json").read_text())["closures"] == "withheld"
    scan(past, fewer, 22)
    type_("export", "--to", "servicenow", "--out", "c", "--only", "resolved")
    (gone,) = table(Path("c/servicenow-close.csv"))
    assert (gone["u_correlation_id"], gone["u_state"]) == (estate()[2]["finding_id"], "resolved")


@pytest.mark.parametrize("target", ["azure-boards", "gitlab", "github", "linear", "defectdojo", "spreadsheet", "csv"])
def test_every_other_target_is_written_and_read_back(target: str, past: Path, type_: Type) -> None:
    code, files, told = type_("export", "--to", target, "--out", "x", "--verify")
    assert code == CLEAN and len(told) == 1
    assert Path(files[-1]).name == f"{target}.manifest.json"


def test_defectdojo_is_told_of_what_was_resolved_between_two_exports(past: Path, type_: Type) -> None:
    type_("export", "--to", "defectdojo", "--out", "a")
    scan(past, estate()[2:], 21)
    scan(past, estate()[2:], 22)
    type_("export", "--to", "defectdojo", "--out", "b", "--verify")
    held = json.loads(Path("b/defectdojo-findings.json").read_text())["findings"]
    assert [row["unique_id_from_tool"] for row in held if row.get("is_mitigated")] == [estate()[1]["finding_id"]]
    type_("export", "--to", "csv", "--out", "c")
    assert "resolved" not in {row["lifecycle"] for row in table(Path("c/csv-findings.csv"))}


@pytest.mark.parametrize("target", ["jira", "servicenow", "github"])
def test_an_export_that_is_killed_before_it_is_noted_is_written_again_byte_for_byte(
    target: str, past: Path, type_: Type
) -> None:
    code = f"""
import os, signal
from flows import export as flow
flow.verify = lambda folder, profile: os.kill(os.getpid(), signal.SIGKILL)
flow.export_to(flow.ExportRequest({target!r}, out="x", verify=True))
"""
    killed = subprocess.run([sys.executable, "-c", code], check=False, cwd=Path.cwd())
    assert killed.returncode == -signal.SIGKILL
    before = {file.name: file.read_bytes() for file in Path("x").iterdir()}
    code_, _files, told = type_("export", "--to", target, "--out", "x", "--verify")
    assert (code_, told[-1].split(",")[0]) == (CLEAN, f"{target}: 34 new")
    assert {file.name: file.read_bytes() for file in Path("x").iterdir()} == before
    type_("export", "--to", target, "--out", "y")
    assert json.loads(Path(f"y/{target}.manifest.json").read_text())["counts"]["new"] == 0


def test_one_ticket_for_each_owner_or_hub(past: Path, type_: Type) -> None:
    type_("export", "--to", "jira", "--out", "x", "--group-by", "hub")
    assert len(table(Path("x/jira-create.csv"))) == 6
    assert type_("export", "--to", "csv", "--out", "x", "--group-by", "hub")[0] == USAGE


def test_what_was_exported_and_never_imported_can_be_forgotten(past: Path, type_: Type) -> None:
    type_("export", "--to", "gitlab", "--out", "x")
    code, out, _ = type_("tickets", "forget", "gitlab")
    assert (code, out) == (CLEAN, ["gitlab: 34 tickets without a key forgotten; the next export has them as new"])
    type_("export", "--to", "gitlab", "--out", "y")
    assert Path("x/gitlab-create.csv").read_bytes() == Path("y/gitlab-create.csv").read_bytes()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["export", "--to", "jira", "--history", "none.db"],
            "none.db: no history lies there; history.db is one: name it with --history",
        ),
        (["export", "--to", "jira", "--history", "mysql://x"], "history: mysql is not supported; allowed: sqlite"),
        (
            ["export", "--to", "jira", "--history", "iotposture.toml"],
            "history: iotposture.toml: file is not a database",
        ),
        (["export", "--to", "jira", "--history", "empty.db"], "empty.db: the history has no scan"),
        (["export", "--to", "trello"], 'Invalid value "trello" for --to. Choose from: "jira"'),
        (
            ["export", "--to", "defectdojo", "--group-by", "check"],
            "--group-by check: DefectDojo takes findings one by one",
        ),
        (["tickets", "import", "none.csv"], "none.csv: No such file or directory"),
        (
            ["tickets", "import", "iotposture.toml"],
            "iotposture.toml: names no finding of ours; allowed: a column External Id",
        ),
    ],
)
def test_a_mistake_is_one_clear_line(words: list[str], line: str, past: Path, type_: Type) -> None:
    History.open("empty.db").close()
    code, out, told = type_(*words)
    assert code == USAGE and out == [] and len(told) == 1 and line in told[0]


def test_without_a_history_nothing_can_be_exported(
    tmp_path: Path, type_: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text('history = "none"\n')
    code, _, told = type_("export", "--to", "jira", "--settings", "mine.toml")
    assert code == USAGE and told == ['history: is "none", so nothing is kept; name one with --history']


def test_rows_that_are_refused_are_told_and_the_others_kept(past: Path, type_: Type) -> None:
    type_("export", "--to", "jira", "--out", "x")
    one = table(Path("x/jira-create.csv"))[0]["External Id"]
    Path("k.csv").write_text(f"Issue key,External Id\nSEC-1,{one}\nSEC-2,v1:{'a' * 26}\n")
    code, out, told = type_("tickets", "import", "k.csv")
    assert (code, out) == (USAGE, ["jira: 1 key learnt, 0 known already, 1 row refused"])
    assert told == [f"k.csv:3: v1:{'a' * 26} was never exported to Jira"]
    Path("k.csv").write_text(f"Issue key,External Id\nSEC-1,{one}\n" + f"SEC-2,v1:{'a' * 26}\n" * 25)
    _, out, told = type_("tickets", "import", "k.csv")
    assert out == ["jira: 0 keys learnt, 1 known already, 25 rows refused"]
    assert len(told) == 21 and told[-1] == "and 5 more lines"


def test_files_that_the_target_would_not_take_are_exit_5_and_not_in_the_ledger(
    past: Path, type_: Type, tmp_path: Path
) -> None:
    (tmp_path / "iotposture.toml").write_text('history = "history.db"\n[tickets]\njira_issue_type = ""\n')
    code, out, told = type_("export", "--to", "jira", "--out", "x", "--verify")
    assert (code, out) == (NOT_WRITTEN, [])
    assert told[0] == "jira-create.csv: row 1: Issue Type is empty"
    assert told[-1] == "not as Jira takes it; nothing is noted as exported"
    (tmp_path / "iotposture.toml").write_text('history = "history.db"\n')
    assert type_("export", "--to", "jira", "--out", "x", "--verify")[2] == [
        "jira: 34 new, 0 changed, 0 reopened, 0 resolved"
    ]


def test_nothing_hostile_reaches_the_terminal_or_the_log_of_a_build(tmp_path: Path, type_: Type) -> None:
    rows = [finding("hub-refuses-old-tls", 0, bad, resource_name=bad, subject=bad, actual=bad) for bad in HOSTILE]
    scan(tmp_path / "h.db", rows, 20)
    place = str(tmp_path / "h.db")
    for target in ("jira", "gitlab", "csv", "github"):
        code, out, told = type_(
            "export", "--to", target, "--history", place, "--out", str(tmp_path / target), "--verify"
        )
        assert code == CLEAN and len(told) == 1
        assert all(line.isprintable() and not line.startswith("::") and "##" not in line for line in out + told)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_exported_and_read_back(name: str, past: Path, type_: Type) -> None:
    code, files, _ = type_("export", "--to", name, "--out", "x", "--verify")
    assert code == CLEAN
    assert Path(files[-1]).name == f"{name}.manifest.json"
    assert verify(Path("x"), FORMATS[name]) == []


def test_a_file_that_breaks_a_rule_is_exit_5_and_stays_to_be_looked_at(tmp_path: Path, type_: Type) -> None:
    rows = [row | {"finding_id": f"v2:{n}"} for n, row in enumerate(estate()[:30])]
    scan(tmp_path / "h.db", rows, 20)
    where = ("--history", str(tmp_path / "h.db"), "--out", str(tmp_path / "x"))
    code, out, told = type_("export", "--to", "json", *where, "--verify")
    assert (code, out) == (NOT_WRITTEN, [])
    line, verdict = told
    assert line.startswith("docket.json: cases[0].finding_id: 'v2:") and line.endswith("(and 29 more like it)")
    assert verdict == "not valid as iotposture's JSON; the files are there to be looked at"
    assert (tmp_path / "x" / "docket.json").is_file()
    code, _, told = type_("export", "--to", "sarif", *where, "--verify")
    assert code == NOT_WRITTEN and len(told) == 22
    assert "is no id of a finding; one is v1:[a-z2-7]{26}" in told[0] and told[20] == "and 10 more lines"
    assert type_("export", "--to", "json", *where)[0] == CLEAN


def test_a_format_is_not_narrowed(past: Path, type_: Type) -> None:
    code, _, told = type_("export", "--to", "sarif", "--only", "new", "--verify")
    assert (code, told) == (
        USAGE,
        [
            "--only, --group-by, --include-unknown, --include-waived: for trackers; sarif has every finding with its lifecycle"
        ],
    )
