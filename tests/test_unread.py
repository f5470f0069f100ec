"""What was not read: as data, in words, and the causes it goes by."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.judge import judge
from checks.registry import CHECKS
from checks.unread import (
    ALIKE,
    Unread,
    causes,
    dump,
    lies_with_the_read,
    nothing_there,
    parse,
    permissions,
    read_in_words,
    sentences,
    shortened,
    unread_of,
)
from collectors import schema
from collectors.causes import CAUSES, cause_of
from collectors.operation import Collector, Memory, Notes, Operation, Reader, ReadFailed
from collectors.schema import Tables, gaps_frame, unread_frame, unread_key
from collectors.scope import OUTCOMES, Scope
from collectors.tables.hub import Hub, Log
from reports.coverage import worst_outcomes

ROOT = Path(__file__).parent.parent
TEXT = st.text(max_size=20)
SCOPE = Scope("azure", "sub", "global")
DENIED = Unread("min_tls", "denied", "iot_hub.get", "Microsoft.Devices/IotHubs/read", "AuthorizationFailed")
GRANT = "Grant the permission to the identity that scans."


@pytest.mark.parametrize("name", CAUSES)
def test_every_cause_has_plain_words_and_says_what_would_mend_it(name: str) -> None:
    cause = CAUSES[name]
    assert cause.words and not cause.words.endswith(".") and cause.words[0].islower()
    assert "_" not in cause.words + cause.title, "an id is no plain word"
    assert cause.mend.endswith(".") and cause.mend[0].isupper()
    assert not (cause.refused and cause.nothing_there)
    assert cause.title.lower() == cause.words.lower()


def test_every_outcome_but_read_is_a_cause() -> None:
    assert set(OUTCOMES) - {"read"} <= set(CAUSES)
    assert {name for name in OUTCOMES if name in CAUSES and CAUSES[name].refused} == {"denied", "failed", "partial"}
    assert cause_of("a_cause_of_next_year").words == "a_cause_of_next_year"


def choices(value: ast.expr) -> Iterator[str]:
    """The texts that an expression chooses from; empty text leaves it to the outcome."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value:
        yield value.value
    for branch in (value.body, value.orelse) if isinstance(value, ast.IfExp) else getattr(value, "values", ()):
        yield from choices(branch)


def literals() -> Iterator[tuple[str, str]]:
    """Each cause that is written out in a collector, with its place."""
    at = {"Unread": 0, "ReadFailed": 4, "gap": 3}
    for path in sorted((ROOT / "collectors").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = getattr(node.func, "id", getattr(node.func, "attr", ""))
                given = [k.value for k in node.keywords if k.arg == "cause"] + node.args[at.get(called, 99) :][:1]
                for value in given if called in at else ():
                    yield from ((name, f"{path.name}:{node.lineno}") for name in choices(value))


def test_every_cause_that_a_collector_writes_out_is_one_of_them() -> None:
    found = list(literals())
    assert len(found) > 50
    assert [place for name, place in found if name not in CAUSES] == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: schema.Unread("bad luck"),
        lambda: ReadFailed("failed", "x", cause="bad luck"),
        lambda: ReadFailed("denied", "x", cause="api_off"),
        lambda: ReadFailed("unavailable", "x", cause="denied"),
    ],
    ids=["an unread cell", "a failed read", "refused, and nothing there", "nothing there, and refused"],
)
def test_a_cause_that_is_none_is_refused_at_once(make: Any) -> None:
    with pytest.raises(ValueError, match="cause"):
        make()


@given(st.lists(st.builds(Unread, TEXT, TEXT, TEXT, TEXT, TEXT), max_size=5))
def test_what_is_written_is_read_back(unread: list[Unread]) -> None:
    cell = dump(unread)
    assert list(parse(cell)) == unread
    assert [set(one) for one in json.loads(cell or "[]")] == [set(Unread._fields)] * len(unread)


@pytest.mark.parametrize("cell", ['[{"colour": "red"}]', "[1]", "{", '{"column": 1}'])
def test_what_nobody_wrote_is_refused(cell: str) -> None:
    with pytest.raises(ValueError):
        parse(cell)


def test_a_cell_says_what_is_known_in_any_script_and_leaves_the_rest_empty() -> None:
    unread = (Unread("größe", "failed"),)
    row = '{"column": "größe", "cause": "failed", "operation": "", "permission": "", "detail": ""}'
    assert (dump(unread), parse(f"[{row}]")) == (f"[{row}]", unread)
    assert (dump([]), parse("")) == ("", ())


def test_a_cell_that_nobody_wrote_is_shown_by_its_head() -> None:
    with pytest.raises(ValueError, match="not what was not read: ") as refused_cell:
        parse(f'[{{"colour": "{"r" * 99}"}}]')
    assert str(refused_cell.value).removeprefix("not what was not read: ") == repr('[{"colour": "' + "r" * 47)


@pytest.mark.parametrize(
    ("found", "none_there", "by_the_read"),
    [
        ((), False, True),
        (("unavailable", "api_off"), True, False),
        (("unavailable", "denied"), False, False),
        (("denied", "quota"), False, True),
        (("denied", "absent_field"), False, False),
    ],
)
def test_what_cannot_exist_and_what_was_refused_is_so_of_all_that_is_unread(
    found: tuple[str, ...], none_there: bool, by_the_read: bool
) -> None:
    unread = [Unread("a", cause) for cause in found]
    assert (nothing_there(unread), lies_with_the_read(unread)) == (none_there, by_the_read)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            {"outcome": "denied", "code": "AccessDenied"},
            "iot.list: not read: the scanner lacks a permission (needs iot:List; AccessDenied)."
            " Grant the permission to the identity that scans.",
        ),
        (
            {"outcome": "denied", "cause": "network_refused", "code": ""},
            "iot.list: not read: the resource refuses the scanner's address or network."
            " Let the scanner's address in, or scan from a network that is let in.",
        ),
        (
            {"outcome": "failed", "cause": "", "code": "500"},
            "iot.list: not read: the service gave no usable answer (500)."
            " Scan again; if it stays, look at the error code in coverage.csv.",
        ),
        ({"outcome": "failed", "cause": "a cause of next year", "code": "9"}, "iot.list: not read: a cause of next year (9)."),
    ],
    ids=["a permission", "finer than its outcome", "as its outcome", "unknown to this version"],
)  # fmt: skip
def test_a_row_of_the_coverage_is_told_in_words(row: dict[str, str], said: str) -> None:
    assert read_in_words({"operation": "iot.list", "permission": "iot:List", **row}) == said


@pytest.mark.parametrize(
    ("unread", "concerned", "said"),
    [
        ((), 0, ""),
        ((), 1, "Nobody can tell whether the check concerns 1 resource."),
        (
            (Unread("a", "failed", "op", detail="x"), Unread("b", "failed", "op", detail="y"), Unread("b", "failed", "op", detail="z")),
            0,
            ("a: not read: the service gave no usable answer (op; x). b: not read: the service gave no usable answer (op; y; z)."
            " Scan again; if it stays, look at the error code in coverage.csv."),
        ),
        (
            (DENIED,), 0,
            ("min_tls: not read: the scanner lacks a permission (iot_hub.get needs Microsoft.Devices/IotHubs/read; "
            f"AuthorizationFailed). {GRANT}"),
        ),
        (
            (DENIED._replace(column="", cause="network_refused"),), 0,
            ("the list: not read: the resource refuses the scanner's address or network (iot_hub.get; AuthorizationFailed). "
            "Let the scanner's address in, or scan from a network that is let in."),
        ),
        (
            (Unread("a", "absent_field"), Unread("b", "absent_field"), Unread("c", "absent_field", detail="null")), 0,
            "a, b: not read: the reply does not hold it. c: not read: the reply does not hold it (null). Judge by hand.",
        ),
        (
            (Unread("a", "denied", permission="p:Get"), Unread("b", "not_parseable")), 2,
            ("Nobody can tell whether the check concerns 2 resources. a: not read: the scanner lacks a permission (needs p:Get). "
            f"b: not understood: the scanner does not know how to read it. {GRANT} Judge by hand."),
        ),
    ],
    ids=["nothing", "one resource", "details of each column", "a permission", "an address, which no permission mends", "columns alike", "of unknown concern"],
)  # fmt: skip
def test_it_is_told_in_words_with_what_would_mend_it(unread: tuple[Unread, ...], concerned: int, said: str) -> None:
    assert sentences(unread, concerned) == said


def test_cause_and_permission_are_taken_out_of_it_and_only_a_lacking_permission_is_one() -> None:
    unread = (
        DENIED,
        DENIED._replace(column="routes"),
        Unread("a", "failed", "op", "p:Get"),
        Unread("b", "absent_field"),
    )
    assert causes(unread) == "denied|failed|absent_field"
    assert permissions(unread) == "Microsoft.Devices/IotHubs/read"
    assert permissions([*unread, Unread("c", "denied", "", "p:List")]) == "Microsoft.Devices/IotHubs/read|p:List"


def test_of_many_alike_some_are_kept_and_the_rest_counted() -> None:
    many = [Unread("", "failed", "things.list", "p", str(n)) for n in range(ALIKE + 3)]
    kept = shortened([*many, *many, DENIED])
    assert len(kept) == ALIKE + 2
    assert [kept[ALIKE].detail, kept[-1]] == ["and 3 more", DENIED]
    assert shortened(many[:ALIKE]) == tuple(many[:ALIKE])
    assert [one.detail for one in shortened(many)] == [*"0123456789", "and 3 more"]


@pytest.mark.parametrize(
    ("cause", "permission", "found"),
    [
        ("", "", ()),
        ("denied", "a:B", (Unread("", "denied", "", "a:B"),)),
        ("denied|failed", "a:B|a:C", (Unread("", "denied", "", "a:B"), Unread("", "denied", "", "a:C"), Unread("", "failed"))),
        ("denied", "", (Unread("", "denied"),)),
    ],
)  # fmt: skip
def test_a_finding_of_before_says_it_by_cause_and_permission(
    cause: str, permission: str, found: tuple[Unread, ...]
) -> None:
    assert unread_of("", cause, permission) == found
    assert unread_of(dump([DENIED]), cause, permission) == (DENIED,)


@pytest.mark.parametrize(("cause", "status"), [("api_off", "not_applicable"), ("unavailable", "not_applicable"), ("network_refused", "unknown")])  # fmt: skip
def test_a_service_that_is_off_holds_nothing_and_a_resource_that_refuses_is_unknown(cause: str, status: str) -> None:
    check = next(c for c in CHECKS if c.id == "connections-are-logged")
    rows = [{"provider": "azure", "account": "sub", "region": "x", "resource": "/hubs/a", "subject": "", "name": "a"}]
    note = {"table": "log", "resource": "/hubs/a", "column": "logs_connections", "cause": cause}
    gap = {"table": "log", "cause": cause, "operation": "hubs.list"}
    for tables in (
        Tables({Log: Log.frame(rows)}, unread=unread_frame([note])),
        Tables(gaps=gaps_frame([gap])),
    ):
        assert judge(SCOPE, tables, [check]).counts["status"].tolist() == [status]


def test_a_hash_in_a_name_gives_no_cell_the_reason_of_another() -> None:
    one, other = {"resource": "a#b", "subject": "c"}, {"resource": "a", "subject": "b#c"}
    assert unread_key(one) != unread_key(other)
    check = next(c for c in CHECKS if c.id == "connections-are-logged")
    rows = [{"provider": "azure", "account": "sub", "region": "x", "name": "a", **key} for key in (one, other)]
    notes = [
        {"table": "log", "column": "logs_connections", "cause": cause, **key}
        for cause, key in (("denied", one), ("failed", other))
    ]
    found = judge(SCOPE, Tables({Log: Log.frame(rows)}, unread=unread_frame(notes)), [check]).findings
    assert dict(zip(found["resource_id"], found["cause"], strict=True)) == {"a#b": "denied", "a": "failed"}


def reading(notes: Notes, table: Any) -> Reader:
    """The reader of a collector that fills a table and is refused by the network."""
    shared = Operation("things.list", "things:List", items="things", shared=True)

    class Refused:
        options: Mapping[str, Any] = MappingProxyType({})

        def send(self, operation: Operation, region: str, params: Any) -> Iterator[Any]:
            yield from ()
            raise ReadFailed("denied", "IpBlocked", "10.0.0.1 is not let in", cause="network_refused")

    one = Collector(table, "azure", (shared,), lambda _: iter(()), "region")
    return Reader(SCOPE, Refused(), datetime(2026, 11, 22, tzinfo=UTC), notes, Memory(), one)


def test_a_cause_that_is_finer_than_its_outcome_reaches_cells_gaps_and_coverage_with_the_tables() -> None:
    notes = Notes()
    for table in (Log, Hub, Log):
        reader = reading(notes, table)
        reply = reader(reader.collector.operations[0])
        cell = reply.cell(len)
        assert (cell.cause, cell.operation, cell.permission) == ("network_refused", "things.list", "things:List")
        assert (cell.code, cell.detail) == ("IpBlocked", "10.0.0.1 is not let in")
        assert list(reply) == []
    assert {gap["cause"] for gap in notes.gaps} == {"network_refused"}
    assert {(gap["operation"], gap["detail"]) for gap in notes.gaps} == {
        ("things.list", "IpBlocked, 10.0.0.1 is not let in")
    }
    (row,) = notes.coverage.values()
    assert (row["outcome"], row["cause"], row["tables"]) == ("denied", "network_refused", "hub|log")


def test_a_read_that_several_scopes_ask_for_fills_what_it_fills_in_any_of_them() -> None:
    row = {"provider": "aws", "account": "1", "region": "r", "operation": "o"}
    rows = [
        row | {"outcome": "read", "tables": "hub|log"},
        row | {"outcome": "denied", "cause": "quota", "tables": "store"},
        row | {"outcome": "read"},
    ]
    assert worst_outcomes(rows) == [rows[1] | {"tables": "hub|log|store"}]


def test_reports_know_no_collector_when_they_move_a_finding_on() -> None:
    found = {
        alias.name if isinstance(node, ast.Import) else node.module
        for path in ("lifecycle", "ingest", "store", "coverage")
        for node in ast.walk(ast.parse((ROOT / "reports" / f"{path}.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    plain = {"collectors.scope", "collectors.errors", "collectors.files"}
    assert {name for name in found if name and name.startswith("collectors.")} <= plain, "none of them knows a cloud"
