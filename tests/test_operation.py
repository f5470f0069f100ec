"""One read and what came of it: coverage, gaps, unread cells, and what is asked only once. The provider exists here only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collectors.fact_cache import FactCache
from collectors.operation import (
    COLLECTORS,
    Absent,
    Collector,
    Memory,
    Notes,
    Operation,
    Reader,
    ReadFailed,
    Undeclared,
    collector,
    declared,
    permissions,
)
from collectors.schema import Row, Unread
from collectors.scope import OUTCOMES, Outcome, Scope
from collectors.tables.device import Certificate
from collectors.tables.hub import Hub
from collectors.weak_keys import WeakKeys

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SCOPE = Scope("things", "1", "here")
LIST = Operation("things.list", "things:List", items="things", fixed=(("kind", "all"),))
GET = Operation("things.get", "things:Get")
SHARED = Operation("things.shared", "things:Shared", items="things", shared=True)
ONCE = Operation("things.once", "things:Once", shared=True)
OPERATIONS = (LIST, GET, SHARED, ONCE)
DENIED = ReadFailed("denied", "AccessDenied", "by a policy")
ENTERED = ReadFailed("denied", "AccessDenied", permission="things:Enter")


class Things:
    """A session that gives what it was told to, and keeps what it was asked."""

    options: Mapping[str, Any] = {"regions": ["here"]}

    def __init__(self, *answers: Any) -> None:
        self.answers, self.given = answers, 0
        self.asked: list[tuple[str, str, Mapping[str, Any]]] = []

    def send(self, operation: Operation, region: str, params: Mapping[str, Any]) -> Iterator[Any]:
        self.asked.append((operation.name, region, params))
        for answer in self.answers:
            self.given += 1
            if isinstance(answer, Exception):
                raise answer
            yield answer


def rows_of(read: Reader) -> Iterator[Row]:
    yield from read(LIST)


HUBS = Collector(Hub, "things", OPERATIONS, rows_of, "region", "gateway")


def reader(*answers: Any, memory: Memory | None = None) -> Reader:
    return Reader(SCOPE, Things(*answers), NOW, Notes(), memory or Memory(), HUBS)


def asked(read: Reader) -> list[tuple[str, str, Mapping[str, Any]]]:
    assert isinstance(read.session, Things)
    return read.session.asked


def coverage(read: Reader) -> dict[str, str]:
    """The one row of the coverage."""
    (row,) = read.notes.coverage.values()
    return row


ANSWERS: dict[str, tuple[list[Any], list[Any], Outcome, str, str]] = {
    "a whole list": ([1, 2], [1, 2], "read", "things:List", ""),
    "an empty list": ([], [], "read", "things:List", ""),
    "none": ([Absent()], [], "read", "things:List", ""),
    "a list that breaks off": ([1, DENIED, 2], [1], "denied", "things:List", "AccessDenied"),
    "an account that is not entered": ([ENTERED], [], "denied", "things:Enter", "AccessDenied"),
    "a list ended by its budget": ([1, ReadFailed("partial", "Budget")], [1], "partial", "things:List", "Budget"),
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("operation", [LIST, SHARED])
def test_a_list_gives_its_items_and_says_how_it_ended(name: str, operation: Operation) -> None:
    answers, items, outcome, permission, code = ANSWERS[name]
    permission = permission.replace("things:List", operation.permission)
    read = reader(*answers)
    assert list(read(operation, thing="a", kind="all")) == items
    row = coverage(read)
    assert (row["outcome"], row["permission"], row["code"]) == (outcome, permission, code)
    assert (row["provider"], row["account"], row["region"], row["operation"]) == ("things", "1", "here", operation.name)
    if outcome == "read":
        assert read.notes.gaps == []
    else:
        (gap,) = read.notes.gaps
        known = {
            "table": "hub",
            "provider": "things",
            "account": "1",
            "region": "here",
            "kind": "gateway",
            "cause": outcome,
        }
        assert {key: gap[key] for key in known} == known
        assert gap["permission"] == permission
        assert gap["detail"].split(", ")[-1] == ("a" if operation is LIST else "a all"), "what is fixed tells nothing"
        assert (code in gap["detail"], gap["operation"]) == (True, operation.name)


def test_a_list_is_asked_in_its_scope_with_what_is_fixed() -> None:
    read = reader(1)
    list(read(LIST, thing="a"))
    list(read(LIST, "there", kind="some"))
    assert asked(read) == [
        ("things.list", "here", {"kind": "all", "thing": "a"}), ("things.list", "there", {"kind": "some"})
    ]  # fmt: skip
    assert [row["region"] for row in read.notes.coverage.values()] == ["here", "there"]
    assert read.options == {"regions": ["here"]}


def test_a_list_is_read_as_it_comes() -> None:
    read = reader(1, 2, 3)
    items = iter(read(LIST))
    assert (next(items), read.session.given) == (1, 1)  # type: ignore[attr-defined]


def test_a_gap_may_have_a_cause_of_its_own() -> None:
    read = reader()
    read.gap(DENIED, LIST)
    read.gap(DENIED, LIST, "a", "quota")
    assert [(gap["cause"], gap["detail"]) for gap in read.notes.gaps] == [
        ("denied", "AccessDenied, by a policy"), ("quota", "AccessDenied, by a policy, a")
    ]  # fmt: skip


def test_what_no_collector_declared_is_not_asked() -> None:
    read = reader(1)
    with pytest.raises(Undeclared, match=r"asks for other\.list, which it does not declare"):
        read(Operation("other.list", "x"))
    assert asked(read) == []


CELLS: dict[str, tuple[Operation, list[Any], Any]] = {
    "an object": (GET, [{"a": 1}], 1),
    "a list": (LIST, [{"a": 1}, {"a": 2}], [1, 2]),
    "an empty list": (LIST, [], []),
    "no object": (GET, [], "absent"),
    "none": (GET, [Absent()], "absent"),
    "no list": (LIST, [Absent()], "absent"),
    "no such field": (GET, [{"b": 1}], ("absent_field", "", "gave no a")),
    "no object of a known shape": (GET, [7], ("not_parseable", "", "TypeError")),
    "denied": (GET, [DENIED], ("denied", "things:Get", "AccessDenied")),
    "not entered": (GET, [ENTERED], ("denied", "things:Enter", "AccessDenied")),
    "a list that breaks off": (LIST, [{"a": 1}, DENIED], ("denied", "things:List", "AccessDenied")),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_is_what_the_reply_says_or_unread_with_its_reason(name: str) -> None:
    operation, answers, wanted = CELLS[name]
    read = reader(*answers)
    found = read(operation).cell(lambda it: [one["a"] for one in it] if operation.items else it["a"], "absent")
    if isinstance(wanted, tuple):
        assert isinstance(found, Unread)
        assert (found.cause, found.permission) == wanted[:2]
        assert wanted[2] in f"{found.code} {found.detail}"
        assert found.operation == operation.name
    else:
        assert found == wanted
    failed = any(isinstance(answer, ReadFailed) for answer in answers)
    assert coverage(read)["outcome"] == ("denied" if failed else "read")
    assert read.notes.gaps == []


RAISED = [IndexError, TypeError, ValueError, AttributeError, RecursionError, OverflowError, ZeroDivisionError, OSError]
STOPS = [KeyboardInterrupt, SystemExit]


@pytest.mark.parametrize("error", RAISED)
def test_whatever_a_reply_brings_about_costs_its_cell_and_is_named_without_its_text(error: type[Exception]) -> None:
    def value(_: Any) -> Any:
        raise error("a secret")

    found = reader({})(GET).cell(value)
    assert isinstance(found, Unread)
    assert (found.cause, found.detail, found.operation) == ("not_parseable", error.__name__, "things.get")


@pytest.mark.parametrize("stop", STOPS)
def test_who_stops_a_scan_is_not_held_up(stop: type[BaseException]) -> None:
    def value(_: Any) -> Any:
        raise stop

    def stopped(read: Reader) -> Iterator[Row]:
        yield {"resource": "a"}
        raise stop

    with pytest.raises(stop):
        reader({})(GET).cell(value)
    with pytest.raises(stop):
        list(Collector(Hub, "things", OPERATIONS, stopped, "region").rows(reader()))


@pytest.mark.parametrize("operation", [LIST, SHARED])
def test_a_reply_that_the_session_chokes_on_is_a_read_that_failed(operation: Operation) -> None:
    read = reader(1, RecursionError("a secret"))
    assert list(read(operation)) == [1]
    assert (coverage(read)["outcome"], coverage(read)["code"]) == ("failed", "RecursionError")
    assert "secret" not in str((read.notes.gaps, read.notes.coverage))


def test_of_several_objects_and_names_the_first_counts() -> None:
    def value(_: Any) -> Any:
        raise KeyError("first", "second")

    assert reader(1, 2)(GET).cell(lambda it: it) == 1
    assert reader(1)(GET).cell(value).detail == "gave no first"


def test_a_cell_that_is_absent_is_none_unless_something_else_is_said() -> None:
    assert reader(Absent())(GET).cell(lambda it: it) is None


def test_one_reply_is_asked_once_however_often_it_is_used() -> None:
    read = reader({"a": 1})
    reply = read(GET)
    assert [reply.cell(lambda it: it["a"]), reply.cell(lambda it: it["a"]), *reply] == [1, 1, {"a": 1}]
    assert len(asked(read)) == 1
    assert len([read(GET).cell(len), read(GET).cell(len)]) == 2
    assert len(asked(read)) == 3


def test_a_shared_reply_is_asked_once_for_an_account_and_its_failure_with_it() -> None:
    memory = Memory()
    first, second = (reader(1, DENIED, memory=memory) for _ in range(2))
    assert [list(read(SHARED, thing="a")) for read in (first, second)] == [[1], [1]]
    assert (len(asked(first)), len(asked(second))) == (1, 0)
    assert coverage(second)["outcome"] == "denied"
    assert len(second.notes.gaps) == 1
    for other in (second(SHARED, thing="b"), second(SHARED, "there", thing="a"), second(ONCE, thing="a")):
        list(other)
    assert len(asked(second)) == 3
    assert list(second(SHARED, thing="a", more=1)) == list(second(SHARED, more=1, thing="a"))
    assert len(asked(second)) == 4


@pytest.mark.parametrize("first", OUTCOMES)
@pytest.mark.parametrize("second", OUTCOMES)
def test_coverage_keeps_the_worst_of_two_outcomes_and_the_first_of_two_alike(first: Outcome, second: Outcome) -> None:
    notes = Notes()
    for number, outcome in enumerate((first, second)):
        notes.cover(SCOPE, "here", GET, None if outcome == "read" else ReadFailed(outcome, f"code {number}", "why"))
    (row,) = notes.coverage.values()
    worst = max(first, second, key=OUTCOMES.index)
    assert row["outcome"] == worst
    assert (row["code"], row["detail"]) == (
        ("", "") if worst == "read" else (f"code {0 if worst == first else 1}", "why")
    )


def test_each_region_and_operation_is_covered_by_itself() -> None:
    notes = Notes()
    for region, operation in (("here", GET), ("there", GET), ("here", LIST)):
        notes.cover(SCOPE, region, operation)
    assert list(notes.coverage) == [("here", "things.get"), ("there", "things.get"), ("here", "things.list")]
    assert {(row["tables"], row["cause"]) for row in notes.coverage.values()} == {("", "")}


def test_the_coverage_says_which_tables_an_operation_was_asked_for() -> None:
    notes = Notes()
    notes.cover(SCOPE, "there", GET, DENIED, "hub")
    assert notes.coverage["there", "things.get"]["tables"] == "hub"
    notes = Notes()
    for table, failure in (("hub", None), ("hub", DENIED), ("bucket", None), ("", None), ("alias", None)):
        notes.cover(SCOPE, "here", GET, failure, table)
    assert [row["tables"] for row in notes.coverage.values()] == ["alias|bucket|hub"]
    notes.cover(SCOPE, "here", GET, ReadFailed("failed", "X"))
    (row,) = notes.coverage.values()
    assert (row["tables"], row["outcome"], row["cause"]) == ("alias|bucket|hub", "failed", "failed")


def completed(*rows: Row, kind: str = "gateway") -> tuple[list[Row], Notes]:
    """What a collector makes of some rows."""
    read = reader(*rows)
    made = Collector(Hub, "things", OPERATIONS, rows_of, "region", kind)
    return list(made.rows(read)), read.notes


def test_a_row_is_completed_with_its_scope() -> None:
    rows, notes = completed({"resource": "a"}, {"resource": "b", "region": "there", "subject": "s", "kind": "own"})
    scope = {"provider": "things", "account": "1"}
    assert rows == [
        {"resource": "a", "subject": "", "region": "here", "kind": "gateway", **scope},
        {"resource": "b", "subject": "s", "region": "there", "kind": "own", **scope},
    ]
    assert notes.unread == []
    assert "kind" not in completed({"resource": "a"}, kind="")[0][0]


def test_an_unread_cell_is_noted_with_its_row() -> None:
    _, notes = completed(
        {"resource": "a", "subject": "s", "min_tls": Unread("denied", "things:Get", "why", "things.get", "X")}
    )
    (note,) = notes.unread
    assert (note["table"], note["resource"], note["subject"], note["column"]) == ("hub", "a", "s", "min_tls")
    assert (note["cause"], note["permission"], note["operation"]) == ("denied", "things:Get", "things.get")
    assert note["detail"] == "X, why"


@pytest.mark.parametrize("error", [KeyError, *RAISED])
def test_a_reply_of_a_shape_nobody_expected_costs_its_table_and_not_the_scan(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "iotposture")

    def broken(read: Reader) -> Iterator[Row]:
        for name in read(LIST):
            yield {"resource": name}
            raise error("a secret")

    read = reader("a", "b")
    made = Collector(Hub, "things", OPERATIONS, broken, "region")
    rows = list(made.rows(read))
    assert [row["resource"] for row in rows] == ["a"]
    itself = read.notes.coverage.pop(("here", made.name))
    assert (itself["outcome"], itself["code"], itself["cause"]) == ("failed", error.__name__, "not_parseable")
    assert (itself["permission"], itself["detail"], itself["tables"]) == ("", "", "")
    assert (coverage(read)["operation"], coverage(read)["outcome"]) == ("things.list", "read"), "the list did answer"
    (gap,) = read.notes.gaps
    assert (gap["table"], gap["cause"], gap["operation"], gap["kind"]) == ("hub", "not_parseable", made.name, "gateway")
    assert (gap["permission"], gap["detail"]) == ("", error.__name__)
    assert "kind" not in rows[0]
    (record,) = caplog.records
    assert (record.name, record.levelname, bool(record.exc_info)) == ("iotposture", "DEBUG", True)


def made(thing: Any) -> Row:
    """The row of a thing, as a collector makes it."""
    return {"resource": thing["id"], "name": thing["name"], "routes": len(thing["routes"])}


def called(thing: Any) -> Row:
    """What a thing is called."""
    return {"resource": thing["id"], "region": "there", "subject": "s"}


ODD: dict[str, tuple[Any, Any, dict[str, str]]] = {
    "its name": ({"id": "b", "routes": ()}, called, {"resource": "b", "detail": "gave no name"}),
    "sense": ({"id": "b", "name": "b", "routes": 7}, called, {"resource": "b", "detail": "TypeError"}),
    "its id": ({"name": "b", "routes": ()}, called, {"resource": "", "detail": "gave no id, an item without an id"}),
    "anything": ([], called, {"resource": "", "detail": "TypeError, an item without an id"}),
    "an id that is text": ({"id": 7}, called, {"resource": "", "detail": "gave no name, an item without an id"}),
    "rows": ({"id": "b"}, lambda it: it["id"], {"resource": "", "detail": "gave no name, b"}),
}


@pytest.mark.parametrize("lacks", ODD)
def test_an_item_that_makes_no_sense_costs_its_row_and_not_those_after_it(lacks: str) -> None:
    item, named, wanted = ODD[lacks]
    good = [{"id": name, "name": name, "routes": ()} for name in "ac"]

    def each(read: Reader) -> Iterator[Row]:
        yield from read.each(read(LIST), made, named)

    read = reader(good[0], item, good[1])
    rows = list(Collector(Hub, "things", OPERATIONS, each, "region").rows(read))
    assert [row["resource"] for row in rows] == ["a", "c"]
    (gap,) = read.notes.gaps
    place = ("there", "s") if wanted["resource"] else ("here", None)
    assert {"resource": gap.get("resource", ""), "detail": gap["detail"]} == wanted
    assert (gap["region"], gap.get("subject")) == place
    assert (gap["table"], gap["cause"], gap["operation"], gap["permission"]) == (
        "hub",
        "not_parseable",
        "things.list",
        "",
    )
    assert coverage(read)["outcome"] == "read", "the list is not failed because of what a row says"


def test_an_item_of_several_rows_gives_those_before_what_makes_no_sense() -> None:
    def parts(thing: Any) -> Iterator[Row]:
        yield {"resource": thing["id"]}
        raise RecursionError

    read = reader({"id": "a"}, {"id": "b"})
    assert [row["resource"] for row in read.each(read(LIST), parts, lambda it: str(it["id"]))] == ["a", "b"]
    assert [gap["detail"] for gap in read.notes.gaps] == ["RecursionError, a", "RecursionError, b"]


@pytest.mark.parametrize("resource", [None, "", 7, Unread("denied")])
def test_a_row_without_an_id_is_no_row(resource: Any) -> None:
    rows, notes = completed({"resource": resource, "name": "pump"}, {"resource": "b"})
    assert [row["resource"] for row in rows] == ["b"]
    assert [(gap["detail"], gap.get("resource")) for gap in notes.gaps] == [("gave no id, pump", None)]


def test_days_are_whole_and_go_by_the_clock_of_the_run() -> None:
    read = reader()
    for hours, until, since in ((24, 1, -1), (23, 0, -1), (0, 0, 0), (-1, -1, 0), (-24, -1, 1), (72, 3, -3)):
        moment = NOW + timedelta(hours=hours)
        assert (read.days_until(moment), read.days_since(moment)) == (until, since)


def test_tags_of_devices_are_told_only_where_somebody_asks() -> None:
    assert reader().device_tags({"team": "a"}) is None
    read = reader(memory=Memory(device_tags=frozenset({"team"})))
    assert read.device_tags({"team": "a", "site": "b"}) == '{"team": "a"}'
    assert read.device_tags(None) == reader(memory=Memory(device_tags=frozenset({"team"}))).device_tags({})


def test_a_memory_begins_with_what_it_is_given(tmp_path: Path) -> None:
    kept = FactCache()
    memory = Memory(kept, device_tags=frozenset({"team"}))
    assert memory.kept is kept
    assert memory.device_tags == {"team"}
    assert Memory().device_tags == frozenset()
    assert (type(Memory().kept), len(Memory().weak)) == (FactCache, 0)
    path = tmp_path / "blocklist.dat"
    path.write_bytes(b"\1" * 16)
    weak = WeakKeys(str(path))
    assert Memory(weak=weak).weak is weak


def test_operations_and_failures_say_what_they_are() -> None:
    assert str(GET) == "things.get"
    assert (GET.items, GET.absent, GET.shared, GET.fixed, GET.data, GET.ready, GET.outside) == (
        "",
        (),
        False,
        (),
        False,
        None,
        False,
    )
    assert str(ReadFailed("denied", "X", "why")) == "denied: X why"
    assert str(ReadFailed("denied", "X")) == "denied: X"
    assert (DENIED.permission, DENIED.cause, ReadFailed("denied", "X", cause="quota").cause) == ("", "denied", "quota")
    for outcome, cause in (("denied", "unavailable"), ("unavailable", "quota"), ("denied", "nonsense")):
        with pytest.raises(ValueError, match="cause"):
            ReadFailed(outcome, "X", cause=cause)  # type: ignore[arg-type]
    assert ReadFailed("unavailable", "X", cause="api_off").cause == "api_off"


def test_a_collector_is_declared_with_its_operations() -> None:
    before = len(COLLECTORS)
    try:

        @collector(Hub, "things", LIST, GET)
        def hubs(read: Reader) -> Iterator[Row]:
            yield from read(LIST)

        @collector(Certificate, "things", SHARED, GET, where="global", kind="authority")
        def authorities(read: Reader) -> Iterator[Row]:
            yield from read(SHARED)

        @collector(Hub, "others", ONCE)
        def others(read: Reader) -> Iterator[Row]:
            yield from read(ONCE)

        first, second, third = COLLECTORS[before:]
    finally:
        del COLLECTORS[before:]
    assert (first.table, first.provider, first.operations, first.function) == (Hub, "things", (LIST, GET), hubs)
    assert (first.where, first.kind, second.where, second.kind) == ("region", "", "global", "authority")
    assert first.name == f"{__name__}.hubs"
    assert declared("things", (first, second, third)) == (GET, LIST, SHARED)
    assert declared("others", (first, second, third)) == (ONCE,)
    assert HUBS.name == f"{__name__}.rows_of"


def test_permissions_are_those_that_the_api_asks_for_by_plane() -> None:
    asked = [
        Operation("a", "x:B"), Operation("b", "x:A"), Operation("c", "x:A"), Operation("d", ""),
        Operation("e", "x:D", data=True), Operation("f", "in words", outside=True), Operation("g", "more words", data=True, outside=True),
    ]  # fmt: skip
    assert permissions(asked) == ["x:A", "x:B"]
    assert permissions(asked, data=True) == ["x:D"]


def test_a_collector_of_the_house_is_named_by_module_and_function() -> None:
    import collectors.registry

    assert "aws.cognito.user_pools" in {one.name for one in collectors.registry.COLLECTORS}


NOT_DECLARED = Operation("things.other", "things:Other")
ROGUES: dict[str, Callable[[Reader], Iterator[Row]]] = {
    "a collector": lambda read: iter(read(NOT_DECLARED)),
    "the rows of an item": lambda read: read.each([1], lambda _: read(NOT_DECLARED), str),
    "a cell": lambda read: iter([{"resource": "a", "name": read(GET).cell(lambda _: read(NOT_DECLARED))}]),
}


@pytest.mark.parametrize("where", ROGUES)
def test_no_net_catches_an_operation_that_was_not_declared(where: str) -> None:
    """It is a fault of the collector and not of a reply: every test of it fails."""
    with pytest.raises(Undeclared, match=r"things\.other"):
        list(Collector(Hub, "things", OPERATIONS, ROGUES[where], "region").rows(reader({})))
