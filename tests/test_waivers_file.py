"""The verbs around waivers: what they write, what they print, and what the audit log proves."""

from __future__ import annotations

import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import made_up
import pandas as pd
import pytest

from checks.finding import Finding
from checks.waiver import Waivers, load, parse
from checks.waiver_file import with_waiver
from collectors.run import Run
from collectors.scope import Scope
from flows.cli import app
from flows.console import CLEAN, GATE, USAGE, exit_code
from flows.gate import Gate, judge
from flows.history import ScanHistory
from flows.runs import last_scan
from flows.scan import Order
from flows.settings import Settings
from flows.waivers import cover_of, say_waivers, without_waived
from reports import audit_log
from reports.waiver_lint import lint

FINDINGS = [Finding(**row) for row in made_up.estate()]
POLICY, BENCH = (f for f in FINDINGS if f.check_id == "policy-allows-no-wildcard")
PUMPS = [f for f in FINDINGS if f.check_id == "device-has-its-own-credential" and f.status == "fail"]
TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
SOON = str(datetime.now(UTC).date() + timedelta(days=20))


def said(**changes: str) -> list[str]:
    """What a person types to accept a finding."""
    words = {
        "kind": "risk_accepted", "reason": "Retired with the line in spring.", "owner": "plant-it", "approver": "ciso",
        "expires": SOON,
    } | changes  # fmt: skip
    return [f"--{key}={value}" for key, value in words.items() if value]


SAID = said()


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one scan that was judged."""
    folder = tmp_path_factory.mktemp("scanned")
    report = made_up.report()
    run = Run(str(folder / "20261122T060000Z-1" / "run"))
    run.write_about(
        {
            "scan_id": "20261122T060000Z-1", "clock": "2026-11-22T06:00:00Z", "tool_version": "0", "select": [],
            "scopes": made_up.SCOPES, "unreachable": {},
        }
    )  # fmt: skip
    for scope in made_up.SCOPES:
        for name, frame in (("findings", report.findings), ("counts", report.counts)):
            here = zip(frame["provider"], frame["account_id"], frame["region"], strict=True)
            run.write_frame(Scope(*scope), name, frame[[place == scope for place in here]])
        run.write_frame(Scope(*scope), "coverage", report.coverage[report.coverage["outcome"] == "read"])
    return folder


@pytest.fixture
def home(scanned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings, and with that scan."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IOTPOSTURE_WAIVERS__ACTOR", "robin")
    (tmp_path / "iotposture.toml").write_text("")
    shutil.copytree(scanned, tmp_path / "iotposture-out")
    return tmp_path


def typed(*words: str) -> int:
    return exit_code(lambda: app(list(words), print_error=False, exit_on_error=False))


def test_a_waiver_is_added_listed_and_found_whole_by_lint(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("waivers", "add", POLICY.finding_id, *SAID, "--pin", "--format", "json") == CLEAN
    told = capsys.readouterr()
    assert [row["finding_id"] for row in json.loads(told.out)] == [POLICY.finding_id]
    assert told.err == f"waivers.toml: W-0001 covers 1 finding until {SOON}\n"
    (waiver,) = load(home / "waivers.toml").all
    assert (waiver.severity, waiver.evidence_hash) == ("critical", (POLICY.evidence_hash,))

    assert typed("waivers", "list", "--format", "json") == CLEAN
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["id"], row["state"], row["findings"], row["approver"]) == ("W-0001", "holds", 1, "ciso")

    assert typed("waivers", "lint", "--format", "json") == CLEAN
    told = capsys.readouterr()
    assert json.loads(told.out) == []
    log = audit_log.read(home / "waivers.audit.jsonl")
    assert told.err == f"1 waiver; audit log: 1 line, last {log.head}\n"
    (entry,) = log.entries
    assert (entry["actor"], entry["action"], entry["waiver"], entry["before"]) == ("robin", "added", "W-0001", None)
    assert entry["after"]["reason"] == "Retired with the line in spring."


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_waiver_is_added_below_what_stands_there_which_stays_as_it_is(home: Path, end: str) -> None:
    old = (
        "# Reviewed every quarter.\n\n[[waiver]]\nid='W-0007'   # pumps\nkind = \"false_positive\"\n"
        f"finding = [ '{PUMPS[0].finding_id}', ]\nreason='''\nThe twin is stale,\nnot the pump.'''\n"
        f"owner='a'\napprover='b'\ncreated_on={TODAY}\nexpires_on={TODAY}\n# the end"
    ).replace("\n", end or "\n") + end  # fmt: skip
    file = home / "waivers.toml"
    file.write_bytes(old.encode())
    file.chmod(0o640)
    assert typed("waivers", "add", POLICY.finding_id, BENCH.finding_id, *SAID, "--ticket", 'SEC-1 "x" \\ \x1b') == CLEAN
    new = file.read_bytes().decode()
    assert new.startswith(old)
    assert new[len(old) :].lstrip().startswith("[[waiver]]")
    assert end != "\r\n" or "\n" not in new.replace("\r\n", "")
    assert file.stat().st_mode & 0o777 == 0o640
    assert [waiver.id for waiver in load(file).all] == ["W-0007", "W-0008"]
    assert load(file).all[1].ticket == 'SEC-1 "x" \\ \x1b'
    assert load(file).all[1].finding == (POLICY.finding_id, BENCH.finding_id)
    assert sorted(os.listdir(home)) == ["iotposture-out", "iotposture.toml", "waivers.audit.jsonl", "waivers.toml"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("v1:" + "a" * 26, *SAID), "no such finding in that scan; findings.csv has finding_id"),
        ((POLICY.finding_id, *said(expires="tomorrow")), "--expires: tomorrow is no date; allowed: YYYY-MM-DD"),
        ((POLICY.finding_id, *said(expires="2099-01-01")), "allowed: 30 days for critical"),
        ((POLICY.finding_id, *said(expires="2020-01-01")), "expires_on 2020-01-01 is before created_on"),
        ((POLICY.finding_id, *said(approver="Plant-IT")), "Plant-IT is the owner too"),
        ((POLICY.finding_id, *said(reason="x")), "reason: 'x' is too short; allowed: at least 10 characters"),
        ((POLICY.finding_id, *SAID, "--id", "a b"), "id: 'a b' does not fit"),
        ((POLICY.finding_id, *SAID, "--run", "nowhere"), "nowhere: no run lies there"),
        ((POLICY.finding_id, *said(kind="")), "--kind"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    home: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], line: str
) -> None:
    assert typed("waivers", "add", *words) == USAGE
    told = capsys.readouterr()
    assert line in told.err and told.err.count("\n") == 1 and told.out == ""
    assert not (home / "waivers.toml").exists()
    assert audit_log.read(home / "waivers.audit.jsonl").entries == ()


def test_the_last_scan_is_the_newest_that_was_judged(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = home / "iotposture-out"
    (out / "20261123T060000Z-1" / "run").mkdir(parents=True)  # it never got that far
    shutil.copytree(out / "20261122T060000Z-1", out / "demo-20261124T060000Z-1")
    settings = Settings()
    assert last_scan(settings) == "iotposture-out/20261122T060000Z-1"
    shutil.move(out / "20261122T060000Z-1" / "run", home / "runs [x]" / "20261125T060000Z-a")
    moved = Settings(runs=str(home / "runs [x]"))
    assert last_scan(moved) == f"{home}/runs [x]/20261125T060000Z-a"
    assert last_scan(Settings(out="nowhere")) == ""
    month = f"{out}/demo-20261124T060000Z-1"
    assert last_scan(Settings(out=month)) == month
    monkeypatch.setenv("IOTPOSTURE_RUNS", moved.runs)
    assert typed("waivers", "add", POLICY.finding_id, *SAID) == CLEAN
    assert POLICY.finding_id in capsys.readouterr().out


def test_with_no_scan_nothing_can_be_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed("waivers", "add", POLICY.finding_id, *SAID) == USAGE
    assert typed("waivers", "lint") == CLEAN


@pytest.mark.parametrize(
    "words",
    [("waivers", "lint"), ("waivers", "list"), ("waivers", "record"), ("waivers", "add", "x", *SAID), ("scan",)],
)
def test_a_broken_file_ends_every_verb_before_anything_is_done(
    home: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    (home / "waivers.toml").write_text("[[waiver]]\nid = 'x'\n")
    assert typed(*words) == USAGE
    told = capsys.readouterr()
    if words[1:2] != ("add",):
        assert "waivers.toml: x: expires_on: is missing; every waiver needs it" in told.err
    assert told.out == ""
    assert os.listdir(home / "iotposture-out") == ["20261122T060000Z-1"]


def test_an_edit_by_hand_is_noted_until_it_is_recorded(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / "waivers.toml"
    typed("waivers", "add", POLICY.finding_id, *SAID)
    typed("waivers", "add", BENCH.finding_id, *SAID)
    added = file.read_text()
    first, second = (f"[[waiver]]{part}" for part in added.split("[[waiver]]")[1:])
    file.write_text(first.replace("spring", "autumn") + second.replace("W-0002", "W-0009"))
    capsys.readouterr()
    assert typed("waivers", "lint", "--format", "csv") == CLEAN
    lines = [line.split(",")[1:3] for line in capsys.readouterr().out.splitlines()[1:]]
    assert lines == [["unrecorded", "W-0001"], ["unrecorded", "W-0009"], ["unrecorded", "W-0002"]]
    assert typed("waivers", "record", "--format", "json") == CLEAN
    assert [row["recorded"] for row in json.loads(capsys.readouterr().out)] == ["changed", "added", "removed"]
    assert typed("waivers", "lint", "--format", "json") == CLEAN
    assert json.loads(capsys.readouterr().out) == []
    entry = audit_log.read(home / "waivers.audit.jsonl").entries[2]
    assert (entry["before"]["reason"][-7:], entry["after"]["reason"][-7:]) == ("spring.", "autumn.")


def chain(home: Path) -> list[str]:
    log = home / "log.audit.jsonl"
    with audit_log.lock(log) as file:
        audit_log.append(file, [(f"W-{n}", None, {"id": f"W-{n}"}) for n in range(4)], "robin", NOW)
    return log.read_text().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("tampered", "broken"),
    [
        (lambda lines: lines, ""),
        (lambda lines: [*lines[:1], lines[1].replace("robin", "pat"), *lines[2:]], "line 2: was changed after it was written"),
        (lambda lines: [*lines[:1], *lines[2:]], "line 2: does not follow the line before"),
        (lambda lines: lines[1:], "line 1: does not follow the line before"),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], "line 2: does not follow the line before"),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], "line 3: does not follow the line before"),
        (lambda lines: [*lines[:3], lines[3][:40]], "line 4: is no JSON"),
        (lambda lines: [*lines[:3], lines[3][:-1]], "line 4: has no end"),
        (lambda lines: [*lines[:3], "{}\n"], "line 4: is no entry of this log"),
        (lambda lines: [*lines[:3], "\n"], "line 4: is no JSON"),
        (lambda lines: [*lines[:3], "[" * 5000 + "\n"], "line 4: is no JSON"),
    ],
)  # fmt: skip
def test_a_changed_audit_log_says_from_which_line_on(tmp_path: Path, tampered: object, broken: str) -> None:
    lines = tampered(chain(tmp_path))  # type: ignore[operator]
    assert audit_log.checked_log("".join(lines).encode()).broken == broken


@pytest.mark.parametrize("text", [None, "", "# none yet\n"])
def test_where_there_are_no_waivers_nothing_is_recorded_and_no_log_is_made(
    text: str | None, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (home / "waivers.toml").write_text(text)
    assert typed("waivers", "record", "--format", "json") == CLEAN
    told = capsys.readouterr()
    assert json.loads(told.out) == [] and told.err.startswith("waivers.toml: no waivers there")
    assert not (home / "waivers.audit.jsonl").exists()


def test_nothing_is_added_to_a_broken_audit_log(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed("waivers", "add", POLICY.finding_id, *SAID)
    log, file = home / "waivers.audit.jsonl", home / "waivers.toml"
    log.write_text(log.read_text().replace("robin", "pat"))
    before = file.read_text()
    capsys.readouterr()
    assert typed("waivers", "add", BENCH.finding_id, *SAID) == USAGE
    assert "line 1: was changed after it was written; keep it as evidence" in capsys.readouterr().err
    assert typed("waivers", "record") == USAGE
    assert file.read_text() == before
    assert typed("waivers", "lint", "--format", "json") == GATE
    assert "line 1: was changed" in capsys.readouterr().out


def _add(ids: list[str]) -> int:
    return max(typed("waivers", "add", one, *SAID) for one in ids)


def test_two_who_add_at_once_lose_nothing(home: Path) -> None:
    ids = [finding.finding_id for finding in PUMPS[:8]]
    with ThreadPoolExecutor(2) as pool:  # each has the file open for itself, as two processes would
        assert list(pool.map(_add, [ids[:4], ids[4:]])) == [CLEAN, CLEAN]
    found = load(home / "waivers.toml").all
    assert sorted(waiver.id for waiver in found) == [f"W-{n:04}" for n in range(1, 9)]
    assert {one for waiver in found for one in waiver.finding} == set(ids)
    log = audit_log.read(home / "waivers.audit.jsonl")
    assert log.broken == "" and log.unrecorded(found) == []


def row(id: str, created: str = "2026-11-01", expires: str = "2026-11-30", **more: str) -> str:
    keys = {
        "id": f"'{id}'", "kind": "'risk_accepted'", "reason": "'Retired in spring.'", "owner": "'a'", "approver": "'b'",
        "created_on": created, "expires_on": expires, **more,
    }  # fmt: skip
    return "[[waiver]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())


def some() -> Waivers:
    policy = f"'{POLICY.finding_id}'"
    return parse(
        "\n".join(
            [
                row("ends", finding=policy),
                row("again", match="{ resource = '*:policy/*' }"),
                row("covered", finding=policy, expires="2026-12-01"),
                row("gone", created="2026-10-01", expires="2026-10-31", finding=f"'{BENCH.finding_id}'"),
                row("later", created="2026-11-23", expires="2026-12-20", finding=f"'{BENCH.finding_id}'"),
                row("orphan", match="{ hub = 'decommissioned' }", expires="2026-12-01"),
                row("wide", match="{ provider = 'azure' }", expires="2026-12-01"),
                row(
                    "pinned",
                    finding=f"'{PUMPS[0].finding_id}'",
                    evidence_hash="'0000000000000000'",
                    expires="2026-12-01",
                ),
            ]
        ),
        "waivers.toml",
    )


def test_lint_says_what_is_wrong_with_each() -> None:
    waivers = some()
    log = audit_log.Log(
        tuple({"waiver": w.id, "after": audit_log.waiver_fields(w), "hash": ""} for w in waivers.all if w.id != "wide")
    )
    told = [(r.level, r.problem, r.waiver, r.detail) for r in lint(waivers, log, FINDINGS, TODAY)]
    assert told == [
        ("error", "expired", "gone", "since 2026-10-31; renew or remove it"),
        ("error", "orphaned", "orphan", "matches no finding; remove it"),
        ("error", "too broad", "wide", "matches 17 of 40 findings, more than 10 %; narrow it, or set allow_broad = true; it covers nothing"),
        ("error", "overlapping", "again", "1 finding under ends too"),
        ("error", "shadowed", "covered", "all it covers is under ends; 1 finding"),
        ("error", "void", "pinned", f"1 finding, such as {PUMPS[0].finding_id}: the evidence is not what was accepted"),
        ("note", "expires soon", "ends", "on 2026-11-30, 8 days left"),
        ("note", "expires soon", "again", "on 2026-11-30, 8 days left"),
        ("note", "expires soon", "covered", "on 2026-12-01, 9 days left"),
        ("note", "not yet", "later", "holds from 2026-11-23"),
        ("note", "expires soon", "orphan", "on 2026-12-01, 9 days left"),
        ("note", "expires soon", "wide", "on 2026-12-01, 9 days left"),
        ("note", "expires soon", "pinned", "on 2026-12-01, 9 days left"),
        ("note", "unrecorded", "wide", "added in the file and not in the audit log; `iotposture waivers record` takes it up"),
    ]  # fmt: skip


def test_a_match_that_is_narrower_than_what_it_reaches_is_only_noted() -> None:
    match = "{ check = '*', account = '123456789012', resource = '*policy*' }"
    narrow = parse(row("narrow", match=match, severity="'high'"), "waivers.toml")
    (remark,) = [r for r in lint(narrow, audit_log.Log(), FINDINGS, TODAY) if r.problem == "not covered"]
    said_ = f"2 findings, such as {POLICY.finding_id}: the finding is critical, accepted was high"
    assert (remark.level, remark.detail) == ("note", said_)


def test_settings_with_owners_reach_a_worker_as_they_are() -> None:
    settings = Settings.model_validate(
        {
            "owners": [{"owner": "pumps", "hub": "*/plant-*", "tags": {"Team": ["p*", "q"]}}],
            "waivers": {"max_days": {"critical": 5}},
        }
    )
    assert Order.from_json(Order(settings, "20261122T060000Z-1", NOW).to_json()).settings == settings


@pytest.mark.parametrize(
    ("days", "told"), [(15, []), (14, ["14 days left"]), (1, ["1 day left"]), (0, ["0 days left"])]
)
def test_the_end_is_pointed_out_fourteen_days_before(days: int, told: list[str]) -> None:
    waivers = parse(row("x", finding=f"'{POLICY.finding_id}'"), "waivers.toml")
    log = audit_log.Log(tuple({"waiver": w.id, "after": audit_log.waiver_fields(w), "hash": ""} for w in waivers.all))
    remarks = lint(waivers, log, FINDINGS, date(2026, 11, 30) - timedelta(days=days))
    assert [remark.detail.split(", ")[1] for remark in remarks] == told


def test_a_scan_that_could_not_read_everything_proves_no_orphan() -> None:
    remarks = lint(some(), audit_log.Log(), FINDINGS, TODAY, whole=False)
    assert [r.level for r in remarks if r.problem == "orphaned"] == ["note"]


@pytest.mark.parametrize(("narrowed", "code"), [({}, GATE), ({"only": ["aws"]}, CLEAN), ({"select": ["x"]}, CLEAN)])
def test_a_scan_of_some_clouds_or_checks_proves_no_orphan(
    home: Path, capsys: pytest.CaptureFixture[str], narrowed: dict[str, list[str]], code: int
) -> None:
    (home / "waivers.toml").write_text(row("elsewhere", str(NOW.date()), SOON, match="{ hub = 'decommissioned' }"))
    for report in (home / "iotposture-out").rglob("coverage.parquet"):
        frame = pd.read_parquet(report)
        frame[frame["outcome"] == "read"].to_parquet(report)
    run = Run(str(home / "iotposture-out" / "20261122T060000Z-1" / "run"))
    run.write_about({**run.about(), **narrowed})
    assert typed("waivers", "lint", "--format", "csv") == code
    assert f"{'error' if code else 'note'},orphaned,elsewhere" in capsys.readouterr().out


def test_a_waiver_that_lapsed_is_named_after_a_scan(capsys: pytest.CaptureFixture[str]) -> None:
    ids = "[" + ", ".join(f"'{one.finding_id}'" for one in PUMPS[:3]) + "]"
    lapsed = parse(row("pumps", created="2026-10-01", expires="2026-10-30", finding=ids), "waivers.toml")
    say_waivers(lapsed.over(FINDINGS, TODAY))
    assert capsys.readouterr().err == "waiver pumps expired on 2026-10-30: 3 findings without one\n"


def test_hostile_words_in_a_waiver_reach_no_terminal_and_no_formula(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reasons = [f"{text} and ten more" for text in made_up.HOSTILE]
    assert typed("waivers", "add", PUMPS[0].finding_id, *said(reason=reasons[-1])) == CLEAN
    text = (home / "waivers.toml").read_text()
    alike = audit_log.waiver_fields(load(home / "waivers.toml").all[0])
    for number, reason in enumerate(reasons):
        text = with_waiver(text, {**alike, "id": f"hostile-{number}", "reason": reason, "ticket": reason})
    (home / "waivers.toml").write_text(text)
    assert [waiver.reason for waiver in load(home / "waivers.toml").all[1:]] == reasons
    capsys.readouterr()
    for shape in ("text", "csv"):
        assert typed("waivers", "list", "--format", shape) == CLEAN
        out = capsys.readouterr().out
        if shape == "text":
            assert all(character.isprintable() for line in out.split("\n") for character in line)
        else:
            assert not re.search(r'(^|,)"?[=+@]', out)
    assert typed("waivers", "lint") == GATE
    assert all(character.isprintable() for line in capsys.readouterr().out.split("\n") for character in line)


def test_the_gate_passes_what_was_accepted_and_the_report_keeps_it() -> None:
    report = made_up.report(
        [row for row in made_up.estate() if row["severity"] == "critical" and row["status"] == "fail"]
    )
    ids = "[" + ", ".join(f"'{one}'" for one in report.findings["finding_id"]) + "]"
    today = datetime.now(UTC).date()
    accepted_all = parse(row("all", created=str(today), expires=str(today), finding=ids), "waivers.toml")
    gate = Gate(fail_on="critical")
    assert judge(gate, report, ScanHistory()).code == GATE
    assert judge(gate, without_waived(report, cover_of(report, accepted_all)), ScanHistory()).code == CLEAN
    assert len(report.findings) > 0
    assert judge(gate, without_waived(report, cover_of(report, Waivers())), ScanHistory()).code == GATE


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[[owners]]\nowner = 'x'", "owners.0: matches nothing; give at least one of check"),
        ("[[owners]]\nowner = 'x'\ncolour = 'y'", "owners.0.colour: no such setting; allowed: account, area, check, hub, owner"),
        ("[[owners]]\nowner = 'x'\ntags = { team = [] }", "owners.0.tags.team: is empty"),
        ("[[owners]]\nowner = 'x'\ntags = 'pumps'", "owners.0.tags: is a table, not 'pumps'; write tags = { KEY = ... }"),
        ("[[owners]]\nowner = 'x'\ntags = {}", "subject, tags"),
        ("[[owners]]\nhub = 'x'", "owners.0.owner: is missing"),
        ("[waivers]\nmax_days = { worst = 1 }", "waivers.max_days.worst: Input should be 'critical'"),
        ("[waivers]\nfiles = 'x'", "waivers.files: no such setting; allowed: actor, broad_percent"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_settings_of_owners_and_waivers_is_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], text: str, line: str
) -> None:
    (home / "iotposture.toml").write_text(text)
    assert typed("waivers", "lint") == USAGE
    told = capsys.readouterr().err
    assert line in told and told.count("\n") == 1


def test_the_settings_show_owners_and_what_is_demanded_of_waivers(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "iotposture.toml").write_text(
        "[[owners]]\nowner = 'pumps'\nhub = '*/plant-*'\n[waivers]\nfile = 'risks/waivers.toml'\nmax_days = { critical = 5 }\n"
    )
    assert typed("show", "settings", "--format", "json") == CLEAN
    values = {row["setting"]: row["value"] for row in json.loads(capsys.readouterr().out)}
    assert values["owners"] == "[{'hub': ['*/plant-*'], 'owner': 'pumps'}]"
    assert values["waivers.file"] == "risks/waivers.toml"
    (home / "risks").mkdir()
    assert typed("waivers", "add", POLICY.finding_id, *SAID) == USAGE
    assert "allowed: 5 days for critical" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("before", "kept", "end"),
    [
        ("", "", "\n"),
        ("# ours\n", "# ours\n\n", "\n"),
        ("# ours", "# ours\n\n", "\n"),
        ("# ours\r\n", "# ours\r\n\r\n", "\r\n"),
        ("# a\r\n# b", "# a\r\n# b\r\n\r\n", "\r\n"),
    ],
    ids=["an empty file", "a whole line", "a line without its end", "Windows", "Windows without an end"],
)
def test_a_waiver_is_added_after_an_empty_line_with_the_file_s_own_line_ends(before: str, kept: str, end: str) -> None:
    assert with_waiver(before, {"id": "W-1"}) == f'{kept}[[waiver]]{end}id = "W-1"{end}'
