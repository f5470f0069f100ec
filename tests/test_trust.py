"""A settings file is trusted: what it decides is told, nothing goes in the clear, and a broken one is one line."""

from __future__ import annotations

import json
import os
import typing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collectors.clearblade.session import configuration
from collectors.endpoint import InTheClear, encrypted
from collectors.provider import NoTarget
from flows.cli import app
from flows.console import UNREACHABLE, USAGE, exit_code
from flows.demo import toml
from flows.errors import BadSettings
from flows.scan import Order
from flows.settings import Settings, Url, load
from flows.trust import DECIDING, ENDPOINT
from lab.cloud import NO_METADATA, Lab

AWAY = "http://collector.example"
URLS = [
    ("aws", "endpoint"), ("aws", "endpoints"), ("azure", "endpoint"), ("azure", "authority"), ("azure", "hub_endpoint"),
    ("gcp", "endpoint"), ("gcp", "endpoints"), ("gcp", "iot_endpoint"), ("clearblade", "endpoint"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder without a settings file, and no variable that decides anything."""
    for name in [name for name in os.environ if name.upper().startswith("IOTPOSTURE_") or ENDPOINT.fullmatch(name)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def written(sections: dict[str, dict[str, Any]], name: str = "iotposture.toml") -> str:
    Path(name).write_text(toml(sections), encoding="utf-8")
    return name


def run(*words: str) -> int:
    return exit_code(lambda: app(list(words), print_error=False, exit_on_error=False))


@pytest.mark.parametrize(
    "url",
    ["", "https://a.example", "HTTPS://a.example", "http://127.0.0.1:80/x", "http://127.8.9.1", "http://localhost:1", "http://[::1]:1",
     "http://127.0.0.1:1/{host}", "https://{host}"],
)  # fmt: skip
def test_a_url_may_be_https_or_on_this_machine(url: str) -> None:
    assert encrypted(url) == url


@pytest.mark.parametrize(
    "url",
    [AWAY, "http://{host}", "http://10.0.0.1", "http://127.0.0.1@a.example", "http://a.example\\@127.0.0.1", "http://127.0.0.1\\@a.example",
     "http://me:word@127.0.0.1", "http://127.0.0.1.a.example", "http://localhost.a.example", "http://[::1", "http://[::ffff:10.0.0.1]",
     "http://169.254.169.254", "http://0.0.0.0", "http://a.example#@127.0.0.1", "ftp://a.example", "//a.example"],
)  # fmt: skip
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(InTheClear, match="in the clear") as told:
        encrypted(url)
    assert "word" not in str(told.value)


@pytest.mark.parametrize(("cloud", "name"), URLS)
def test_an_endpoint_in_the_clear_is_refused_with_the_file_and_the_setting(cloud: str, name: str) -> None:
    file = written({cloud: {name: {"iot": AWAY} if name == "endpoints" else AWAY}})
    with pytest.raises(BadSettings) as told:
        load()
    where = f"{cloud}.{name}" + ".iot" * (name == "endpoints")
    assert (
        str(told.value) == f"{file}: {where}: {AWAY} would be asked in the clear; allowed: https, or http to 127.0.0.1"
    )


def test_an_endpoint_in_the_clear_is_refused_with_the_variable_it_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("IOTPOSTURE_GCP__ENDPOINT", AWAY), ("iotposture_aws", json.dumps({"endpoint": AWAY}))):
        with monkeypatch.context() as patch:
            patch.setenv(name, text)
            with pytest.raises(BadSettings, match=f"^{name}: .*in the clear"):
                load()


@pytest.mark.parametrize("verb", ["scan", "collect", "doctor"])
@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"])
def test_a_variable_of_aws_in_the_clear_is_refused(
    verb: str, variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, AWAY)
    assert run(verb, "--only", "aws") == USAGE
    assert (
        capsys.readouterr().err
        == f"{variable}: {AWAY} would be asked in the clear; allowed: https, or http to 127.0.0.1\n"
    )


def test_every_setting_that_is_a_url_of_a_cloud_is_told() -> None:
    pattern = typing.get_args(Url)[1].metadata[0].pattern
    for cloud, told in DECIDING.items():
        section: Any = Settings.model_fields[cloud].annotation
        known = section.model_fields
        assert set(told) <= set(known)
        assert {name for name, info in known.items() if pattern in repr(info)} <= set(told), cloud
        assert {name for name in known if "endpoint" in name} <= set(told), cloud


ORDERED: list[tuple[str, dict[str, dict[str, Any]], dict[str, str], list[str]]] = [
    ("nothing is set", {"aws": {"regions": ["eu-west-1"]}}, {}, []),
    ("one file, one line", {"aws": {"endpoint": "https://a.example"}, "gcp": {"credentials": "/k.json", "endpoints": {"pubsub": "https://p.example"}}}, {},
     ["iotposture.toml is trusted: aws.endpoint = https://a.example; gcp.endpoints.pubsub = https://p.example; gcp.credentials = /k.json"]),
    ("a variable goes first", {"azure": {"authority": "https://a.example"}}, {"IOTPOSTURE_AZURE__AUTHORITY": "https://b.example"},
     ["IOTPOSTURE_AZURE__AUTHORITY is trusted: azure.authority = https://b.example"]),
    ("a variable of a whole section", {"azure": {"authority": "https://a.example"}}, {"IOTPOSTURE_AZURE": '{"endpoint": "https://b.example"}'},
     ["IOTPOSTURE_AZURE is trusted: azure.endpoint = https://b.example", "iotposture.toml is trusted: azure.authority = https://a.example"]),
    ("hosts of lists that are not fetched", {"aws": {"crl_hosts": ["ca.corp"]}}, {}, []),
    ("hosts of lists", {"aws": {"crl_fetch": True, "crl_hosts": ["ca.corp", "ca.lab"]}}, {}, ["iotposture.toml is trusted: aws.crl_hosts = ca.corp, ca.lab"]),
    ("AWS's own variables", {}, {"AWS_ENDPOINT_URL_IOT": "https://a.example"}, ["AWS_ENDPOINT_URL_IOT is trusted: aws is asked at https://a.example"]),
    ("AWS's own, ignored", {}, {"AWS_ENDPOINT_URL": AWAY, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, []),
    ("AWS's own, after a setting", {"aws": {"endpoint": "https://a.example"}}, {"AWS_ENDPOINT_URL": AWAY}, ["iotposture.toml is trusted: aws.endpoint = https://a.example"]),
    ("a password, and a second line", {"clearblade": {"endpoint": "https://me:word@a.example", "configuration": "/k\nb"}}, {},
     ["iotposture.toml is trusted: clearblade.endpoint = https://me:***@a.example; clearblade.configuration = /k b"]),
]  # fmt: skip


@pytest.mark.parametrize(("case", "sections", "variables", "lines"), ORDERED, ids=[case[0] for case in ORDERED])
def test_what_a_file_or_a_variable_decides_is_told_with_its_name(
    case: str, sections: dict[str, Any], variables: dict[str, str], lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    written(sections)
    settings = load()
    clock = datetime.now(UTC)
    assert sorted(Order(settings, "1", clock).trusted()) == sorted(lines)
    others = [name for name in DECIDING if not any(name in line for line in lines)]
    assert not others or Order(settings, "1", clock, tuple(others)).trusted() == []


def test_each_verb_that_asks_a_cloud_tells_it_once_and_the_others_do_not(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for cloud in (lab.aws, lab.azure, lab.gcp) for name in cloud.env()]:
        monkeypatch.delenv(name, raising=False)
    for name, text in {**NO_METADATA, **lab.clearblade.env()}.items():
        monkeypatch.setenv(name, text)
    key = os.environ["CLEARBLADE_CONFIGURATION"]
    file = written({"clearblade": {**lab.clearblade.settings(), "configuration": key}}, "mine.toml")
    line = f"{file} is trusted: clearblade.configuration = {key}"
    for words in (["scan", "--out", "a", "--runner", "threads"], ["collect", "--out", "b"], ["doctor"]):
        assert run(*words, "--only", "clearblade", "--settings", file) == 0, words
        assert capsys.readouterr().err.splitlines().count(line) == 1, words
    for words in (
        ["scan", "--out", "c", "--only", "clearblade", "--quiet"],
        ["trend", "--history", "a/history.db"],
        ["show", "settings"],
    ):
        assert run(*words, "--settings", file) == 0, words
        assert line not in capsys.readouterr().err, words


def test_a_credentials_file_of_clearblade_that_names_a_host_in_the_clear_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    key.write_text(json.dumps({"url": AWAY, "systemKey": "k", "token": "t", "project": "p"}))
    with pytest.raises(
        NoTarget, match=r"^clearblade: the file of settings clearblade\.configuration: http.*in the clear"
    ):
        configuration({"configuration": str(key)})


BROKEN = [
    (
        "Latin-1",
        "# München\nthreads = 3\n".encode("latin-1"),
        "not UTF-8, as TOML is, from byte 4 on; save it as UTF-8",
    ),
    ("UTF-16", "threads = 3\n".encode("utf-16"), "not UTF-8, as TOML is, from byte 1 on; save it as UTF-8"),
    ("lists in lists", b"runs = " + b"[" * 9000, "TOML that cannot be read (RecursionError)"),
    ("a number without end", b"threads = " + b"9" * 9000, "TOML that cannot be read (ValueError)"),
]


@pytest.mark.parametrize(("case", "content", "line"), BROKEN, ids=[case[0] for case in BROKEN])
@pytest.mark.parametrize(
    "words", [["scan"], ["trend"], ["show", "settings"], ["waivers", "list"], ["doctor"]], ids=" ".join
)
def test_a_settings_file_that_cannot_be_read_is_one_line(
    words: list[str], case: str, content: bytes, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("iotposture.toml").write_bytes(content)
    assert run(*words) == USAGE
    assert capsys.readouterr().err == f"iotposture.toml: {line}\n"


def test_a_hostile_file_in_the_folder_is_named_before_anybody_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    written({"gcp": {"credentials": "/nowhere/key.json", "endpoint": "http://127.0.0.1:9"}})
    assert run("doctor", "--only", "gcp") == UNREACHABLE
    first = capsys.readouterr().err.splitlines()[0]
    assert first == "iotposture.toml is trusted: gcp.endpoint = http://127.0.0.1:9; gcp.credentials = /nowhere/key.json"


PLACES = [
    ("nosuch://x", "nosuch://x: fsspec knows no nosuch://; allowed: a folder, or its URLs"),
    ("nosuch://me:word@x", "nosuch://me:***@x: fsspec knows no nosuch://; allowed: a folder, or its URLs"),
    ("reference::x.json", "reference::x.json is a URL within another one; allowed: a folder, or one URL"),
    ("simplecache::reference::x.json", "simplecache::reference::x.json is a URL within another one; allowed: a folder, or one URL"),
    ("reference://x.json", "reference://x.json is a URL within another one; allowed: a folder, or one URL"),
]  # fmt: skip
TEMPLATES = {"version": 1, "templates": {"u": "{{ 1/0 }}"}, "refs": {"run.json": "{{ 1/0 }}"}}


@pytest.mark.parametrize(("place", "line"), PLACES)
def test_a_place_of_runs_that_nobody_knows_is_one_line_and_no_template_is_filled_in(
    place: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("x.json").write_text(json.dumps(TEMPLATES))
    Path("iotposture.toml").write_text(f"runs = {json.dumps(place)}\n")
    for words in (["scan"], ["collect"], ["waivers", "list"]):
        assert run(*words) == USAGE, words
        assert capsys.readouterr().err == f"iotposture.toml: runs: {line}\n", words
    Path("iotposture.toml").unlink()
    for words in (["waivers", "list", "--run", place], ["check", place], ["report", place]):
        assert run(*words) == USAGE, words
        assert capsys.readouterr().err == f"{line}\n", words


def test_places_of_runs_that_are_known_stay() -> None:
    for place in ("", "runs", "memory://runs", "file:///runs", "a folder/run"):
        assert Settings(runs=place).runs == place
