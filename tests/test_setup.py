"""What `make demo` and `make test` install on a machine, tried with programs that only write down how they are called."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UPDATE = "apt-get update -qq"
INSTALL = "apt-get install -qq --yes --no-install-recommends"
PROGRAM = {
    "apt-get": """case $1 in install) while [ "${1#-}" != "$1" ] || [ "$1" = install ]; do shift; done
for package; do : > "$HOME/$package"; done;; esac""",
    "sudo": 'exec "$@"',
    "id": "echo ${NUMBER:-0}",
    "python3": '[ -e "$HOME/python3-venv" ]',
    "chromium": "",
}
"""What each program does on the made-up machine, where a package is a file in the home."""


class Machine:
    """A Debian on which a few programs are all there is."""

    def __init__(self, folder: Path, *programs: str) -> None:
        self.folder, self.bin, self.home = folder, folder / "bin", folder / "home"
        self.bin.mkdir()
        self.home.mkdir()
        for name in ("env", "ls", "sh"):
            (self.bin / name).symlink_to(shutil.which(name) or "")
        for name in ("id", "python3", *programs):
            self.program(name)

    def program(self, name: str) -> None:
        """Puts a program there."""
        file = self.bin / name
        file.write_text(f'#!/bin/sh\n[ {name} = id ] || echo "{name} $*" >> {self.folder}/calls\n{PROGRAM[name]}\n')
        file.chmod(0o755)

    def needs(self, *packages: str, user: int = 0) -> subprocess.CompletedProcess[str]:
        """Asks for packages as the Makefile does."""
        env = {"PATH": str(self.bin), "HOME": str(self.home), "NUMBER": str(user), "POSTGRESQL": str(self.home / "pg")}
        script = str(ROOT / "requirements" / "debian.sh")
        return subprocess.run(["/bin/sh", script, *packages], env=env, capture_output=True, text=True, check=False)

    def calls(self, program: str) -> list[str]:
        """How a program was called."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if line.startswith(f"{program} ")]


def test_what_is_there_is_not_installed_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "apt-get", "chromium")
    (machine.home / "python3-venv").touch()
    (machine.home / "pg/15/bin").mkdir(parents=True)
    (machine.home / "pg/15/bin/initdb").touch()
    told = machine.needs("python3-venv", "chromium", "postgresql")
    assert (told.returncode, told.stdout + told.stderr, machine.calls("apt-get")) == (0, "", [])


@pytest.mark.parametrize(
    ("user", "through"), [(0, []), (1000, [UPDATE, f"env DEBIAN_FRONTEND=noninteractive {INSTALL} python3-venv"])]
)
def test_what_is_missing_is_installed_by_root_or_through_sudo(user: int, through: list[str], tmp_path: Path) -> None:
    machine = Machine(tmp_path, "apt-get", "chromium", "sudo")
    told = machine.needs("python3-venv", "chromium", user=user)
    assert (told.returncode, told.stderr) == (0, "installing with apt-get: python3-venv\n")
    assert machine.calls("apt-get") == [UPDATE, f"{INSTALL} python3-venv"]
    assert machine.calls("sudo") == [f"sudo {line}" for line in through]
    assert machine.needs("python3-venv", user=user).stderr == "", "a second call installs nothing"


@pytest.mark.parametrize(
    ("programs", "user"),
    [(["apt-get"], 1000), (["sudo"], 1000), (["sudo"], 0), ([], 0), (["apt-get", "sudo"], 0)],
    ids=["no sudo", "no apt-get", "root without apt-get", "neither", "apt-get that installs something else"],
)
def test_where_nothing_can_be_installed_one_line_says_what_to_install(
    programs: list[str], user: int, tmp_path: Path
) -> None:
    machine = Machine(tmp_path, *programs)
    told = machine.needs("chromium", "postgresql", user=user)
    *_, last = told.stderr.splitlines()
    assert told.returncode == 2
    assert last == "not installed: chromium postgresql; install with: apt-get install chromium postgresql"
    assert len(told.stderr.splitlines()) == 1 + bool(machine.calls("apt-get"))


def test_the_makefile_asks_for_what_each_target_needs_and_the_ci_for_nothing_else() -> None:
    def plan(target: str) -> str:
        told = subprocess.run(["make", "-Bn", target], cwd=ROOT, capture_output=True, text=True, check=True)
        return told.stdout

    demo, test = plan("demo"), plan("test")
    assert re.findall(r"debian\.sh (.*)", demo) == ["python3-venv"]
    assert re.findall(r"debian\.sh (.*)", test) == ["chromium postgresql", "python3-venv"]
    assert demo.index("debian.sh") < demo.index("-m venv") < demo.index("pip install")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    code = [line for line in script if not line.startswith("#")]
    assert code == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "make test"]
