"""The command line: what a user types, reads and gets as exit code."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import get_args

import pytest

from collectors.registry import PROVIDERS
from flows.cli import Cloud, Target, Tracker
from flows.console import COVERAGE, GATE, NOT_WRITTEN, UNREACHABLE, UNREAD, USAGE
from flows.demo import toml
from lab.cloud import NO_METADATA, Lab
from reports.formats.targets import FORMATS
from reports.tickets.targets import TARGETS

COMMAND = str(Path(sys.executable).with_name("iotposture"))


def command(*words: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs the installed command as a user would."""
    return subprocess.run(
        [COMMAND, *words], capture_output=True, text=True, timeout=120, check=False, cwd=cwd, env={**os.environ, **env}
    )


@pytest.fixture
def file(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings file that points at the lab's ClearBlade, the smallest cloud, and credentials for that one only."""
    for name in [name for cloud in (lab.aws, lab.azure, lab.gcp) for name in cloud.env()]:
        monkeypatch.delenv(name, raising=False)
    os.environ.update(NO_METADATA)
    path = tmp_path / "iotposture.toml"
    path.write_text(toml({"clearblade": {"calls_per_second": 1000, **lab.settings()["clearblade"]}}))
    return path


@pytest.mark.parametrize(
    "words",
    [["--help"], ["show", "checks"], ["show", "check", "hub-refuses-old-tls"], ["show", "tables"], ["show", "guidelines"],
     ["show", "frameworks"], ["show", "permissions"]],
    ids=" ".join,
)  # fmt: skip
def test_looking_things_up_loads_no_dataframe_no_prefect_and_no_sdk(words: list[str]) -> None:
    code = (
        "import sys; from flows.cli import app\n"
        "try: app(sys.argv[1:], exit_on_error=False)\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'prefect', 'boto3', 'botocore', 'azure.core', 'googleapiclient', 'google.auth', 'httpx'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("threads = 0", "threads: Input should be greater than or equal to 1"),
        ("colour = 1", "colour: no such setting; allowed: aws, azure"),
        ("[aws]\nregion = 'x'", "aws.region: no such setting; allowed: ca_bundle"),
        ("[aws]\nroles = ['x']", "aws.roles.0: 'x' does not fit; allowed: ^arn:aws"),
        ("profiles = ['x']", "profiles: no profile x; allowed: cmek-required"),
        ("[thresholds.x]\ndays = 1", "thresholds: no check x with thresholds; allowed: address-rules-are-narrow"),
        ("[thresholds.certificate-has-a-month-left]\ndays = 'x'", "certificate-has-a-month-left.days is int, not 'x'"),
        ("[aws", "not TOML"),
        ("owner_tags = 'team'", "owner_tags: is a list, not 'team'; write owner_tags = [...]"),
        (
            "[[owners]]\nowner = 'x'\ntags = { team = 3 }",
            "owners.0.tags.team: 3 is no glob; allowed: a text, or a list",
        ),
        ("[[owners]]\nowner = 'x'\ntags = { '' = 'y' }", "owners.0.tags.'': is empty"),
        (
            "history = ['postgresql+psycopg://me:secret@db/x']",
            "history: is a text, not ['postgresql+psycopg://me:***@db/x']",
        ),
    ],
)
def test_a_mistake_in_the_settings_is_one_line_with_file_key_and_what_is_allowed(
    tmp_path: Path, text: str, line: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    told = command("scan", "--settings", str(path))
    assert told.returncode == USAGE
    assert told.stdout == ""
    assert told.stderr.count("\n") == 1
    assert told.stderr.startswith(f"{path}: ")
    assert line in told.stderr


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("IOTPOSTURE_THREADS", "many", "threads: Input should be a valid integer"),
        ("IOTPOSTURE_OWNERS", '[{"owner": "x"}]', "owners.0: matches nothing; give at least one of check"),
        ("IOTPOSTURE_AWS", '{"region": "x"}', "aws.region: no such setting; allowed: ca_bundle"),
        ("IOTPOSTURE_OWNER_TAGS", "team", "not JSON, as lists and tables are written in the environment"),
    ],
)
def test_a_mistake_in_a_variable_names_the_variable(tmp_path: Path, variable: str, value: str, line: str) -> None:
    told = command("scan", cwd=tmp_path, **{variable: value})
    assert told.returncode == USAGE
    assert told.stderr.startswith(f"{variable}: {line}")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["scan", "--settings", "nowhere.toml"], "nowhere.toml: no such file"),
        (["scan", "--select", "nonsense"], "no check nonsense; `iotposture show checks` lists them"),
        (["scan", "--only", "ibm"], "ibm"),
        (["scan", "--min-coverage", "101"], "--min-coverage: 101 is no percentage; allowed: 0 to 100"),
        (["scan", "--resume", "nowhere"], "nowhere: no run lies there"),
        (["check", "nowhere"], "nowhere: no run lies there"),
        (["show", "check", "nonsense"], "no check nonsense"),
        (["show", "frameworks", "nonsense"], "no framework nonsense; allowed: "),
        (["nonsense"], "report, ...; see `iotposture --help`"),
        (["history", "prune"], "requires an argument; see `iotposture history prune --help`"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_is_one_line_and_exit_2(tmp_path: Path, words: list[str], line: str) -> None:
    told = command(*words, cwd=tmp_path)
    assert told.returncode == USAGE
    assert line in told.stderr
    assert "Traceback" not in told.stderr and told.stderr.count("\n") <= 2


def test_no_credentials_is_one_line_per_cloud_and_exit_4(tmp_path: Path) -> None:
    told = command("scan", "--quiet", cwd=tmp_path, HOME=str(tmp_path), **NO_METADATA)
    assert told.returncode == UNREACHABLE
    assert [line.split(":")[0] for line in told.stderr.splitlines()[:-1]] == ["aws", "azure", "clearblade", "gcp"]
    assert "doctor" in told.stderr.splitlines()[-1]


def test_a_cloud_that_never_answers_does_not_hold_the_scan(tmp_path: Path) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: [silent.accept() for _ in range(50)], daemon=True).start()
    url = f"http://127.0.0.1:{silent.getsockname()[1]}"
    told = command(
        "scan", "--only", "aws", "--quiet", cwd=tmp_path, HOME=str(tmp_path), AWS_ENDPOINT_URL=url,
        IOTPOSTURE_AWS__FIND_SECONDS="1",
        AWS_ACCESS_KEY_ID="lab", AWS_SECRET_ACCESS_KEY="lab", AWS_DEFAULT_REGION="eu-west-1", **NO_METADATA,
    )  # fmt: skip
    silent.close()
    assert told.returncode == UNREACHABLE, told.stderr
    assert told.stderr.startswith("aws: ")


def test_an_output_that_cannot_be_written_is_exit_5(lab: Lab, tmp_path: Path, file: Path) -> None:
    (tmp_path / "taken").write_text("")
    told = command("scan", "--settings", str(file), "--out", str(tmp_path / "taken" / "out"), "--quiet")
    assert told.returncode == NOT_WRITTEN
    assert "Traceback" not in told.stderr and told.stderr.startswith("not written: ")


def test_the_gate_turns_findings_and_coverage_into_exit_codes(lab: Lab, tmp_path: Path, file: Path) -> None:
    def scan(name: str, *words: str) -> int:
        return command("scan", "--settings", str(file), "--out", str(tmp_path / name), "--quiet", *words).returncode

    assert scan("plain") == 0
    assert scan("gate", "--fail-on", "critical") == GATE
    from lab.server import Fault

    lab.clearblade.switchboard.faults["clearblade.devices.list"] = Fault("deny")
    assert scan("dark", "--min-coverage", "100") == COVERAGE
    assert scan("dark", "--min-coverage", "100", "--fail-on", "critical") == COVERAGE


def test_scans_into_one_folder_have_a_trend_and_a_gate_for_what_is_new(lab: Lab, tmp_path: Path, file: Path) -> None:
    out, kept = str(tmp_path / "out"), str(tmp_path / "out" / "history.db")

    def scan(*words: str) -> tuple[int, dict[str, object], str]:
        told = command(
            "scan", "--settings", str(file), "--out", out, "--quiet", "--fail-on", "low", "--new-only", *words
        )
        *notes, line = told.stderr.splitlines()
        return told.returncode, json.loads(line), " ".join(notes)

    code, first, notes = scan()
    assert (code, first["exit"], first["new"]) == (GATE, GATE, sum(first["fail"].values()))  # type: ignore[attr-defined]
    assert "no earlier complete scan" in notes
    code, second, notes = scan()
    assert (code, second["new"], second["hits"], second["reason"], notes) == (0, 0, 0, "", "")
    trend = json.loads(command("trend", "--history", kept, "--format", "json").stdout)
    assert {"points", "mttr", "ageing", "by"} <= set(trend)
    assert [point["new"] for point in trend["points"]] == [first["new"], 0]
    wanted = {
        "date",
        "complete",
        "coverage",
        "score_raw",
        "score_managed",
        "open",
        "new",
        "resolved",
        "reopened",
        "dark",
    }
    assert wanted <= set(trend["points"][0])
    assert command("trend", "--history", kept).stdout.startswith("2 scans in 90 days")
    assert command("trend", "--history", kept, "--by", "area", "--format", "csv").stdout.startswith("area,open,")
    assert command("history", "check", "--history", kept).returncode == 0
    scans = json.loads(command("history", "scans", "--history", kept, "--format", "json").stdout)
    assert [(one["scan_complete"], one["late"], one["narrowed"]) for one in scans] == [(True, False, False)] * 2
    assert command("check", out, "--settings", str(file), "--out", str(tmp_path / "again")).returncode == 0
    assert len(json.loads(command("history", "scans", "--history", kept, "--format", "json").stdout)) == 2
    assert not (tmp_path / "again" / "history.db").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["trend", "--history", "nowhere.db"], "nowhere.db: no history lies there; `iotposture scan` makes one"),
        (["trend", "--history", "mysql://a:secret@127.0.0.1/b"], "mysql is not supported; allowed: sqlite, postgresql"),
        (["scan"], "mysql is not supported; allowed: sqlite, postgresql"),
        (["history", "prune", "--history", "nowhere.db", "--keep-days", "0"], "--keep-days: 0 keeps nothing"),
    ],
    ids=lambda value: " ".join(value)[:20] if isinstance(value, list) else "",
)  # fmt: skip
def test_a_history_that_cannot_be_used_is_one_line_without_its_password(
    tmp_path: Path, words: list[str], line: str
) -> None:
    told = command(*words, cwd=tmp_path, IOTPOSTURE_HISTORY="mysql://a:secret@127.0.0.1/b")
    assert told.returncode == USAGE
    assert line in told.stderr
    assert "secret" not in told.stderr + told.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_password_in_a_history_s_url_is_not_shown(tmp_path: Path) -> None:
    told = command("show", "settings", cwd=tmp_path, IOTPOSTURE_HISTORY="postgresql://a:secret@127.0.0.1/b")
    assert "postgresql://a:***@127.0.0.1/b" in told.stdout
    assert "secret" not in told.stdout


def test_only_results_are_on_stdout(lab: Lab, tmp_path: Path, file: Path) -> None:
    told = command("scan", "--settings", str(file), "--out", str(tmp_path / "out"), "--format", "json")
    found = json.loads(told.stdout)
    assert found["findings"] and found["about"]["scan_complete"] == "true"
    assert "scanning" in told.stderr
    assert command("scan", "--settings", str(file), "--out", str(tmp_path / "b"), "--quiet").stderr == ""


def test_a_check_is_printed_with_the_command_of_its_remedy() -> None:
    told = command("show", "check", "tunnel-closes-soon").stdout
    assert "command aws: aws iotsecuretunneling close-tunnel --region {region} --tunnel-id {resource.id}" in told


def test_guidelines_are_printed_with_the_checks_that_serve_them() -> None:
    rows = json.loads(command("show", "guidelines", "--format", "json").stdout)
    assert len(rows) == 177
    assert all(set(row) == {"id", "provider", "area", "severity", "title", "checks"} for row in rows)
    served = {row["id"]: row["checks"] for row in rows}
    assert served["azure-iothub-min-tls"] == ["hub-refuses-old-tls"]
    aws = [checks for guideline, checks in served.items() if guideline.startswith("aws-")]
    assert len(aws) == 75 and all(aws)


def test_the_aws_policy_is_one_that_aws_accepts_and_holds_reads_only() -> None:
    policy = json.loads(command("show", "permissions", "aws", "--format", "json").stdout)
    assert policy["Version"] == "2012-10-17"
    (statement,) = policy["Statement"]
    assert statement["Effect"] == "Allow" and statement["Resource"] == "*"
    assert statement["Action"] == sorted(set(statement["Action"]))
    report = "iam:GenerateServiceLastAccessedDetails"
    assert report in statement["Action"], "a report that IAM makes and that changes nothing"
    for action in set(statement["Action"]) - {report}:
        assert re.fullmatch(r"[a-z0-9-]+:(Get|List|Describe|Search)[A-Za-z0-9]+", action), action


def test_the_azure_role_is_a_custom_role_without_keys() -> None:
    role = json.loads(command("show", "permissions", "azure", "--format", "json").stdout)
    assert role["IsCustom"] and role["Actions"] and role["DataActions"]
    for action in role["Actions"] + role["DataActions"]:
        assert action.lower().endswith("/read"), action


def test_the_google_role_is_yaml_of_a_custom_role() -> None:
    import yaml

    role = yaml.safe_load(command("show", "permissions", "gcp").stdout)
    assert role["stage"] == "GA"
    assert all(re.fullmatch(r"[a-z]+\.[a-zA-Z]+\.(get|list|getIamPolicy)", p) for p in role["includedPermissions"])


def test_doctor_says_what_each_cloud_answers(lab: Lab, file: Path) -> None:
    rows = json.loads(command("doctor", "--settings", str(file), "--format", "json").stdout)
    states = {row["what"]: row["state"] for row in rows}
    assert states["clearblade"] == "ok"


def test_effective_settings_show_file_and_environment(tmp_path: Path) -> None:
    (tmp_path / "iotposture.toml").write_text("threads = 3\n[aws]\nregions = ['eu-west-1']\n")
    told = command("show", "settings", "--format", "json", cwd=tmp_path, IOTPOSTURE_THREADS="5")
    values = {row["setting"]: row["value"] for row in json.loads(told.stdout)}
    assert (values["threads"], values["aws.regions"]) == ("5", "['eu-west-1']")


def test_the_version_is_the_package_s() -> None:
    from importlib.metadata import version

    assert command("--version").stdout.strip() == version("iotposture")


def test_help_names_the_defaults_that_mean_something_and_no_others() -> None:
    told = " ".join(command("trend", "--help").stdout.split())
    assert "[default: 90d]" in told and '""' not in told and "False]" not in told
    assert "./iotposture-out/SCAN." in " ".join(command("scan", "--help").stdout.replace("│", " ").split())


@pytest.mark.parametrize(
    "words",
    [["show", "tables", "--format", "json"], ["show", "tables"], ["show", "check", "hub-refuses-old-tls"], ["--help"],
     ["waivers", "list", "--format", "csv"], ["show", "permissions", "aws"]],
    ids=" ".join,
)  # fmt: skip
def test_a_reader_that_stops_is_told_nothing(words: list[str], tmp_path: Path) -> None:
    with subprocess.Popen([COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as running:
        assert running.stdout and running.stderr
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == UNREAD


def test_a_reader_that_stops_in_the_middle_is_told_nothing() -> None:
    program = [COMMAND, "show", "tables", "--format", "json"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as running:  # 64 kB fit
        assert running.stdout and running.stderr
        running.stdout.read(10)
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == UNREAD


@pytest.mark.parametrize("format_", ["text", "json", "csv"])
def test_a_scan_that_nobody_reads_is_whole_and_keeps_its_verdict(
    format_: str, lab: Lab, tmp_path: Path, file: Path
) -> None:
    out = tmp_path / "out"
    program = [COMMAND, "scan", "--settings", str(file), "--out", str(out), "--quiet", "--fail-on", "critical", "--format", format_]  # fmt: skip
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout and running.stderr
        running.stdout.close()
        told = running.stderr.read().splitlines()
    assert running.returncode == GATE
    assert json.loads(told[-1])["exit"] == GATE and (out / "report.html").is_file()


def test_output_on_a_full_disk_is_exit_5() -> None:
    with Path("/dev/full").open("w") as full:
        told = subprocess.run([COMMAND, "show", "checks"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (told.returncode, told.stderr) == (NOT_WRITTEN, "not written: No space left on device\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp850"])
def test_what_an_encoding_has_no_character_for_is_a_question_mark_and_ends_no_verb(
    encoding: str, lab: Lab, tmp_path: Path, file: Path
) -> None:
    out, settings = str(tmp_path / "out"), ("--settings", str(file))
    for words, code in (
        (("scan", *settings, "--out", out), 0),
        (("trend", *settings, "--history", f"{out}/history.db"), 0),
        (("check", out, *settings, "--out", str(tmp_path / "again")), 0),
        (("show", "checks"), 0),
        (("show", "settings", *settings), 0),
        (("--help",), 0),
        (("show", "check", "zażółć…"), USAGE),
    ):
        told = subprocess.run(
            [COMMAND, *words], capture_output=True, timeout=120, check=False, cwd=tmp_path,
            env={**os.environ, "PYTHONIOENCODING": encoding},
        )  # fmt: skip
        said = told.stderr.decode(encoding)
        assert told.returncode == code, said
        assert "Traceback" not in said and "UnicodeEncodeError" not in said
        assert told.stdout.decode(encoding) or code
    assert said == "no check za?ó???; `iotposture show checks` lists them\n".replace(
        "ó", "?" if encoding == "ascii" else "ó"
    )


@pytest.mark.parametrize("format_", ["text", "json", "csv"])
def test_without_a_stdout_or_stderr_nothing_is_printed_and_nothing_breaks(format_: str) -> None:
    for closed, words, code in ((1, ["show", "tables", "--format", format_], 0), (2, ["show", "check", "x"], USAGE)):
        told = subprocess.run(["sh", "-c", f'"$0" "$@" {closed}>&-', COMMAND, *words], capture_output=True, check=False)
        assert (told.returncode, told.stdout, told.stderr) == (code, b"", b"")


def test_the_summary_is_the_last_line_of_a_scan_that_failed_too(lab: Lab, tmp_path: Path, file: Path) -> None:
    def last(*words: str, **env: str) -> tuple[int, dict[str, object]]:
        told = command("scan", "--fail-on", "high", "--quiet", *words, cwd=tmp_path, HOME=str(tmp_path), **env)
        return told.returncode, json.loads(told.stderr.splitlines()[-1])

    (tmp_path / "taken").write_text("")
    code, good = last("--settings", str(file), "--out", "good")
    assert code == good["exit"]
    for code, reason, (returned, said) in (
        (NOT_WRITTEN, "not written", last("--settings", str(file), "--out", "taken/out")),
        (UNREACHABLE, "no cloud can be scanned", last("--only", "aws", **NO_METADATA)),
    ):
        assert (returned, said["exit"], said["reason"], said["complete"]) == (code, code, reason, None)
        assert list(said) == list(good)


def test_the_command_line_takes_every_target_every_format_and_every_cloud() -> None:
    """They are written out where the help needs them before anything heavy is imported."""
    assert get_args(Target) == (*TARGETS, *FORMATS)
    assert get_args(Tracker) == tuple(name for name, profile in TARGETS.items() if profile.update != "snapshot")
    assert get_args(Cloud) == PROVIDERS
