"""One cloud is enough: each extra by itself, in an environment that holds nothing but what that extra installs."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import subprocess
import sys
import tomllib
import venv
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import Distribution, distribution, distributions, packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from collectors.provider import EXTRAS, NoTarget, installed
from collectors.registry import PROVIDERS
from collectors.scope import Scope
from flows.console import COVERAGE, UNREACHABLE
from flows.demo import toml
from flows.scan import Order, find
from flows.settings import Settings
from lab.cloud import NO_METADATA, Lab

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MISSING = "{0}: not installed; install with the extra {0}"
SMALL: dict[str, dict[str, Any]] = {"aws": {"regions": ["eu-central-1"]}}
"""What keeps a cloud of the lab small."""


def needed(requirements: Iterable[str]) -> set[str]:
    """The distributions that these requirements bring, with all that those need."""
    todo, seen = [Requirement(text) for text in requirements], set[tuple[str, str]]()
    while todo:
        wanted = todo.pop()
        for key in {(canonicalize_name(wanted.name), extra) for extra in ("", *wanted.extras)} - seen:
            seen.add(key)
            inner = map(Requirement, distribution(wanted.name).requires or ())
            todo += [one for one in inner if not one.marker or one.marker.evaluate({"extra": key[1]})]
    return {name for name, _ in seen}


def parts(one: Distribution) -> Iterator[tuple[str, ...]]:
    """Where the files of a distribution lie below the environment's packages."""
    for file in one.files or ():
        if ".." not in file.parts and file.suffix != ".pth":
            yield file.parts


def environment(folder: Path, extra: str) -> Path:
    """The Python of an environment with what iotposture and one extra install, linked from the one that runs the tests."""
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    wanted = needed(PROJECT["dependencies"] + PROJECT["optional-dependencies"].get(extra, [])) | {"iotposture"}
    owners: dict[tuple[str, ...], set[str]] = defaultdict(set)
    installed = {
        canonicalize_name(one.name): one for one in distributions(path=[str(Path(pytest.__file__).parents[1])])
    }
    for name, one in installed.items():
        for path in parts(one):
            for length in range(1, len(path) + 1):
                owners[path[:length]].add(name)
    for name in installed.keys() & wanted:
        for path in parts(installed[name]):
            whole = next(path[:n] for n in range(1, len(path) + 1) if owners[path[:n]] == {name} or n == len(path))
            place, source = site.joinpath(*whole), Path(str(installed[name].locate_file("/".join(whole))))
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.is_symlink():
                place.symlink_to(source)
    (site / "project.pth").write_text(str(ROOT))
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def python_with(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The Python of the environment with one extra, made once."""
    made: dict[str, Path] = {}

    def python(extra: str) -> Path:
        made[extra] = made.get(extra) or environment(tmp_path_factory.mktemp("only") / (extra or "none"), extra)
        return made[extra]

    return python


class Typed:
    """Types commands into one environment, with the credentials of one of the lab's clouds and no other."""

    def __init__(self, python: Path, lab: Lab, cloud: str, folder: Path) -> None:
        others = {name for one in lab.clouds for name in one.env()}
        (mine,) = (one for one in lab.clouds if one.name == cloud)
        self._env = {k: v for k, v in os.environ.items() if k not in others}
        self._env |= {"HOME": str(folder), **NO_METADATA, **mine.env()}
        self._python, self._folder = python, folder
        self.sections = {cloud: {"calls_per_second": 1000, **lab.settings()[cloud], **SMALL.get(cloud, {})}}

    def __call__(self, *words: str, **sections: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        (self._folder / "iotposture.toml").write_text(toml(self.sections | sections))
        told = subprocess.run(
            [self._python, "-c", "from flows.cli import main; main()", *words],
            capture_output=True, text=True, timeout=240, check=False, cwd=self._folder, env=self._env,
        )  # fmt: skip
        assert "Traceback" not in told.stderr + told.stdout, told.stderr
        assert "no answer" not in told.stderr + told.stdout, "somebody waited for a cloud that cannot answer"
        return told


@pytest.mark.parametrize(("extra", "cloud"), [("aws", "aws"), ("azure", "azure"), ("gcp", "gcp"), ("", "clearblade")])
def test_one_extra_scans_its_cloud_and_names_what_the_others_need(
    extra: str, cloud: str, python_with: Callable[[str], Path], lab: Lab, tmp_path: Path
) -> None:
    type_ = Typed(python_with(extra), lab, cloud, tmp_path)
    missing = [name for name in ("aws", "azure", "gcp") if name != extra]

    doctor = type_("doctor", "--format", "json")
    rows = {row["what"]: row for row in json.loads(doctor.stdout)}
    told = [line for line in doctor.stderr.splitlines() if not line.startswith("iotposture.toml is trusted: ")]
    assert (doctor.returncode, told, rows[cloud]["state"]) == (0, [], "ok")
    assert [rows[name]["detail"] for name in missing] == [MISSING.format(name) for name in missing]
    assert {rows[name]["state"] for name in missing} == {"not reachable"}

    scan = type_("scan", "--out", "out", "--min-coverage", "1")
    said = scan.stderr.splitlines()
    assert scan.returncode == 0, scan.stderr
    assert [line for line in said if "not installed" in line] == [MISSING.format(name) for name in missing]
    assert json.loads(said[-1])["complete"] is True, "what nobody asked for does not make a scan incomplete"
    with (tmp_path / "out" / "findings.csv").open(encoding="utf-8", newline="") as file:
        assert {row["provider"] for row in csv.DictReader(file)} == {cloud}


def test_a_cloud_that_the_settings_name_and_nothing_was_installed_for_is_told_as_not_reached(
    python_with: Callable[[str], Path], lab: Lab, tmp_path: Path
) -> None:
    type_ = Typed(python_with(""), lab, "clearblade", tmp_path)
    scan = type_("scan", "--out", "out", "--min-coverage", "100", gcp={"projects": ["plant"]})
    assert scan.returncode == COVERAGE
    assert json.loads(scan.stderr.splitlines()[-1])["complete"] is False
    assert MISSING.format("gcp") in (tmp_path / "out" / "coverage.csv").read_text()
    assert MISSING.format("aws") not in (tmp_path / "out" / "coverage.csv").read_text()
    only = type_("scan", "--only", "aws", "--quiet")
    assert (only.returncode, only.stderr.splitlines()[0]) == (UNREACHABLE, MISSING.format("aws"))


def test_the_modules_of_an_extra_are_all_that_its_session_imports_and_come_with_it() -> None:
    whose = packages_distributions()
    core = needed(PROJECT["dependencies"])
    for extra, modules in EXTRAS.items():
        comes, imports = needed(PROJECT["optional-dependencies"][extra]), set[str]()
        for file in (ROOT / "collectors" / extra).glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    imports |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    imports |= {f"{node.module}.{alias.name}" for alias in node.names}
                elif isinstance(node, ast.Constant) and str(node.value).startswith("azure.mgmt."):
                    imports.add(str(node.value))
        foreign = {
            one for one in imports
            if (top := one.split(".")[0]) not in sys.stdlib_module_names | {"__future__", "collectors"}
            and not {canonicalize_name(name) for name in whose[top]} <= core
        }  # fmt: skip
        assert foreign
        assert not [one for one in foreign if not f"{one}.".startswith(tuple(f"{m}." for m in modules))], extra
        assert not [m for m in modules if not {canonicalize_name(n) for n in whose[m.split(".")[0]]} & comes], extra
        assert not [m for m in modules if not any(f"{one}.".startswith(f"{m}.") for one in imports)], extra


class Refusing:
    """A cloud whose SDK raises."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def find(self, settings: object) -> list[Scope]:
        raise self.error


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (NoTarget("gcp: no credential"), "gcp: no credential"),
        (ValueError("secret"), "gcp: its SDK refuses the settings or variables (ValueError); check them"),
        (MemoryError("secret"), "gcp: its SDK failed (MemoryError); check the settings and variables"),
        (SystemExit(1), "gcp: its SDK failed (SystemExit); check the settings and variables"),
        (KeyboardInterrupt(), "gcp: its SDK failed (KeyboardInterrupt); check the settings and variables"),
        (
            ModuleNotFoundError("No module named 'rsa'", name="rsa"),
            "gcp: its SDK does not load (ModuleNotFoundError: rsa); install iotposture and its extras again",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_whatever_an_sdk_raises_is_one_line_and_never_a_wait(
    error: BaseException, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("flows.scan.provider", lambda name: Refusing(error))
    scopes, unreachable = find(Order(Settings(), "20261120T060000Z-1", datetime.now(UTC), ("gcp",)))
    assert (list(scopes), unreachable) == ([], {"gcp": line})
    assert capsys.readouterr() == ("", "")


def test_a_module_that_is_missing_for_another_reason_is_no_extra_that_was_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_parent").mkdir()
    (tmp_path / "broken_parent" / "__init__.py").write_text("import nowhere_at_all")
    monkeypatch.syspath_prepend(tmp_path)
    assert not installed("nowhere_at_all") and not installed("nowhere_at_all.inner")
    assert not installed("json.nowhere") and installed("json.decoder")
    with pytest.raises(ModuleNotFoundError, match="nowhere_at_all"):
        installed("broken_parent.inner")


def test_every_cloud_has_an_extra_of_its_name_or_needs_none() -> None:
    assert [name for name in PROVIDERS if name not in EXTRAS] == ["clearblade"]
    assert set(EXTRAS) <= set(PROJECT["optional-dependencies"])
    imported = ast.walk(ast.parse((ROOT / "collectors/clearblade/session.py").read_text(encoding="utf-8")))
    tops = {alias.name for node in imported if isinstance(node, ast.Import) for alias in node.names}
    assert "httpx" in tops and "httpx" in needed(PROJECT["dependencies"])


def test_no_text_installs_a_package_of_our_name_from_an_index() -> None:
    texts = [*ROOT.glob("*.md"), *(ROOT / "requirements").iterdir(), ROOT / "Makefile"]
    for folder in ("collectors", "checks", "reports", "flows", "lab"):
        texts += [*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.md"), *(ROOT / folder).rglob("*.html")]
    assert len(texts) > 200
    for file in texts:
        found = re.search(r"install \S*iotposture\b(?! again| and)|iotposture\[", file.read_text(encoding="utf-8"))
        assert not found, f"{file}: {found and found[0]}: whoever registers that name is installed"
