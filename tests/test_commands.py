"""The command of every remedy: that the cloud's own command line has it, and that no name can make it do anything else."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from made_up import HOSTILE

from checks.check import Check
from checks.command import PARTS, PLACE, command_for_row, fits, places, words
from checks.judge import judge
from checks.registry import CHECKS
from collectors.registry import PROVIDERS
from collectors.schema import TEXT, Tables
from collectors.scope import Scope

TOOLS = {"aws": "aws", "azure": "az", "gcp": "gcloud"}
COMMANDS = [
    pytest.param(check, key, template, id=f"{check.id}-{key.replace(' ', '-')}")
    for check in CHECKS
    for key, template in check.command.items()
]
AWS = [command for command in COMMANDS if str(command.values[1]).startswith("aws")]
IDS = {
    "aws": "arn:aws:iot:eu-west-1:123456789012:package/pump/version/1",
    "azure": "/subscriptions/s/resourceGroups/field/providers/Microsoft.Devices/IotHubs/hub-pumps",
    "gcp": "//cloudkms.googleapis.com/projects/p/locations/l/keyRings/r/cryptoKeys/k",
}
SHELLED = (
    "$(touch owned)", "`touch owned`", "; touch owned", "a && touch owned", "a | touch owned", "a\ntouch owned", "> owned",
    "'; touch owned; '", '"; touch owned; "', "\\'; touch owned #", "a b", "a\\", "~root", "*", "#a", "!!", "{a,b}", "--profile=b",
    "@owned", "file://owned", "FILEB://owned", "http://127.0.0.1/", "‘; touch owned; ‘", "%PATH%", "a=b,c=d", "",
)  # fmt: skip
"""Names by which somebody would run a command, read a file, or add an option."""


def row(key: str, template: str) -> dict[str, Any]:
    """A row that fills every place of a template."""
    provider = key.split(maxsplit=1)[0]
    return {column: IDS[provider] if part else f"{column}-1" for column, part in places(template)} | {
        column: IDS[provider] for column, part in places(template) if part
    }


@cache
def model(service: str) -> Any:
    """botocore's model of what the AWS CLI calls a service."""
    return botocore.session.get_session().get_service_model(
        {"s3api": "s3", "configservice": "config"}.get(service, service)
    )


def operation(service: str, command: str) -> Any:
    """The operation that a command of the AWS CLI calls."""
    known = {xform_name(name, "-"): name for name in model(service).operation_names}
    return model(service).operation_model(known[command])


def members(shape: Any, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Every name that a value of a shape may use before a `=`."""
    if shape.name in seen:
        return
    inner = [getattr(shape, name, None) for name in ("member", "key", "value")]
    yield from getattr(shape, "members", {})
    yield from getattr(shape, "enum", ())
    for next_ in (*getattr(shape, "members", {}).values(), *inner):
        if next_ is not None:
            yield from members(next_, seen | {shape.name})


def options(arguments: tuple[str, ...]) -> dict[str, list[str]]:
    """The options of a command with their values."""
    found: dict[str, list[str]] = {}
    for word in arguments:
        if word.startswith("--"):
            name, _, value = word.partition("=")
            found[name] = [value] if value else []
        else:
            found[next(reversed(found))].append(word)
    return found


@pytest.mark.parametrize(("check", "key", "template"), COMMANDS)
def test_a_command_is_one_of_the_cloud_it_is_for_and_fills_in_what_the_table_holds(
    check: Check, key: str, template: str
) -> None:
    provider, _, kind = key.partition(" ")
    assert template.split(maxsplit=1)[0] == TOOLS[provider]
    wanted = check.only.get("provider", PROVIDERS)
    assert provider in ((wanted,) if isinstance(wanted, str) else wanted)
    columns = check.table.columns()
    kinds = check.only.get("kind", ())
    known = [kinds] if isinstance(kinds, str) else list(kinds)
    for name in {"kind", "target_kind"} & columns.keys():
        known += columns[name].values
    assert not kind or kind in known
    for column, part in places(template):
        assert columns[column].dtype == TEXT
        assert not part or part in PARTS
    assert not re.search(r"\{[^\s{}=\"]*\}", PLACE.sub("", template)), "a place that is none"
    assert command_for_row(template, row(key, template)), "nothing fills it in"


@pytest.mark.parametrize(("check", "key", "template"), COMMANDS)
def test_a_value_stands_where_nothing_but_a_value_is_read(check: Check, key: str, template: str) -> None:
    for word in words(template):
        if PLACE.search(word):
            assert re.fullmatch(r"(--[a-z-]+=)?[\w:/.]*[\w:/.-]*", PLACE.sub("x", word)), (
                "it could end the value it is part of"
            )


@pytest.mark.parametrize(("check", "key", "template"), COMMANDS)
def test_no_command_deletes_what_a_person_has_not_chosen(check: Check, key: str, template: str) -> None:
    verbs = [word for word in template.split()[1:5] if not word.startswith("-")]
    assert not [verb for verb in verbs if re.match(r"(delete|purge|destroy|deregister|terminate)\b", verb)]


@pytest.mark.parametrize(("check", "key", "template"), AWS)
def test_an_aws_command_is_one_that_botocore_knows(check: Check, key: str, template: str) -> None:
    _, service, command, *rest = words(template)
    shape = operation(service, command).input_shape
    given = options(tuple(rest))
    known = {f"--{xform_name(name, '-')}": member for name, member in shape.members.items()}
    known |= {f"--no-{name[2:]}": member for name, member in known.items() if member.type_name == "boolean"}
    required = {f"--{xform_name(name, '-')}" for name in shape.required_members}
    assert given.keys() - {"--region"} <= known.keys()
    assert required <= given.keys()
    for name, values in given.items():
        if name == "--region":
            continue
        member = known[name]
        assert len(values) == (0 if member.type_name == "boolean" else 1)
        for value in values:
            if enum := getattr(member, "enum", ()):
                assert value in enum or value.startswith("YOUR_")
            if member.type_name in ("structure", "map", "list") and "//" not in value:
                assert set(re.findall(r"(\w+)=", value)) <= set(members(member))


@pytest.mark.parametrize(("check", "key", "template"), COMMANDS)
def test_a_hostile_value_is_one_argument_or_there_is_no_command(check: Check, key: str, template: str) -> None:
    good = row(key, template)
    for column in good:
        for text in (*HOSTILE, *SHELLED):
            bad = {**good, column: f"{good[column]}{text}" if good[column] in IDS.values() else text}
            command = command_for_row(template, bad)
            values = {(c, p): PARTS[p](bad[c]) if p else bad[c] for c, p in places(template)}
            whole = [PLACE.sub(lambda place: values[place[1], place[2] or ""], word) for word in words(template)]  # noqa: B023
            assert command == "" or shlex.split(command) == whole
            assert not command or all(map(fits, values.values()))


@pytest.mark.parametrize(
    "text", ["a\n", "safe\u202egnp.exe", "zero\u200bwidth", "nul\x00", "\x1b[2J", "-2+3", "@a", "it's", ""]
)
def test_what_does_not_print_or_quote_alike_everywhere_gives_no_command(text: str) -> None:
    assert command_for_row("aws iot describe-thing --thing-name {name}", {"name": text}) == ""


@pytest.mark.parametrize("cells", [{"name": None}, {}, {"name": ""}])
def test_what_was_not_read_gives_no_command(cells: dict[str, Any]) -> None:
    assert command_for_row("aws iot describe-thing --thing-name {name}", cells) == ""


ARN = "arn:aws:iot:eu-west-1:123456789012:package/pump/version/1"
ARM = "/subscriptions/s/resourcegroups/field/providers/Microsoft.Devices/IotHubs/hub-pumps"
KEY = "//cloudkms.googleapis.com/projects/p/locations/l/keyRings/r/cryptoKeys/k"


@pytest.mark.parametrize(
    ("part", "value", "found"),
    [
        ("id", ARN, "1"), ("id", "arn:aws:sns:eu-west-1:1:alarms:x", "x"), ("id", "plain", "plain"), ("id", ARM, "hub-pumps"),
        ("group", ARM, "field"), ("group", ARM.replace("groups", "GROUPS"), "field"), ("group", ARN, ""),
        ("path", KEY, "projects/p/locations/l/keyRings/r/cryptoKeys/k"), ("path", "projects/p", ""),
        ("keyring", KEY, "projects/p/locations/l/keyRings/r"), ("keyring", "//pubsub/projects/p", ""),
        ("region", ARN, "eu-west-1"), ("region", "arn:aws:s3:::bucket", ""), ("region", ARM, ""),
        ("package", ARN, "pump"), ("package", "arn:aws:iot:eu-west-1:1:thing/pump", ""),
    ],
)  # fmt: skip
def test_a_part_of_an_id_is_found_by_its_name(part: str, value: str, found: str) -> None:
    assert PARTS[part](value) == found
    assert command_for_row(f"aws x --y {{name.{part}}} --z {{other}}", {"name": value, "other": "o"}) == (
        f"aws x --y {found} --z o" if found else ""
    )


def test_the_parts_of_an_id_are_a_contract() -> None:
    assert list(PARTS) == ["id", "group", "path", "keyring", "region", "package"]


@pytest.mark.parametrize("text", [
    "", "-x", "@x", "file:x", "FILE:x", "fileb:x", "http:x", "https:x", "a\nb", "a\u202eb", *(f"a{c}b" for c in "'\"`‘’‚‛“”„&|<>^%!$"),
])  # fmt: skip
def test_no_command_holds_what_a_shell_or_a_command_line_acts_on(text: str) -> None:
    assert not fits(text)
    assert command_for_row("aws x --y {name} --z {other}", {"name": text, "other": "o"}) == ""
    assert command_for_row("aws x --y {other} --z {name}", {"name": text, "other": "o"}) == ""


@pytest.mark.parametrize(
    "text", ["X", "x-y", "x@y", "a file:x", "0", "a b", "(x)", "Ünder", "YOUR_NAME", "httpx", "\\"]
)
def test_what_no_shell_acts_on_stands_in_a_command(text: str) -> None:
    assert fits(text)
    assert shlex.split(command_for_row("aws x --y={name} 'two words' {name}", {"name": text})) == [
        "aws", "x", f"--y={text}", "two words", text,
    ]  # fmt: skip


def test_a_template_names_its_places() -> None:
    template = "az x --a {name} --b {hub.group}/{hub.id} --shorthand {Enabled=true}"
    assert places(template) == [("name", ""), ("hub", "group"), ("hub", "id")]
    assert (
        command_for_row(template, {"name": 7, "hub": ARM})
        == "az x --a 7 --b field/hub-pumps --shorthand '{Enabled=true}'"
    )
    assert command_for_row(template, {"name": None, "hub": ARM}) == ""
    assert command_for_row(template, {"name": "None", "hub": ARM}).startswith("az x --a None")


def test_bash_hands_over_the_arguments_and_runs_nothing_else(tmp_path: Path) -> None:
    template = "printf %s\\\\0 --name={name} {name} gs://{name}"
    wanted, lines = [], []
    for text in (*HOSTILE, *SHELLED):
        if command := command_for_row(template, {"name": text}):
            lines.append(command)
            wanted += [f"--name={text}", text, f"gs://{text}"]
    assert len(lines) > 5, "quoting is worth a test"
    done = subprocess.run(["bash", "-c", "\n".join(lines)], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == wanted
    assert done.stderr == b""
    assert list(tmp_path.iterdir()) == []


def test_a_finding_carries_the_command_with_its_own_ids() -> None:
    check = next(c for c in CHECKS if c.id == "certificate-has-a-strong-key")
    arn = "arn:aws:iot:eu-west-1:123456789012:cacert/0f1e"
    rows: list[dict[str, Any]] = [
        {"kind": "authority", "weak_key": True, "resource": arn},
        {"kind": "device", "weak_key": True, "resource": arn.replace("ca", "")},
        {"kind": "device", "weak_key": None, "resource": f"{arn}2"},
    ]
    common = {"provider": "aws", "account": "123456789012", "region": "eu-west-1", "active": True, "subject": ""}
    frame = check.table.frame([{**common, **cells} for cells in rows])
    judged = judge(Scope("aws", "123456789012", "eu-west-1"), Tables({check.table: frame}), [check])
    assert judged.findings["remediation_cli"].tolist() == [
        "aws iot update-ca-certificate --region eu-west-1 --certificate-id 0f1e --new-status INACTIVE",
        "aws iot update-certificate --region eu-west-1 --certificate-id 0f1e --new-status INACTIVE",
        "",
    ]
