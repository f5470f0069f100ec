"""`export --verify`: a file that its reader would refuse is one clear line, and what we write gives none."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import made_up
import pytest
from made_up_cases import changed, estate_cases, every_life

from reports.case import CaseReport
from reports.formats import asff, native_json, ocsf, sarif
from reports.formats.format import FormatOptions
from reports.formats.targets import FORMATS, write
from reports.formats.verify import verify
from reports.history import History
from reports.report import Report, records
from reports.tickets.export import TicketOptions, export
from reports.tickets.profile import TrackerSettings
from reports.tickets.targets import TARGETS
from reports.tickets.verify import verify as verify_tickets

ALL = FormatOptions("210987654321", "eu-west-1", resolved=True)
ID = re.compile(r"v1:[a-z2-7]{26}")
NOW = "2026-11-22T07:00:00Z"


@cache
def coverage() -> list[dict[str, Any]]:
    return [row._asdict() for row in records(made_up.report().coverage)]


def written(name: str, folder: Path, what: CaseReport | None = None, options: FormatOptions = ALL) -> Path:
    """A folder with the files of a format."""
    write(FORMATS[name], what or every_life(made_up.report()), coverage(), options, folder)
    return folder


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("report", [made_up.report, made_up.hostile, lambda: made_up.report([])])
def test_what_we_write_breaks_no_rule(name: str, report: Callable[[], Report], tmp_path: Path) -> None:
    assert verify(written(name, tmp_path, every_life(report())), FORMATS[name]) == []


# Broken by hand: what is changed in a file, and the line that says so.


def noted(folder: Path, name: str) -> None:
    """The manifest is made to fit the bytes of a file, so that only what stands in it is wrong."""
    (manifest,) = folder.glob("*.manifest.json")
    held = json.loads(manifest.read_text())
    for file in held["files"]:
        if file["name"] == name:
            file["sha256"] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    manifest.write_text(json.dumps(held))


def broken(folder: Path, name: str, path: str, value: Any) -> None:
    """Changes, adds or, with None, takes out one value of a file."""
    held = changed(json.loads((folder / name).read_text()), path, value)
    (folder / name).write_text(json.dumps(held) + "\n")
    noted(folder, name)


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("0.time", 1795327471, "row 1: time: 1795327471; 1000000000000 is the least"),
        ("0.finding_info.last_seen_time", 1795327471 * 10**6, "row 1: finding_info.last_seen_time: 1795327471000000; 10000000000000 is the most"),
        ("0.time", "2026-11-22T06:04:31Z", "row 1: time: '2026-11-22T06:04:31Z' is no integer"),
        ("1.colour", "red", "row 2: Additional properties are not allowed ('colour' was unexpected)"),
        ("1.resources.0.arn", "x", "row 2: resources[0]: Additional properties are not allowed ('arn' was unexpected)"),
        ("1.time_dt", "2026-11-22T06:04:31Z", "row 2: Additional properties are not allowed ('time_dt' was unexpected)"),
        ("1.resource", {"uid": "x"}, "row 2: Additional properties are not allowed ('resource' was unexpected)"),
        ("1.compliance.status_detail", "x", "row 2: compliance: Additional properties are not allowed ('status_detail' was unexpected)"),
        ("1.compliance.compliance_standards", [], "row 2: compliance: Additional properties are not allowed ('compliance_standards' was unexpected)"),
        ("0.finding_info.uid", None, "row 1: finding_info: 'uid' is a required property"),
        ("0.cloud", None, "row 1: 'cloud' is a required property"),
        ("0.metadata.version", "1.6.0", "row 1: metadata.version: '1.6.0'; allowed: 1.5.0"),
        ("0.compliance.status_id", 4, "row 1: compliance.status_id: 4; allowed: 0, 1, 2, 3, 99"),
        ("0.status", "Open", "row 1: status: 'Open'; allowed: Suppressed"),
        ("0.severity_id", "high", "row 1: severity_id: 'high'; allowed: 0, 1, 2, 3, 4, 5, 6, 99"),
        ("0.activity_name", "Update", "row 1: activity_name: 'Update'; allowed: Create"),
        ("0.resources.0", {"type": "hub"}, "row 1: resources[0]: needs one of: name, uid"),
        ("0.type_uid", 200302, "row 1: type_name: 'Compliance Finding: Create'; allowed: Compliance Finding: Update"),
        ("0.type_name", None, "findings.ocsf.ndjson: row 1 is not that of findings.ocsf.json"),
    ],
)  # fmt: skip
def test_an_ocsf_event_that_breaks_the_schema_is_one_line(path: str, value: Any, line: str, tmp_path: Path) -> None:
    folder = written("ocsf", tmp_path)
    broken(folder, "findings.ocsf.json", path, value)
    assert verify(folder, FORMATS["ocsf"]) == [line if ".ndjson" in line else f"findings.ocsf.json: {line}"]


def test_an_event_whose_numbers_do_not_fit_each_other_is_one_line(tmp_path: Path) -> None:
    folder = written("ocsf", tmp_path)
    events = json.loads((folder / ocsf.ARRAY).read_text())
    events[0] |= {"type_uid": 200303, "type_name": "Compliance Finding: Close"}
    events[1]["finding_info"]["uid"] = uid = events[0]["finding_info"]["uid"]
    (folder / ocsf.ARRAY).write_text(json.dumps(events) + "\n")
    (folder / ocsf.LINES).write_text("".join(f"{json.dumps(one)}\n" for one in events))
    noted(folder, ocsf.ARRAY)
    noted(folder, ocsf.LINES)
    assert verify(folder, FORMATS["ocsf"]) == [
        f"findings.ocsf.json: row 2: {uid} stands there twice",
        "findings.ocsf.json: row 1: type_uid: 200303; 200301 is what fits activity_id",
    ]


def test_a_rule_that_every_row_breaks_is_one_line_too(tmp_path: Path) -> None:
    what = every_life(made_up.report(scan_completed_at="1970-01-21T18:42:07Z"))
    told = verify(written("ocsf", tmp_path, what), FORMATS["ocsf"])
    assert told == ["findings.ocsf.json: row 1: time: 1795327000; 1000000000000 is the least (and 39 more like it)"]


@pytest.mark.parametrize(
    ("cut", "line"),
    [
        (lambda text: text[:-1], "findings.ocsf.ndjson: the last line does not end"),
        (lambda text: text.split("\n", 1)[1], "findings.ocsf.ndjson: 39 rows; the manifest says 40"),
        (lambda text: text.replace("{", "", 1), "findings.ocsf.ndjson: row 1: not JSON: Extra data"),
        (lambda text: text.replace('"timezone_offset": 0', '"timezone_offset": NaN', 1), "findings.ocsf.ndjson: row 1: not JSON: NaN is no number"),
        (lambda text: text.replace("hub", "h\u00fcb", 1), "findings.ocsf.ndjson: byte "),
    ],
)  # fmt: skip
def test_lines_that_are_not_whole_are_one_line(cut: Callable[[str], str], line: str, tmp_path: Path) -> None:
    folder = written("ocsf", tmp_path)
    file = folder / ocsf.LINES
    file.write_text(cut(file.read_text()), encoding="utf-8")
    noted(folder, ocsf.LINES)
    (told,) = verify(folder, FORMATS["ocsf"])
    assert told.startswith(line)


HOME = "asff-123456789012-eu-central-1-1.json"


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("0.Title", "x" * 257, "row 1: Title: 257 characters; 256 is the most"),
        ("0.Description", "x" * 1025, "row 1: Description: 1025 characters; 1024 is the most"),
        ("0.Description", " ", "row 1: Description: ' ' does not fit \\S"),
        ("0.GeneratorId", "x" * 513, "row 1: GeneratorId: 513 characters; 512 is the most"),
        ("0.Resources.0.Id", "x" * 513, "row 1: Resources[0].Id: 513 characters; 512 is the most"),
        ("0.Resources.0.Details.Other.actual", "x" * 1024, "row 1: Resources[0].Details.Other.actual: 1024 characters; 1023 is the most"),
        ("0.Resources", [], "row 1: Resources: 0 of them; 1 is the least"),
        ("0.CreatedAt", "2026-11-22", "row 1: CreatedAt: '2026-11-22' does not fit"),
        ("0.CreatedAt", "2026-11-31T06:00:00Z", "row 1: CreatedAt: 2026-11-31T06:00:00Z is no time"),
        ("0.CreatedAt", "2026-12-01T06:00:00Z", "row 1: UpdatedAt: 2026-11-22T06:04:31Z is not the last of its times"),
        ("0.Workflow", {"Status": "NEW"}, "row 1: Additional properties are not allowed ('Workflow' was unexpected)"),
        ("0.Severity", {"Label": "HIGH"}, "row 1: Additional properties are not allowed ('Severity' was unexpected)"),
        ("0.Compliance.Status", "UNKNOWN", "row 1: Compliance.Status: 'UNKNOWN'; allowed: PASSED, WARNING, FAILED, NOT_AVAILABLE"),
        ("0.FindingProviderFields.Severity.Label", "SEVERE", "row 1: FindingProviderFields.Severity.Label: 'SEVERE'; allowed: INFORMATIONAL"),
        ("0.FindingProviderFields.Types", ["Posture"], "row 1: FindingProviderFields.Types[0]: 'Posture' does not fit"),
        ("0.AwsAccountId", "1234", "row 1: AwsAccountId: '1234' does not fit"),
        ("0.AwsAccountId", "210987654321", "row 1: is of 210987654321 eu-central-1, the file is not"),
        ("0.ProductArn", "arn:aws:securityhub:eu-west-1:123456789012:product/123456789012/default", "row 1: ProductArn: arn:aws:securityhub:eu-west-1"),
        ("0.ProductArn", "arn:aws:iot:eu-central-1:123456789012:thing/x", "row 1: ProductArn: 'arn:aws:iot"),
        ("0.Id", "prowler-1", "row 1: Id: 'prowler-1' does not fit ^v1:"),
        ("0.ProductFields", {f"iotposture/{n}": "x" for n in range(51)}, "row 1: ProductFields: 51 keys; 50 is the most"),
    ],
)  # fmt: skip
def test_a_security_hub_finding_that_it_refuses_is_one_line(path: str, value: Any, line: str, tmp_path: Path) -> None:
    folder = written("asff", tmp_path)
    broken(folder, HOME, path, value)
    assert verify(folder, FORMATS["asff"])[0].startswith(f"{HOME}: {line}")


def test_batches_that_are_too_big_or_name_a_finding_twice_are_one_line_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written("asff", tmp_path)
    rows = json.loads((folder / HOME).read_text())
    broken(folder, HOME, "1.Id", rows[0]["Id"])
    monkeypatch.setattr(asff, "BATCH", 2)
    monkeypatch.setattr(asff, "BATCH_BYTES", 10_000)
    monkeypatch.setattr(asff, "FINDING_BYTES", 1_000)
    told = verify(folder, FORMATS["asff"])
    assert told[0] == f"{HOME}: row 2: {rows[0]['Id']} stands there twice"
    assert f"{HOME}: {len(rows)} findings; 2 is the most" in told
    assert any(re.fullmatch(rf"{HOME}: \d+ bytes; 10000 is the most", line) for line in told)
    assert any(re.fullmatch(rf"{HOME}: row 1: \d+ bytes; 1000 is the most", line) for line in told)


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("version", "2.0.0", "version: '2.0.0'; allowed: 2.1.0"),
        ("runs.0.results.3.kind", "failed", "runs[0].results[3].kind: 'failed'; allowed: notApplicable, pass, fail"),
        ("runs.0.results.3.colour", "x", "runs[0].results[3]: Additional properties are not allowed ('colour' was unexpected)"),
        ("runs.0.results.0.message", None, "runs[0].results[0]: 'message' is a required property"),
        ("runs.0.results.0.ruleIndex", 3, "runs[0].results[0]: ruleIndex: 3 is not the place of policy-allows-no-wildcard"),
        ("runs.0.results.0.partialFingerprints", None, "runs[0].results[0]: partialFingerprints: None is not the finding's id"),
        ("runs.0.results.0.fingerprints", {"iotposture/v1": "x"}, "runs[0].results[0]: 'x' is no id of a finding; one is v1:[a-z2-7]{26}"),
        ("runs.0.results.0.partialFingerprints.primaryLocationLineHash", "x", "runs[0].results[0]: partialFingerprints: x is not the finding's id"),
        ("runs.0.results.0.locations", [], "runs[0].results[0]: 0 locations; 1 to 1000 is allowed"),
        ("runs.0.results.0.kind", "open", "runs[0].results[0]: level: error; none is what goes with open"),
        ("runs.0.results.0.locations.0.physicalLocation.artifactLocation.uri", "../../etc/passwd", "runs[0].results[0]: ../../etc/passwd is no relative URI that leads nowhere"),
        ("runs.0.results.0.suppressions.0.status", "approved", "runs[0].results[0].suppressions[0].status: 'approved'; allowed: accepted"),
        ("runs.0.results.0.baselineState", "fixed", "runs[0].results[0].baselineState: 'fixed'; allowed: new, unchanged, updated, absent"),
        ("runs.0.results.0.taxa.0.id", "9.9.9", "runs[0].results[0]: ISVS 9.9.9 is in no taxonomy of the run"),
        ("runs.0.tool.driver.rules.0.relationships.0.target.id", "9", "runs[0].tool.driver.rules[0]: ISVS 9 is in no taxonomy of the run"),
        ("runs.0.tool.driver.rules.0.properties.tags", [str(n) for n in range(21)], "runs[0].tool.driver.rules[0]: 21 tags; 20 is the most"),
        ("runs.0.taxonomies", None, "runs[0].tool.driver.rules[0]: ISVS 4.1.2 is in no taxonomy of the run"),
    ],
)  # fmt: skip
def test_a_sarif_log_that_is_refused_is_one_line(path: str, value: Any, line: str, tmp_path: Path) -> None:
    folder = written("sarif", tmp_path)
    broken(folder, "findings.sarif", path, value)
    assert verify(folder, FORMATS["sarif"])[0].startswith(f"findings.sarif: {line}")


def test_limits_of_github_are_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = written("sarif", tmp_path)
    for name, most in (("RUNS", 0), ("RESULTS", 39), ("RULES", 5), ("PACKED", 100)):
        monkeypatch.setattr(sarif, name, most)
    told = verify(folder, FORMATS["sarif"])
    assert re.fullmatch(r"findings\.sarif: \d+ bytes after gzip; 100 is the most", told[0])
    assert told[1:] == [
        "findings.sarif: 1 runs; 0 is the most",
        "findings.sarif: runs[0]: 40 results; 39 is the most",
        "findings.sarif: runs[0]: 13 rules; 5 is the most",
    ]


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("cases.0.first_seen", "2026-10-01", "cases[0].first_seen: '2026-10-01' does not fit"),
        ("cases.0.lifecycle", "fixed", "cases[0].lifecycle: 'fixed'; allowed: new, open, reopened, resolved, dark"),
        ("cases.0.colour", "x", "cases[0]: Additional properties are not allowed ('colour' was unexpected)"),
        ("cases.0", None, "39 rows; the manifest says 40"),
        ("docket_version", "2", "docket_version: '2'; allowed: 1"),
    ],
)
def test_a_docket_that_breaks_its_schema_is_one_line(path: str, value: Any, line: str, tmp_path: Path) -> None:
    folder = written("json", tmp_path)
    broken(folder, "docket.json", path, value)
    (told,) = verify(folder, FORMATS["json"])
    assert told.startswith(f"docket.json: {line}")


def test_a_case_that_stands_there_twice_is_one_line(tmp_path: Path) -> None:
    what = every_life(made_up.report())
    folder = written("json", tmp_path, CaseReport(what.about, (*what.cases, what.cases[0])))
    assert verify(folder, FORMATS["json"]) == [
        f"docket.json: case 41: {what.cases[0].finding.finding_id} stands there twice"
    ]
    assert native_json.VERSION == json.loads((folder / "docket.json").read_text())["docket_version"]


@pytest.mark.parametrize("name", FORMATS)
def test_bytes_that_changed_and_files_that_are_gone_or_foreign_are_one_line_each(name: str, tmp_path: Path) -> None:
    folder = written(name, tmp_path)
    first = json.loads((folder / f"{name}.manifest.json").read_text())["files"][0]["name"]
    data = (folder / first).read_bytes()
    (folder / first).write_bytes(data + b"\n")
    assert verify(folder, FORMATS[name])[0] == f"{first}: not the bytes that the manifest names"
    (folder / first).unlink()
    assert verify(folder, FORMATS[name])[0] == f"{first}: No such file or directory"
    (folder / first).write_bytes(data)
    assert verify(folder, FORMATS[name]) == []
    if "*" in FORMATS[name].own:
        foreign = FORMATS[name].own.replace("*", "older-")
        (folder / foreign).write_bytes(data)
        assert verify(folder, FORMATS[name]) == [f"{foreign}: stands not in the manifest"]
    (folder / f"{name}.manifest.json").write_text("{}")
    assert verify(folder, FORMATS[name]) == [f"{name}.manifest.json: no manifest: KeyError 'files'"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_manifest_says_what_was_written_and_how_much_was_read(name: str, tmp_path: Path) -> None:
    what = every_life(made_up.report(scan_complete="false", coverage_pct="61.0"))
    held = json.loads((written(name, tmp_path, what) / f"{name}.manifest.json").read_text())
    assert (held["format"], held["complete"], held["coverage_pct"]) == (name, False, "61.0")
    assert held["counts"] == {life: 8 for life in ("dark", "new", "open", "reopened", "resolved")}
    for file in held["files"]:
        data = (tmp_path / file["name"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    rows = sum(file["rows"] for file in held["files"])
    assert rows == {"ocsf": 80}.get(name, 40)


def test_partitions_are_those_of_the_region() -> None:
    (one, *_) = (case for case in every_life(made_up.report()).cases if case.finding.provider == "aws")
    for region, partition in (("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-1", "aws")):
        held = CaseReport(made_up.ABOUT_SCAN, (replace(one, finding=one.finding._replace(region=region)),))
        (file,) = asff.files(held, [], ALL)
        (row,) = json.loads("".join(file.text))
        assert row["ProductArn"].startswith(f"arn:{partition}:securityhub:{region}:")
        assert row["Resources"][0]["Partition"] == partition


def test_frameworks_are_taxonomies_and_their_requirements_taxa(tmp_path: Path) -> None:
    (run,) = json.loads((written("sarif", tmp_path) / "findings.sarif").read_text())["runs"]
    assert [(one["name"], [each["id"] for each in one["taxa"]]) for one in run["taxonomies"]] == [
        ("ETSI-EN-303-645", ["5.5-1"]),
        ("ISVS", ["4.1.2"]),
    ]
    etsi, isvs = run["taxonomies"]
    assert isvs["taxa"][0]["helpUri"].startswith("https://github.com/OWASP/") and isvs["taxa"][0]["shortDescription"]
    assert run["tool"]["driver"]["supportedTaxonomies"] == [
        {"name": one["name"], "guid": one["guid"]} for one in (etsi, isvs)
    ]
    references = [
        {"id": "4.1.2", "toolComponent": {"name": "ISVS", "guid": isvs["guid"]}},
        {"id": "5.5-1", "toolComponent": {"name": "ETSI-EN-303-645", "guid": etsi["guid"]}},
    ]
    assert all(result["taxa"] == references for result in run["results"])
    for rule in run["tool"]["driver"]["rules"]:
        assert rule["relationships"] == [{"target": one, "kinds": ["relevant"]} for one in references]


def test_a_rule_answers_to_the_controls_of_all_its_findings_and_a_result_to_its_own(tmp_path: Path) -> None:
    one = every_life(made_up.report()).cases[0]
    cases = tuple(
        replace(one, finding=one.finding._replace(controls=controls, finding_id=f"v1:{letter * 26}"))
        for controls, letter in (("ISVS 4.1.2", "a"), ("MYOWN X 9|ISVS 4.1.2", "b"), ("", "c"))
    )
    folder = written("sarif", tmp_path, CaseReport(made_up.ABOUT_SCAN, cases))
    (run,) = json.loads((folder / "findings.sarif").read_text())["runs"]
    assert [[each["id"] for each in result.get("taxa", [])] for result in run["results"]] == [
        ["4.1.2"],
        ["9", "4.1.2"],
        [],
    ]
    (rule,) = run["tool"]["driver"]["rules"]
    assert [each["target"]["id"] for each in rule["relationships"]] == ["4.1.2", "9"]
    assert [each["name"] for each in run["taxonomies"]] == ["ISVS", "MYOWN X"]
    assert verify(folder, FORMATS["sarif"]) == []


# One finding, one id.


@pytest.mark.parametrize("name", [*FORMATS, *TARGETS])
def test_a_finding_has_one_id_in_every_format_and_for_every_tracker(name: str, tmp_path: Path) -> None:
    what = estate_cases()
    ids = {case.finding.finding_id for case in what.cases}
    if name in FORMATS:
        written(name, tmp_path, what)
    else:
        with History.open(str(tmp_path / "history.db")) as history:
            wish = TicketOptions(("all",), include_unknown=True, include_waived=True)
            export(what, TARGETS[name], tmp_path, history.ledger(), NOW, wish, TrackerSettings())
        assert verify_tickets(tmp_path, TARGETS[name]) == []
    files = json.loads((tmp_path / f"{name}.manifest.json").read_text())["files"]
    found = {id_ for file in files for id_ in ID.findall((tmp_path / file["name"]).read_text(encoding="utf-8"))}
    judged = {case.finding.finding_id for case in what.cases if case.finding.status == "fail"}
    assert found == ids or (name in TARGETS and TARGETS[name].update != "snapshot" and found == judged)
