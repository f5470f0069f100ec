"""How a scope is judged: made-up checks over small tables, and what comes out of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from checks.check import CHECKS, Check, check, proven
from checks.finding import COLUMNS, COUNTS, finding_id
from checks.guidelines import guidelines
from checks.judge import EVIDENCE_LIMIT, Judged, judge, verdicts
from checks.unread import Unread, parse
from collectors.schema import Row, Rows, Table, Tables, Verdict, gaps_frame, unread_frame
from collectors.scope import Scope
from collectors.tables.data import Route
from collectors.tables.fleet import Audit, AuditCheck
from collectors.tables.hub import Hub, Log

AZURE = Scope("azure", "sub", "global")
PLANT = "/subscriptions/sub/resourceGroups/g/providers/Microsoft.Devices/IotHubs/Plant"


def hub_lets_few_in(hubs: Rows[Hub], *, bits: int = 24) -> Verdict:
    """A hub lets in narrow ranges of addresses.

    Whoever is let in
    may try keys.
    """
    return (hubs["widest_range_bits"] >= bits) & (hubs["server_certificate_days"] > 0)


def route_needs_no_key(routes: Rows[Route]) -> Verdict:
    """A route needs no key."""
    return ~routes["keyed"]


for made in (hub_lets_few_in, route_needs_no_key):
    made.__module__ = "checks.connection.made_up"

FEW = Check(
    hub_lets_few_in, Hub, "medium",
    serves=("azure-iothub-min-tls", "aws-iot-ca-weak-key", "gcp-lb-ssl-policy-weak", "azure-dps-public-access-unrestricted"),
    controls=("ISVS 9.9.9", "ISVS 1.1.2"),
    remedy={"azure": "Narrow the ranges.", "": "Ask somebody."},
    passes=({"widest_range_bits": 24, "server_certificate_days": 1, "http_enabled": False, "filtered": True},),
    fails=(
        {"widest_range_bits": 23, "server_certificate_days": 1},
        {"http_enabled": True, "widest_range_bits": 24, "server_certificate_days": 0},
    ),
    only={"provider": ("azure", "gcp"), "kind": "iot hub", "enabled": True},
    command={"azure": "az iot hub show --name {name}"},
    severity_when={"high": {"public_network": True, "kind": ("iot hub", "registry")}, "low": {"http_enabled": True}},
)  # fmt: skip
NO_KEY = Check(route_needs_no_key, Route, "high", (), (), {}, passes=({"keyed": False},), fails=({"keyed": True},))


def hub(**cells: Any) -> dict[str, Any]:
    """A hub that FEW fails."""
    place = {"provider": "azure", "account": "sub", "region": "westeurope", "resource": PLANT, "subject": ""}
    own = {"kind": "iot hub", "enabled": True, "widest_range_bits": 8, "server_certificate_days": 9}
    return {**place, "name": "Plant", **own, **cells}


def route(**cells: Any) -> dict[str, Any]:
    """A route that NO_KEY fails."""
    place = {"provider": "azure", "account": "sub", "region": "westeurope", "resource": "/routes/r", "subject": ""}
    return {**place, "name": "r", "keyed": True, **cells}


def tables(
    *rows: Row, table: type[Table] = Hub, unread: Iterable[Row] = (), gaps: Iterable[Row] = ()
) -> Tables:  # fmt: skip
    """Rows of one table; notes and gaps are of it and of the Plant unless they say otherwise."""
    return Tables(
        {table: table.frame(rows)},
        unread=unread_frame([{"table": table.id(), "resource": PLANT, **note} for note in unread]),
        gaps=gaps_frame([{"table": table.id(), **gap} for gap in gaps]),
    )


def findings(judged: Judged) -> list[dict[str, Any]]:
    """Every finding, by column."""
    return [{str(column): cell for column, cell in row.items()} for row in judged.findings.to_dict("records")]


def finding(held: Tables, of: Check = FEW, scope: Scope = AZURE) -> dict[str, Any]:
    """The one finding there is."""
    (found,) = findings(judge(scope, held, [of]))
    return found


def counted(judged: Judged) -> list[tuple[Any, ...]]:
    """Passed, failed, unknown and status of each row of the counts."""
    return list(judged.counts[["passed", "failed", "unknown", "status"]].itertuples(index=False, name=None))


def test_every_column_of_a_finding_that_fails() -> None:
    found = finding(tables(hub(subject="East", public_network=True)))
    served = ("azure-iothub-min-tls", "azure-dps-public-access-unrestricted")
    controls = dict.fromkeys(control for name in served for control in guidelines()[name].controls)
    assert "ISVS 1.1.2" in controls, "one of the check's own is one of a guideline, too"
    evidence = (
        "widest_range_bits=8; server_certificate_days=9; public_network=true; kind=iot hub; http_enabled=not read"
    )
    assert found == {
        "finding_id": finding_id("hub-lets-few-in", "azure", "sub", "westeurope", PLANT, "East"),
        "check_id": "hub-lets-few-in",
        "check_title": "A hub lets in narrow ranges of addresses.",
        "status": "fail",
        "status_reason": evidence,
        "cause": "",
        "permission": "",
        "severity": "high",
        "severity_rank": "3",
        "provider": "azure",
        "partition": "azure",
        "account_id": "sub",
        "region": "westeurope",
        "resource_type": "hub",
        "resource_id": PLANT,
        "resource_name": "Plant",
        "subject": "East",
        "hub": "",
        "expected": "A hub lets in narrow ranges of addresses.",
        "actual": evidence,
        "evidence_hash": hashlib.sha256(b"widest_range_bits=8").hexdigest()[:16],
        "area": "connection",
        "guidelines": "|".join(served),
        "risk": "Whoever is let in may try keys.",
        "remediation": "Narrow the ranges.",
        "controls": "|".join((*controls, "ISVS 9.9.9")),
        "ticket_title": "Not met: A hub lets in narrow ranges of addresses (Plant East)",
        "remediation_cli": "az iot hub show --name Plant",
        "tags": "",
        "unread": "",
    }
    assert tuple(found) == COLUMNS


def test_a_finding_names_the_hub_of_its_row_and_a_nameless_resource_by_its_id() -> None:
    found = finding(tables(route(name=None, hub=PLANT), table=Route), NO_KEY)
    assert (found["hub"], found["resource_name"]) == (PLANT, "/routes/r")
    assert found["ticket_title"] == "Not met: A route needs no key (/routes/r)"
    assert found["actual"] == "keyed=true; target=not read", "what tells its resources apart is shown, too"
    blank = ("remediation", "remediation_cli", "guidelines", "controls", "risk")
    assert {found[name] for name in blank} == {""}
    unnamed = finding(tables(route(hub=None, subject=None), table=Route), NO_KEY)
    assert (unnamed["hub"], unnamed["subject"]) == ("", "")
    assert unnamed["finding_id"] == found["finding_id"]


@pytest.mark.parametrize(
    ("cells", "severity", "rank"),
    [
        ({}, "medium", "2"),
        ({"public_network": True}, "high", "3"),
        ({"public_network": False}, "medium", "2"),
        ({"http_enabled": True}, "low", "1"),
        ({"http_enabled": True, "public_network": True}, "high", "3"),
    ],
    ids=["not read", "all of its cells", "one of its cells is another", "the second", "both: the first"],
)
def test_a_row_may_weigh_more_or_less(cells: dict[str, Any], severity: str, rank: str) -> None:
    found = finding(tables(hub(**cells)))
    assert (found["severity"], found["severity_rank"]) == (severity, rank)


@pytest.mark.parametrize(("severity", "rank"), [("critical", "4"), ("info", "0")])
def test_the_rank_grows_with_the_severity(severity: Any, rank: str) -> None:
    assert finding(tables(hub()), replace(FEW, severity=severity, severity_when={}))["severity_rank"] == rank


def test_a_check_reads_the_columns_that_all_its_examples_name() -> None:
    assert FEW.reads == ("widest_range_bits", "server_certificate_days"), "no other is in every example"
    assert (FEW.weighs, FEW.settings) == (("public_network", "kind", "http_enabled"), {"bits": 24})


def test_the_first_line_is_the_title_and_all_others_are_the_risk() -> None:
    assert (AT_HOME.title, AT_HOME.risk) == ("A route leads home.", "Elsewhere somebody reads it.")


@pytest.mark.parametrize(
    ("length", "shown"),
    [
        (EVIDENCE_LIMIT, "x" * 240),
        (EVIDENCE_LIMIT + 1, "x" * 240 + "… (241 characters)"),
    ],
)
def test_evidence_shows_the_head_of_a_long_cell_and_its_hash_is_over_all_of_it(length: int, shown: str) -> None:
    held = [finding(tables(route(target="x" * length + end), table=Route), AT_HOME) for end in ("", "y")]
    assert held[0]["actual"] == f"target={shown}"
    whole = [hashlib.sha256(f"target={'x' * length}{end}".encode()).hexdigest()[:16] for end in ("", "y")]
    assert [one["evidence_hash"] for one in held] == whole


def route_leads_home(routes: Rows[Route]) -> Verdict:
    """A route leads home.
    Elsewhere somebody reads it.
    """
    return routes["target"] == "home"


route_leads_home.__module__ = "checks.data"
AT_HOME = Check(
    route_leads_home, Route, "low", (), (), {}, passes=({"target": "home"},), fails=({"target": "elsewhere"},)
)


@pytest.mark.parametrize(
    ("scope", "kind", "guideline", "remedy"),
    [
        (AZURE, "iot hub", "azure-iothub-min-tls", "Narrow the ranges."),
        (Scope("aws", "1", "eu-west-1"), "domain configuration", "aws-iot-ca-weak-key", "Ask somebody."),
        (Scope("gcp", "p", "europe-west1"), "registry", "gcp-lb-ssl-policy-weak", "Ask somebody."),
        (Scope("clearblade", "p", "europe-west1"), "registry", "gcp-lb-ssl-policy-weak", "Ask somebody."),
    ],
    ids=lambda value: value.provider if isinstance(value, Scope) else "",
)
def test_a_finding_has_the_guidelines_and_the_remedy_of_its_cloud(
    scope: Scope, kind: str, guideline: str, remedy: str
) -> None:
    of = replace(FEW, only={}, serves=FEW.serves[:3], controls=())
    found = finding(tables(hub(provider=scope.provider, kind=kind)), of, scope)
    assert (found["provider"], found["guidelines"], found["remediation"]) == (scope.provider, guideline, remedy)
    assert found["controls"] == "|".join(guidelines()[guideline].controls)


def test_the_partition_is_that_of_the_resource() -> None:
    row = hub(provider="aws", kind="domain configuration", resource="arn:aws-cn:iot:cn-north-1:1:domainconfiguration/a")
    of, scope = replace(FEW, only={}), Scope("aws", "1", "cn-north-1")
    assert finding(tables(row), of, scope)["partition"] == "aws-cn"


@pytest.mark.parametrize(
    ("scope", "only", "judged"),
    [
        (AZURE, {}, True),
        (AZURE, {"provider": "azure"}, True),
        (AZURE, {"provider": ("gcp", "azure")}, True),
        (AZURE, {"provider": "gcp"}, False),
        (AZURE, {"provider": ("gcp", "clearblade")}, False),
        (Scope("azure", "sub", "westeurope"), {}, False),
        (Scope("aws", "1", "eu-west-1"), {"provider": "aws"}, True),
        (Scope("aws", "1", "global"), {"provider": "aws"}, False),
    ],
    ids=[
        "any cloud",
        "its cloud",
        "one of its clouds",
        "another",
        "others",
        "no region has it",
        "regional",
        "not global",
    ],
)
def test_a_check_is_asked_where_its_table_is_collected_and_its_cloud_is(
    scope: Scope, only: dict[str, Any], judged: bool
) -> None:
    found = judge(scope, tables(hub(provider=scope.provider, kind="iot hub")), [replace(FEW, only=only)])
    assert (len(found.findings), len(found.counts)) == (judged, judged)


def test_a_check_that_is_not_asked_leaves_those_after_it() -> None:
    checks = [replace(FEW, only={"provider": "gcp"}), replace(FEW, table=Audit), FEW, NO_KEY]
    found = judge(AZURE, tables(hub()), checks)
    assert found.counts["check_id"].tolist() == ["hub-lets-few-in", "route-needs-no-key"]
    assert counted(found) == [(0, 1, 0, "fail"), (0, 0, 0, "not_applicable")]


@pytest.mark.parametrize(
    ("thresholds", "counts"),
    [
        (None, (1, 1, 0, "fail")),
        ({"another-check": {"bits": 8}}, (1, 1, 0, "fail")),
        ({"hub-lets-few-in": {}}, (1, 1, 0, "fail")),
        ({"hub-lets-few-in": {"bits": 23}}, (2, 0, 0, "pass")),
        ({"hub-lets-few-in": {"bits": 25}}, (0, 2, 0, "fail")),
    ],
)
def test_a_setting_replaces_a_default_of_its_check(thresholds: Any, counts: tuple[Any, ...]) -> None:
    rows = (hub(widest_range_bits=23), hub(resource="/other", widest_range_bits=24))
    assert counted(judge(AZURE, tables(*rows), [FEW], thresholds)) == [counts]


BLANK: dict[str, Any] = {"widest_range_bits": None}
PASSES: dict[str, Any] = {"widest_range_bits": 24}


@pytest.mark.parametrize(
    ("rows", "counts"),
    [
        ([], (0, 0, 0, "not_applicable")),
        ([PASSES], (1, 0, 0, "pass")),
        ([{}], (0, 1, 0, "fail")),
        ([BLANK], (0, 0, 1, "unknown")),
        ([PASSES, BLANK, BLANK], (1, 0, 2, "unknown")),
        ([BLANK, {}, PASSES, {}], (1, 2, 1, "fail")),
        ([{"kind": "provisioning service"}, {"enabled": False}], (0, 0, 0, "not_applicable")),
        ([{"kind": "provisioning service"}, PASSES, {"enabled": False}], (1, 0, 0, "pass")),
        ([{"kind": "provisioning service"}, {}, {"enabled": False}], (0, 1, 0, "fail")),
    ],
    ids=[
        "nothing there", "passes", "fails", "not read", "one passes", "one fails", "none is concerned", "one is and passes",
        "one is and fails",
    ],
)  # fmt: skip
def test_what_is_worst_decides_a_scope(rows: list[dict[str, Any]], counts: tuple[Any, ...]) -> None:
    held = [hub(resource=f"/hubs/{number}", **cells) for number, cells in enumerate(rows)]
    judged = judge(AZURE, tables(*held), [FEW])
    assert counted(judged) == [counts]
    assert judged.counts[["check_id", "provider", "account_id", "region"]].values.tolist() == [
        ["hub-lets-few-in", "azure", "sub", "global"]
    ]
    assert judged.findings["status"].tolist() == ["fail"] * counts[1] + ["unknown"] * counts[2]
    wrong = [
        one["resource"] for one in held if one["widest_range_bits"] == 8 and one["kind"] == "iot hub" and one["enabled"]
    ]
    assert judged.findings.loc[judged.findings["status"].eq("fail"), "resource_id"].tolist() == wrong


def test_the_frames_have_their_columns_and_dtypes_with_rows_and_without() -> None:
    for judged in (judge(AZURE, Tables(), []), judge(AZURE, tables(hub()), [FEW]), Judged.join([])):
        assert judged.findings.columns.tolist() == list(COLUMNS)
        assert judged.counts.columns.tolist() == list(COUNTS)
        assert set(judged.findings.dtypes.astype(str)) == {"string"}
        told = {name: str(dtype) for name, dtype in judged.counts.dtypes.items()}
        assert told == {name: "Int64" if name in ("passed", "failed", "unknown") else "string" for name in COUNTS}


def test_verdicts_are_of_the_rows_that_a_check_may_concern_and_unknown_where_it_may_not() -> None:
    frame = Hub.frame([hub(), hub(kind="registry"), hub(enabled=None), hub(widest_range_bits=24), hub(enabled=False)])
    answer = verdicts(FEW, frame, FEW.settings)
    assert answer.index.tolist() == [0, 2, 3] and answer.dtype == "boolean"
    assert (answer.isna().tolist(), answer.dropna().tolist()) == ([False, True, False], [False, True])
    none = verdicts(FEW, frame[frame["kind"].eq("registry")], FEW.settings)
    assert none.empty and none.dtype == "boolean"


def test_a_frame_that_no_row_of_is_concerned_asks_the_check_nothing() -> None:
    def refuses(rows: Any) -> Any:
        raise AssertionError("it was asked")

    answer = verdicts(replace(FEW, function=refuses), Hub.frame([hub(enabled=False)]), {})
    assert (len(answer), answer.sum()) == (0, 0)


def test_a_check_changes_no_table() -> None:
    def writes(rows: Any) -> Any:
        rows["name"] = "changed"
        return rows["enabled"]

    frame = Hub.frame([hub()])
    verdicts(replace(FEW, function=writes), frame, {})
    assert frame["name"].tolist() == ["Plant"]


def test_an_unread_cell_is_unknown_with_its_reason_and_no_command() -> None:
    note = {
        "column": "widest_range_bits", "cause": "denied", "operation": "iot_hub.get", "permission": "hubs/read",
        "detail": "Forbidden",
    }  # fmt: skip
    others = [
        {"column": "server_certificate_days", "cause": "denied", "permission": "certificates/read"},
        {**note, "table": "log", "cause": "failed"},
        {**note, "subject": "another part", "cause": "failed"},
        {**note, "resource": "/another", "cause": "failed"},
    ]
    found = finding(tables(hub(widest_range_bits=None), unread=[note, *others]))
    assert (found["status"], found["cause"], found["permission"]) == ("unknown", "denied", "hubs/read")
    assert parse(found["unread"]) == (Unread("widest_range_bits", "denied", "iot_hub.get", "hubs/read", "Forbidden"),)
    assert found["status_reason"] == (
        "widest_range_bits: not read: the scanner lacks a permission (iot_hub.get needs hubs/read; Forbidden)."
        " Grant the permission to the identity that scans."
    )
    assert found["actual"].startswith("widest_range_bits=not read; server_certificate_days=9")
    assert found["ticket_title"] == "Not assessed: A hub lets in narrow ranges of addresses (Plant)"
    assert (found["remediation_cli"], found["remediation"]) == ("", "Narrow the ranges.")


def test_an_unread_cell_that_nobody_noted_is_absent_and_a_check_that_cannot_decide_did_not_understand() -> None:
    absent = finding(tables(hub(widest_range_bits=None, server_certificate_days=None)))
    assert parse(absent["unread"]) == (
        Unread("widest_range_bits", "absent_field"),
        Unread("server_certificate_days", "absent_field"),
    )
    assert absent["cause"] == "absent_field"
    assert absent["status_reason"].startswith(
        "widest_range_bits, server_certificate_days: not read: the reply does not"
    )
    open_ = replace(FEW, function=lambda hubs: proven(hubs["widest_range_bits"] > 99))
    open_.function.__name__, open_.function.__doc__ = "open", "It may be."
    open_.function.__module__ = "checks.made"
    found = finding(tables(hub()), open_)
    assert [(one.column, one.cause) for one in parse(found["unread"])] == [
        ("widest_range_bits", "not_parseable"), ("server_certificate_days", "not_parseable"),
    ]  # fmt: skip
    assert found["status_reason"].startswith("widest_range_bits, server_certificate_days: not understood: ")


@pytest.mark.parametrize(
    ("causes", "counts"),
    [
        (("unavailable", "api_off"), [(1, 0, 1, "unknown")]),
        (("unavailable", "denied"), [(1, 0, 2, "unknown")]),
        (("unavailable", "no_data_source"), [(1, 0, 2, "unknown")]),
    ],
)
def test_what_cannot_exist_is_not_unknown_and_the_rows_after_it_are_judged(
    causes: tuple[str, str], counts: list[tuple[Any, ...]]
) -> None:
    blank = hub(widest_range_bits=None, server_certificate_days=None)
    columns = ("widest_range_bits", "server_certificate_days")
    notes = [{"column": column, "cause": cause} for column, cause in zip(columns, causes, strict=True)]
    rows = (blank, {**blank, "resource": "/after"}, hub(resource="/passes", widest_range_bits=24))
    judged = judge(AZURE, tables(*rows, unread=notes), [FEW])
    assert counted(judged) == counts


REFUSED = {"cause": "denied", "operation": "hubs.get", "permission": "hubs/read"}


def test_rows_that_a_check_may_concern_and_a_refused_read_hides_are_one_unknown_of_the_scope() -> None:
    names = [f"/hubs/{number}" for number in range(3)]
    rows = [hub(resource=name, enabled=None) for name in names]
    notes = [{"resource": name, "column": "enabled", **REFUSED} for name in names]
    judged = judge(AZURE, tables(*rows, hub(widest_range_bits=24), unread=notes), [FEW])
    assert counted(judged) == [(1, 0, 1, "unknown")]
    (found,) = findings(judged)
    assert (found["status"], found["resource_id"], found["resource_name"]) == ("unknown", str(AZURE), str(AZURE))
    assert (found["account_id"], found["region"], found["provider"]) == ("sub", "global", "azure")
    assert (found["subject"], found["resource_type"]) == ("any hub", "hub")
    assert (found["cause"], found["permission"]) == ("denied", "hubs/read")
    assert found["status_reason"] == (
        "Nobody can tell whether the check concerns 3 resources. enabled: not read: the scanner lacks a permission"
        " (hubs.get needs hubs/read). Grant the permission to the identity that scans."
    )
    assert parse(found["unread"]) == (Unread("enabled", "denied", "hubs.get", "hubs/read"),)
    assert found["finding_id"] == finding_id("hub-lets-few-in", "azure", "sub", "global", str(AZURE), "any hub")


def test_rows_that_a_scope_cannot_tell_are_counted_together_whatever_refused_them() -> None:
    rows = [hub(resource=f"/hubs/{number}", enabled=None) for number in range(3)]
    causes = ("denied", "quota", "denied")
    notes = [{"resource": r["resource"], "column": "enabled", "cause": c} for r, c in zip(rows, causes, strict=True)]
    found = finding(tables(*rows, unread=notes))
    assert found["status_reason"].startswith("Nobody can tell whether the check concerns 3 resources. ")
    assert found["cause"] == "denied|quota"


@pytest.mark.parametrize(
    ("cells", "notes"),
    [
        ({"enabled": None}, []),
        ({"enabled": None}, [{"column": "enabled", "cause": "no_data_source"}]),
        ({"widest_range_bits": None}, [{"column": "widest_range_bits", **REFUSED}]),
        ({"enabled": None, "widest_range_bits": None}, [{"column": "enabled", **REFUSED}]),
    ],
    ids=["absent", "no API tells it", "a cell that the check reads was refused", "one refused and one absent"],
)
def test_a_row_stays_an_unknown_of_its_own(cells: dict[str, Any], notes: list[Row]) -> None:
    found = finding(tables(hub(**cells), unread=notes))
    assert (found["status"], found["resource_id"], found["subject"]) == ("unknown", PLANT, "")


def test_all_that_is_unread_of_a_row_that_may_be_concerned_is_told() -> None:
    notes = [{"column": column, **REFUSED} for column in ("enabled", "widest_range_bits")]
    found = finding(tables(hub(enabled=None, widest_range_bits=None), unread=notes))
    assert found["subject"] == "any hub"
    assert [one.column for one in parse(found["unread"])] == ["enabled", "widest_range_bits"]


@pytest.mark.parametrize(
    ("only", "gap", "told"),
    [
        ({}, {"cause": "denied"}, True),
        ({}, {"cause": "denied", "kind": "registry"}, True),
        ({"kind": "iot hub"}, {"cause": "denied"}, True),
        ({"kind": "iot hub"}, {"cause": "denied", "kind": "iot hub"}, True),
        ({"kind": "iot hub"}, {"cause": "denied", "kind": "registry"}, False),
        ({"kind": ("iot hub", "registry")}, {"cause": "denied", "kind": "registry"}, True),
        ({"kind": ("iot hub", "registry")}, {"cause": "denied", "kind": ""}, True),
        ({"kind": ("iot hub", "registry")}, {"cause": "denied", "kind": "provisioning service"}, False),
        ({}, {"cause": "unavailable"}, False),
        ({}, {"cause": "api_off"}, False),
        ({"kind": "iot hub"}, {"cause": "api_off", "kind": "iot hub"}, False),
        ({}, {"cause": "denied", "table": "log"}, False),
        ({}, {"cause": "unavailable", "table": "log"}, False),
        ({"kind": "iot hub"}, {"cause": "denied", "table": "log", "kind": "iot hub"}, False),
    ],
)  # fmt: skip
def test_a_list_that_is_not_whole_is_one_unknown_if_it_may_hold_what_is_judged(
    only: dict[str, Any], gap: dict[str, str], told: bool
) -> None:
    judged = judge(AZURE, tables(gaps=[gap]), [replace(FEW, only=only)])
    assert counted(judged) == [(0, 0, 1, "unknown") if told else (0, 0, 0, "not_applicable")]


def test_what_a_list_that_is_not_whole_says() -> None:
    gaps = [
        {"cause": "denied", "operation": "hubs.list", "permission": "hubs/read", "detail": "Forbidden"},
        {"cause": "partial", "operation": "hubs.page", "detail": "page 9"},
        {"cause": "unavailable", "operation": "hubs.old"},
    ]
    judged = judge(AZURE, tables(hub(), gaps=gaps), [FEW])
    assert counted(judged) == [(0, 1, 1, "fail")]
    _, found = findings(judged)
    assert (found["status"], found["resource_id"], found["subject"]) == ("unknown", str(AZURE), "every hub")
    assert found["status_reason"] == (
        "the list: not read: the scanner lacks a permission (hubs.list needs hubs/read; Forbidden)."
        " the list: not read: the read was stopped before its end (hubs.page; page 9)."
        " Grant the permission to the identity that scans. Raise the call budget, or scan again to read on."
    )
    assert parse(found["unread"]) == (
        Unread("", "denied", "hubs.list", "hubs/read", "Forbidden"),
        Unread("", "partial", "hubs.page", "", "page 9"),
    )
    assert found["ticket_title"].endswith(f"({AZURE} every hub)")


def test_the_subject_of_a_scope_says_a_table_in_words() -> None:
    def audit(checks: Any) -> Any:
        """It is young."""
        return checks["age_days"] < 9

    audit.__module__ = "checks.identity"
    young = Check(audit, AuditCheck, "low", (), (), {}, passes=({"age_days": 1},), fails=({"age_days": 9},))
    held = tables(table=AuditCheck, gaps=[{"cause": "denied"}])
    assert finding(held, young, Scope("aws", "1", "eu-west-1"))["subject"] == "every audit check"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_scopes_are_joined_in_a_fixed_order(order: tuple[int, ...]) -> None:
    """Of two rows that differ in one column of the order alone, the first is first, whichever came first."""
    places = [
        ("azure", "a", "global"), ("azure", "b", "global"), ("gcp", "a", "europe-west1"),
    ]  # fmt: skip
    of = replace(FEW, only={})
    parts = []
    for provider, account, region in places:
        rows = [
            hub(provider=provider, account=account, region=where, resource=resource, subject=subject, kind="iot hub")
            for where, resource, subject in (("y", "/2", "q"), ("y", "/2", "p"), ("y", "/1", "q"), ("x", "/3", "q"))
        ]
        parts.append(judge(Scope(provider, account, region), tables(*rows), [replace(of, function=late), of]))
    joined = Judged.join(parts[at] for at in order)
    keys = ["check_id", "provider", "account_id", "region", "resource_id", "subject"]
    expected = [
        [name, provider, account, *rest]
        for name in ("a-late-one", "hub-lets-few-in")
        for provider, account, _ in places
        for rest in (["x", "/3", "q"], ["y", "/1", "q"], ["y", "/2", "p"], ["y", "/2", "q"])
    ]
    assert joined.findings[keys].values.tolist() == expected
    assert joined.counts[keys[:4]].values.tolist() == [
        [name, *place] for name in ("a-late-one", "hub-lets-few-in") for place in places
    ]
    assert joined.findings.index.tolist() == list(range(24)) and joined.counts.index.tolist() == list(range(6))


def late(hubs: Any) -> Any:
    """It is judged first, and comes last by no column."""
    return hubs["enabled"] & False


late.__name__, late.__module__ = "a_late_one", "checks.connection"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_regions_are_joined_in_a_fixed_order(order: tuple[int, ...]) -> None:
    of = replace(FEW, only={})
    parts = [judge(Scope("aws", "1", region), tables(hub(provider="aws")), [of]) for region in ("a-1", "b-1")]
    joined = Judged.join(parts[at] for at in order)
    assert joined.counts["region"].tolist() == ["a-1", "b-1"]


@pytest.mark.parametrize(
    ("own", "of_hub", "told"),
    [
        ({"site": "cork"}, {"Team": "plant"}, {"Team": "plant", "site": "cork"}),
        ({"SITE": "cork"}, {"site": "galway", "b": "1"}, {"SITE": "cork", "b": "1"}),
        ({"z": "é", "a": "1"}, None, {"a": "1", "z": "é"}),
        (None, {"site": "galway"}, {"site": "galway"}),
        ({}, {}, None),
        (None, None, None),
    ],
    ids=["both", "its own goes first", "its own alone", "its hub's alone", "empty", "none"],
)
def test_a_finding_has_the_tags_of_its_resource_and_of_its_hub(own: Any, of_hub: Any, told: Any) -> None:
    cells = [None if tags is None else json.dumps(tags) for tags in (own, of_hub)]
    hubs = Hub.frame([hub(tags=cells[1], resource=PLANT.upper()), hub(resource="/another", tags='{"other": "x"}')])
    routes = Route.frame([route(tags=cells[0], hub=PLANT)])
    logs = Log.frame([{name: cell for name, cell in route().items() if name != "keyed"}])
    for gaps in ([], [{"table": "route", "cause": "denied"}]):
        held = Tables({Hub: hubs, Route: routes, Log: logs}, gaps=gaps_frame(gaps))
        found, *of_scope = findings(judge(AZURE, held, [NO_KEY]))
        assert found["tags"] == (json.dumps(told, ensure_ascii=False) if told else "")
        assert [one["tags"] for one in of_scope] == [""] * len(gaps)


def test_an_unknown_has_the_tags_of_its_resource_and_one_without_a_hub_those_of_no_other() -> None:
    stray = hub(resource="x", tags='{"other": "x"}')
    held = Tables({Hub: Hub.frame([stray]), Route: Route.frame([route(keyed=None, tags='{"a": "b"}')])})
    found = finding(held, NO_KEY)
    assert (found["status"], found["tags"]) == ("unknown", '{"a": "b"}')


@pytest.mark.parametrize(
    ("cells", "command"),
    [
        ({"kind": "topic"}, "of-topic r"),
        ({"kind": "push"}, "of-cloud r"),
        ({"kind": None}, "of-cloud r"),
        ({"target_kind": "bucket"}, "of-bucket r"),
        ({"target_kind": "key"}, "of-cloud r"),
        ({"kind": "topic", "target_kind": "bucket"}, "of-topic r"),
        ({"provider": "aws", "kind": "topic"}, ""),
    ],
)
def test_a_command_goes_by_the_cloud_and_by_the_kind_of_row_or_of_its_target(
    cells: dict[str, Any], command: str
) -> None:
    known = {"azure topic": "of-topic {name}", "azure bucket": "of-bucket {name}", "azure": "of-cloud {name}"}
    assert replace(NO_KEY, command=known).command_for({"provider": "azure", "name": "r", **cells}) == command


def test_a_check_is_declared_with_what_it_says_and_nothing_else() -> None:
    before = len(CHECKS)
    try:
        asked = check(severity="low", passes=[{"keyed": False}], fails=[{"keyed": True}])
        assert asked(route_needs_no_key) is route_needs_no_key
        more = check(
            severity="info", passes=[{"keyed": False}], fails=[{"keyed": True}], open=[{"keyed": None}],
            ignores=[{"kind": "s3"}], serves=["g"], controls=["c"], remedy={"aws": "Do."}, only={"kind": "push"},
            profile="strict", command={"aws": "c"}, severity_when={"high": {"kind": "push"}},
        )  # fmt: skip
        more(route_needs_no_key)
        plain = check(severity="low", passes=[{"keyed": False}], fails=[{"keyed": True}], remedy="Do.")
        plain(route_needs_no_key)
        assert CHECKS[before:] == [
            replace(NO_KEY, severity="low", remedy={"": ""}),
            Check(
                route_needs_no_key, Route, "info", ("g",), ("c",), {"aws": "Do."}, ({"keyed": False},), ({"keyed": True},),
                ({"keyed": None},), ({"kind": "s3"},), {"kind": "push"}, "strict", {"aws": "c"}, {"high": {"kind": "push"}},
            ),
            replace(NO_KEY, severity="low", remedy={"": "Do."}),
        ]  # fmt: skip
        assert CHECKS[before].remedy_for("aws") == CHECKS[before + 1].remedy_for("gcp") == ""
    finally:
        del CHECKS[before:]
