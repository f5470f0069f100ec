"""Interchange formats: what other programs are given is what their validators take, and nothing in it is made up."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import jsonschema
import made_up
import pytest
from botocore.validate import ParamValidator
from made_up_cases import changed, every_life
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
from pydantic import ValidationError

from checks.finding import COUNTS, Finding
from collectors.schema import COVERAGE
from flows.cli import app
from reports.case import Case, CaseReport, Lifecycle
from reports.findings_json import findings_json
from reports.formats import asff, ocsf, sarif
from reports.formats.format import FormatOptions, without_empty
from reports.formats.native_json import LIFE
from reports.formats.targets import FORMATS, write
from reports.report import ABOUT, Report, records

PUBLISHED = Path(__file__).parent.parent / "reports" / "formats"
ALL = FormatOptions("210987654321", "eu-west-1", resolved=True)


@cache
def estate() -> Report:
    return made_up.report()


@cache
def hostile() -> Report:
    return made_up.hostile()


@cache
def nothing() -> Report:
    return made_up.report([])


@cache
def case_report(report: Report | None = None) -> CaseReport:
    return every_life(report or estate())


@cache
def coverage(report: Report | None = None) -> list[dict[str, Any]]:
    return [row._asdict() for row in records((report or estate()).coverage)]


@cache
def texts(name: str, report: Report | None = None, options: FormatOptions = ALL) -> dict[str, str]:
    found = FORMATS[name].files(case_report(report), coverage(report), options)
    return {file.name: "".join(file.text) for file in found}


def events(report: Report | None = None) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads(texts("ocsf", report)["findings.ocsf.json"])
    return made


def imports(report: Report | None = None, options: FormatOptions = ALL) -> list[dict[str, Any]]:
    return [row for text in texts("asff", report, options).values() for row in json.loads(text)]


def log(report: Report | None = None, options: FormatOptions = ALL) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(texts("sarif", report, options)["findings.sarif"])
    return made


def case(**changes: Any) -> Case:
    return replace(case_report().cases[0], waiver="", waiver_kind="", **changes)


# The validators.


def schema(name: str) -> dict[str, Any]:
    """A schema of the package."""
    held: dict[str, Any] = json.loads((PUBLISHED / f"{name}.schema.json").read_text(encoding="utf-8"))
    return held


@cache
def validator(name: str) -> Any:
    kind = jsonschema.validators.validator_for(schema(name))
    kind.check_schema(schema(name))
    return kind(schema(name), format_checker=kind.FORMAT_CHECKER)


def held_against(name: str, made: Any) -> list[str]:
    """What a schema of the package refuses."""
    return [error.message for error in validator(name).iter_errors(made)]


OCSF_WRITTEN = (
    "compliance.control", "compliance.standards", "compliance.status", "compliance.status_id", "finding_info.title",
    "message", "metadata.product.vendor_name", "resources", "status_id", "timezone_offset",
)  # fmt: skip
"""What OCSF recommends of this class, and every event has."""
OCSF_TIMES = ("first_seen_time", "last_seen_time", "created_time", "modified_time")


def at(made: Any, path: str) -> Any:
    """What stands at a path; None if nothing does."""
    for key in path.split("."):
        made = made.get(key) if isinstance(made, dict) else None
    return made


def ocsf_problems(event: dict[str, Any]) -> list[str]:
    """What the schema derived from OCSF refuses and the models of py-ocsf-models do, what is missing, and wrong times."""
    found = held_against("ocsf", event)
    try:
        ComplianceFinding.model_validate(event)
    except ValidationError as error:
        found += [str(one) for one in error.errors()]
    if event.get("type_uid") != 200300 + event.get("activity_id", 0):
        found.append("type_uid does not fit")
    found += [f"has no {path}" for path in OCSF_WRITTEN if not isinstance(at(event, path), str | int | list)]
    times = [event.get("time"), *(at(event, f"finding_info.{name}") for name in OCSF_TIMES)]
    found += [f"{time} is no time in milliseconds" for time in times if not isinstance(time, int) or not 10**12 < time < 10**13]  # fmt: skip
    return found


ASFF_LIMITS = {"Title": 256, "Description": 1024, "GeneratorId": 512, "Id": 512, "ProductName": 128, "CompanyName": 128}
ASFF_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@cache
def asff_shape() -> Any:
    model = botocore.session.Session().get_service_model("securityhub")
    return model.operation_model("BatchImportFindings").input_shape


def asff_problems(row: dict[str, Any]) -> list[str]:
    """What the model of the API says, and what it does not check: enumerations, lengths, dates."""
    report = ParamValidator().validate({"Findings": [row]}, asff_shape())
    found = [report.generate_report()] if report.has_errors() else []
    found += [f"{key} is too long" for key, limit in ASFF_LIMITS.items() if not 0 < len(str(row.get(key, ""))) <= limit]
    stamps = [key for key in ("CreatedAt", "UpdatedAt", "FirstObservedAt", "LastObservedAt") if key in row]
    found += [f"{key} is no time" for key in stamps if not ASFF_STAMP.fullmatch(str(row[key]))]
    allowed = {
        "RecordState": ({"ACTIVE", "ARCHIVED"}, row.get("RecordState")),
        "Compliance.Status": ({"PASSED", "WARNING", "FAILED", "NOT_AVAILABLE"}, row.get("Compliance", {}).get("Status")),
        "Severity.Label": (
            {"INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"},
            row.get("FindingProviderFields", {}).get("Severity", {}).get("Label"),
        ),
        "SchemaVersion": ({"2018-10-08"}, row.get("SchemaVersion")),
    }  # fmt: skip
    found += [f"{key}: {value}" for key, (values, value) in allowed.items() if value not in values]
    fields_ = row.get("ProductFields", {})
    if len(fields_) > 50 or any(len(key) > 128 or not 0 < len(value) <= 2048 for key, value in fields_.items()):
        found.append("ProductFields is too large")
    found += [f"{key} is not the provider's" for key in ("Workflow", "Note", "VerificationState", "UserDefinedFields", "Severity") if key in row]  # fmt: skip
    if not re.fullmatch(r"\d{12}", str(row.get("AwsAccountId"))):
        found.append("AwsAccountId is none")
    arn = f"arn:aws:securityhub:{row.get('Region')}:{row.get('AwsAccountId')}:product/{row.get('AwsAccountId')}/default"
    if row.get("ProductArn") != arn:
        found.append("ProductArn does not fit")
    for resource in row.get("Resources", []):
        if not 0 < len(resource.get("Id", "")) <= 512:
            found.append("Resource.Id is too long")
    if len(json.dumps(row)) > 240_000:
        found.append("is too large")
    return found


def sarif_problems(made: dict[str, Any]) -> list[str]:
    """What the schema of OASIS says, and what GitHub demands beyond it."""
    found = held_against("sarif", made)
    for run in made["runs"]:
        rules = run["tool"]["driver"]["rules"]
        if len(run["results"]) > 25_000 or len(rules) > 25_000:
            found.append("too many")
        found += ["too many tags" for rule in rules if len(rule["properties"]["tags"]) > 20]
        for result in run["results"]:
            if rules[result["ruleIndex"]]["id"] != result["ruleId"]:
                found.append("ruleIndex does not fit")
            if result["kind"] != "fail" and result["level"] != "none":
                found.append("a level without a failure")
            uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            if not re.fullmatch(r"[A-Za-z0-9_~%-]+(/[A-Za-z0-9_~%-]+)+", uri):
                found.append(f"{uri} leads somewhere")
            if not result.get("partialFingerprints", {}).get("primaryLocationLineHash"):
                found.append("no fingerprint")
    return found


def findings_document(report: Report, tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "findings.json"
    with path.open("w", encoding="utf-8") as out:
        findings_json(report, out)
    made: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return made


@pytest.mark.parametrize("report", [estate, hostile, nothing], ids=["estate", "hostile", "nothing"])
def test_every_format_is_what_its_validator_takes(report: Callable[[], Report], tmp_path: Path) -> None:
    made = report()
    assert [problem for event in events(made) for problem in ocsf_problems(event)] == []
    assert [problem for row in imports(made) for problem in asff_problems(row)] == []
    assert sarif_problems(log(made)) == []
    assert held_against("docket", json.loads(texts("json", made)["docket.json"])) == []
    assert held_against("findings", findings_document(made, tmp_path)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("time", 1795327471), ("finding_info.first_seen_time", 1795327471), ("time", "2026-11-22T06:04:31Z"),
        ("finding_info.uid", None), ("metadata.product", None), ("metadata.version", None), ("cloud.provider", None),
        ("compliance.standards", None), ("activity_id", 7), ("type_uid", 200401), ("status_id", 44), ("colour", "red"),
        ("finding_info.colour", "red"), ("compliance.status_detail", "x"), ("resources.0.arn", "x"),
        ("compliance.status_id", 4), ("severity_id", "high"),
    ],
)  # fmt: skip
def test_the_ocsf_validator_catches(path: str, value: Any) -> None:
    event = events()[0]
    assert ocsf_problems(event) == []
    assert ocsf_problems(changed(event, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Title", "x" * 257), ("Description", ""), ("CreatedAt", "2026-11-22"), ("UpdatedAt", 1795327471), ("Colour", "x"),
        ("Resources.0.Colour", "x"), ("Resources.0.Type", None), ("Id", None), ("RecordState", "GONE"), ("ProductArn", "arn:x"),
        ("Compliance.Status", "UNKNOWN"), ("FindingProviderFields.Severity.Label", "BAD"), ("Workflow", {"Status": "NEW"}),
        ("AwsAccountId", "field-telemetry"), ("Resources.0.Id", "x" * 513), ("ProductFields.x", "y" * 2049),
    ],
)  # fmt: skip
def test_the_asff_validator_catches(path: str, value: Any) -> None:
    row = imports()[0]
    assert asff_problems(row) == []
    assert asff_problems(changed(row, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", "2.0.0"), ("runs.0.colour", "x"), ("runs.0.results.0.colour", "x"), ("runs.0.results.0.message", None),
        ("runs.0.results.0.kind", "failed"), ("runs.0.results.0.baselineState", "fixed"), ("runs.0.tool.driver.name", None),
        ("runs.0.results.0.ruleIndex", 3), ("runs.0.results.0.suppressions.0.status", "approved"),
        ("runs.0.results.0.suppressions.0.guid", "W-1"), ("runs.0.invocations.0.executionSuccessful", "true"),
        ("runs.0.results.0.locations.0.physicalLocation.artifactLocation.uri", "../../etc/passwd"),
        ("runs.0.results.0.partialFingerprints", None), ("runs.0.tool.driver.rules.0.properties.tags", ["x"] * 21),
    ],
)  # fmt: skip
def test_the_sarif_validator_catches(path: str, value: Any) -> None:
    made = log()
    assert sarif_problems(changed(made, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("cases.0.colour", "x"), ("cases.0.finding_id", "prowler-1"), ("cases.0.lifecycle", "fixed"), ("about.scan_id", None),
        ("cases.0.first_seen", "2026-10-01"), ("cases.0.age_days", -1), ("cases.0.waiver_kind", "mute"), ("docket_version", "2"),
        ("cases.0.owner", None), ("coverage.0.outcome", "ok"), ("cases.0.status", "pass"),
    ],
)  # fmt: skip
def test_the_published_schema_catches(path: str, value: Any) -> None:
    made = json.loads(texts("json")["docket.json"])
    assert held_against("docket", made) == []
    assert held_against("docket", changed(made, path, value))


def test_the_published_schemas_name_every_key_there_is() -> None:
    schemas = {name: schema(name) for name in ("findings", "docket")}

    def keys(name: str, part: str) -> list[str]:
        held = schemas[name]["properties"][part]
        return list(held.get("items", held)["properties"])

    assert LIFE == tuple(field.name for field in fields(Case))[1:]
    assert keys("docket", "cases") == [*Finding._fields, *LIFE]
    assert keys("findings", "findings") == list(Finding._fields)
    assert keys("findings", "counts") == list(COUNTS)
    for name in schemas:
        assert keys(name, "about") == list(ABOUT)
        assert keys(name, "coverage") == list(COVERAGE)


@pytest.mark.parametrize("name", ["findings", "docket"])
def test_a_schema_is_printed_as_it_stands(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    app(["show", "schema", name], exit_on_error=False)
    assert capsys.readouterr().out == (PUBLISHED / f"{name}.schema.json").read_text()


def test_a_finding_has_the_same_id_everywhere() -> None:
    ids = [case.finding.finding_id for case in case_report().cases]
    assert len(set(ids)) == len(ids)
    assert [event["finding_info"]["uid"] for event in events()] == ids
    assert [
        json.loads(line)["finding_info"]["uid"] for line in texts("ocsf")["findings.ocsf.ndjson"].splitlines()
    ] == ids
    assert sorted(row["Id"] for row in imports()) == sorted(ids)
    results = log()["runs"][0]["results"]
    assert [result["partialFingerprints"]["primaryLocationLineHash"] for result in results] == ids
    assert [row["finding_id"] for row in json.loads(texts("json")["docket.json"])["cases"]] == ids


@pytest.mark.parametrize(
    ("life", "status", "ocsf_says", "asff_says", "sarif_says"),
    [
        ("new", "fail", (1, 3), ("FAILED", "ACTIVE"), ("fail", "error", "new")),
        ("open", "fail", (2, 3), ("FAILED", "ACTIVE"), ("fail", "error", "unchanged")),
        ("reopened", "fail", (2, 3), ("FAILED", "ACTIVE"), ("fail", "error", "new")),
        ("open", "unknown", (2, 2), ("NOT_AVAILABLE", "ACTIVE"), ("open", "none", "unchanged")),
        ("dark", "unknown", (2, 2), ("NOT_AVAILABLE", "ACTIVE"), ("open", "none", "updated")),
        ("resolved", "fail", (3, 1), ("PASSED", "ARCHIVED"), ("fail", "error", "absent")),
    ],
)
def test_what_nobody_could_judge_is_neither_pass_nor_failure(
    life: Lifecycle,
    status: str,
    ocsf_says: tuple[int, int],
    asff_says: tuple[str, str],
    sarif_says: tuple[str, str, str],
) -> None:
    one = case(lifecycle=life, changed=False)
    held = CaseReport(made_up.ABOUT_SCAN, (replace(one, finding=one.finding._replace(status=status, severity="high")),))
    (event,) = json.loads("".join(next(iter(ocsf.files(held, [], ALL))).text))
    assert (event["activity_id"], event["compliance"]["status_id"]) == ocsf_says
    (row,) = json.loads("".join(next(iter(asff.files(held, [], ALL))).text))
    assert (row["Compliance"]["Status"], row["RecordState"]) == asff_says
    (result,) = json.loads("".join(next(iter(sarif.files(held, [], ALL))).text))["runs"][0]["results"]
    assert (result["kind"], result["level"], result["baselineState"]) == sarif_says


def test_a_waiver_is_told_and_changes_no_status() -> None:
    waived = [one.finding for one in case_report().cases if one.waiver]
    ids = {finding.finding_id for finding in waived}
    assert len(ids) > 5
    statuses = {"fail": (3, "FAILED"), "unknown": (2, "NOT_AVAILABLE")}
    expected = {finding.finding_id: statuses[finding.status] for finding in waived}
    for event in events():
        if (one := event["finding_info"]["uid"]) in ids:
            assert (event["status"], event["compliance"]["status_id"]) == ("Suppressed", expected[one][0])
            assert event["unmapped"]["waiver"] == "W-1"
    for row in imports():
        if row["Id"] in ids:
            assert row["Compliance"]["Status"] == expected[row["Id"]][1]
            assert row["ProductFields"]["iotposture/WaiverExpiresOn"] == "2026-12-01"
    results = log()["runs"][0]["results"]
    suppressed = {r["fingerprints"]["iotposture/v1"]: r["suppressions"] for r in results if "suppressions" in r}
    assert set(suppressed) == ids
    assert {one["justification"] for held in suppressed.values() for one in held} == {
        "W-1: risk_accepted, until 2026-12-01"
    }


def test_tags_are_those_of_the_resource_in_ocsf_and_security_hub() -> None:
    (ocsf,) = [r["tags"] for e in events() for r in e["resources"] if "tags" in r]
    assert ocsf == [{"name": "site", "value": "south"}, {"name": "team", "value": "pumps"}]
    (asff,) = [r["Tags"] for row in imports() for r in row["Resources"] if "Tags" in r]
    assert asff == {"site": "south", "team": "pumps"}


def test_times_are_those_of_the_finding_not_of_the_run() -> None:
    event, row = events()[0], imports()[0]
    assert event["finding_info"]["first_seen_time"] == datetime.fromisoformat("2026-10-01T06:00:00Z").timestamp() * 1000
    assert event["time"] == datetime.fromisoformat("2026-11-22T06:04:31Z").timestamp() * 1000
    assert (row["CreatedAt"], row["UpdatedAt"]) == ("2026-10-01T06:00:00Z", "2026-11-22T06:04:31Z")


def test_a_security_hub_batch_goes_to_one_account_and_region() -> None:
    made = texts("asff", options=FormatOptions())
    assert sorted(made) == ["asff-123456789012-eu-central-1-1.json", "asff-123456789012-us-east-1-1.json"]
    for name, text in made.items():
        for row in json.loads(text):
            assert f"asff-{row['AwsAccountId']}-{row['Region']}-1.json" == name
            assert row["ProductFields"]["iotposture/Provider"] == "aws"
    assert len(imports(options=ALL)) == len(case_report().cases)
    assert texts("asff", nothing()) == {"asff-none.json": "[]\n"}


def test_an_aws_finding_without_a_region_goes_where_the_options_say() -> None:
    one = case(lifecycle="open")
    one = replace(
        one, finding=one.finding._replace(provider="aws", account_id="123456789012", region="global", partition="aws")
    )
    (file,) = asff.files(CaseReport(made_up.ABOUT_SCAN, (one,)), [], FormatOptions())
    assert file.name == "asff-123456789012-us-east-1-1.json"


def test_batches_hold_a_hundred_findings_and_six_megabytes() -> None:
    one = case(lifecycle="open")
    cases = tuple(
        replace(one, finding=one.finding._replace(provider="aws", partition="aws", account_id="1" * 12, region="eu-west-1", resource_id=f"arn:{n}", finding_id=f"v1:{n:026}"))
        for n in range(250)
    )  # fmt: skip
    made = ["".join(file.text) for file in asff.files(CaseReport(made_up.ABOUT_SCAN, cases), [], FormatOptions())]
    assert [len(json.loads(text)) for text in made] == [100, 100, 50]
    assert all(len(text.encode()) <= 6_000_000 for text in made)


def test_long_and_wide_text_stays_within_what_security_hub_takes() -> None:
    one = case(lifecycle="open")
    wide = "𝔸" * 5_000
    finding = one.finding._replace(
        provider="aws", partition="aws", account_id="1" * 12, region="eu-west-1", risk=wide, remediation=wide, actual=wide,
        hub=wide, subject=wide, resource_name=wide, resource_id=wide, status_reason=wide, ticket_title=wide, guidelines=wide,
        permission=wide, controls="|".join([wide] * 40), evidence_hash=wide,
    )  # fmt: skip
    cases = (replace(one, finding=finding, owner=wide, waiver=wide, waiver_kind=wide, waiver_expires_on=wide),) * 100
    made = ["".join(file.text) for file in asff.files(CaseReport(made_up.ABOUT_SCAN, cases), [], FormatOptions())]
    assert [problem for text in made for row in json.loads(text) for problem in asff_problems(row)] == []
    assert all(len(text.encode()) <= 6_000_000 for text in made)
    assert len(made) > 1


def test_sarif_says_what_was_not_assessed() -> None:
    (invocation,) = log()["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is True
    told = {(one["level"], one["message"]["text"]) for one in invocation["toolExecutionNotifications"]}
    assert (
        "error",
        "aws/123456789012/eu-central-1: get_v2_logging_options: not read: the scanner lacks a permission "
        "(needs iot:GetV2LoggingOptions; AccessDeniedException). Grant the permission to the identity that scans.",
    ) in told
    assert (
        "warning",
        "clearblade/field-telemetry/europe-west1: list_devices: not read: the read was stopped before its end "
        "(CallBudget). Raise the call budget, or scan again to read on.",
    ) in told
    assert len(told) == 6
    incomplete = log(made_up.report(scan_complete="false"))
    assert incomplete["runs"][0]["invocations"][0]["executionSuccessful"] is False


def test_sarif_holds_the_gravest_and_says_how_many_it_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "RESULTS", 7)
    made = json.loads("".join(next(iter(sarif.files(case_report(), coverage(), ALL))).text))
    (run,) = made["runs"]
    kept = [case.finding.finding_id for case in case_report().cases[:7]]
    assert [result["properties"]["finding_id"] for result in run["results"]] == kept
    last = run["invocations"][0]["toolExecutionNotifications"][-1]
    assert last["message"]["text"] == "33 results of lower severity are left out: a run holds 7"
    assert sarif_problems(made) == []


def test_what_was_resolved_is_no_alert_unless_asked_for() -> None:
    states = {result["baselineState"] for result in log(options=FormatOptions())["runs"][0]["results"]}
    assert "absent" not in states
    assert "absent" in {result["baselineState"] for result in log()["runs"][0]["results"]}


def test_no_name_makes_a_link_or_a_placeholder_in_sarif() -> None:
    hostile = "[click](http://x) {0} \\[ \x1b]8;;x"
    one = case(lifecycle="open")
    held = CaseReport(
        made_up.ABOUT_SCAN,
        (replace(one, finding=one.finding._replace(ticket_title=hostile, actual="a=1", status_reason="")),),
    )
    made = json.loads("".join(next(iter(sarif.files(held, [], ALL))).text))
    assert made["runs"][0]["results"][0]["message"]["text"] == (
        "\\[click\\](http://x) {{0}} \\\\\\[ \\\\x1b\\]8;;x: a=1"
    )


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_cases_give_the_same_bytes_and_only_ascii(name: str, tmp_path: Path) -> None:
    held, asked = case_report(hostile()), coverage(hostile())
    first, second = (write(FORMATS[name], held, asked, ALL, tmp_path / n) for n in ("a", "b"))
    assert first and [path.name for path in first] == [path.name for path in second]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
        assert one.read_bytes().isascii()


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    old = write(FORMATS["sarif"], case_report(), coverage(), ALL, tmp_path)
    before = [file.read_bytes() for file in old]
    broken = replace(case(), finding=case().finding._replace(severity="awful"))
    with pytest.raises(KeyError):
        write(
            FORMATS["sarif"], CaseReport(made_up.ABOUT_SCAN, (*case_report().cases, broken)), coverage(), ALL, tmp_path
        )
    assert [file.read_bytes() for file in old] == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["findings.sarif", "sarif.manifest.json"]


def test_small_things() -> None:
    assert without_empty({"a": "", "b": 0, "c": [], "d": {}, "e": "x"}) == {"b": 0, "e": "x"}


def test_findings_that_security_hub_has_no_account_for_are_counted() -> None:
    elsewhere = sum(case.finding.provider != "aws" for case in case_report(made_up.report()).cases)
    (note,) = asff.FORMAT.notes(case_report(made_up.report()), FormatOptions())
    assert elsewhere and note.startswith(f"{elsewhere} of other clouds left out")
    assert asff.FORMAT.notes(case_report(made_up.report()), ALL) == []


@pytest.mark.parametrize("name", FORMATS)
def test_files_of_an_earlier_export_go_and_those_of_others_stay(name: str, tmp_path: Path) -> None:
    stale = tmp_path / FORMATS[name].own.replace("*", "3")
    other = tmp_path / "notes.txt"
    for file in (stale, other):
        file.write_text("older")
    *made, manifest = write(FORMATS[name], case_report(), coverage(), ALL, tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([*made, manifest, other])
    assert all(file.match(FORMATS[name].own) for file in made)
    assert manifest.name == f"{name}.manifest.json" and not manifest.match(FORMATS[name].own)
