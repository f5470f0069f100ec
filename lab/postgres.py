"""Debian's PostgreSQL on a socket of its own, for tests and benchmarks: nothing listens on the network."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import Self

NEEDED = "PostgreSQL is not installed; apt-get install postgresql"


class Postgres:
    """A server that lives as long as the ``with`` block. Raises RuntimeError where PostgreSQL is not installed."""

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
        initdb = str(found[-1]) if found else shutil.which("initdb")
        if not initdb:
            raise RuntimeError(NEEDED)
        self._bin = Path(initdb).parent
        self._numbers = count(1)

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="iotposture-pg-"))
        # A server does not run as root; Debian's package made this user.
        self._user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            shutil.chown(self._folder, self._user)
        data = str(self._folder / "data")
        self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-k {self._folder} -c listen_addresses='' -c fsync=off -c max_connections=20"
        self._run("pg_ctl", "-D", data, "-l", str(self._folder / "log"), "-o", options, "-w", "start")
        return self

    def __exit__(self, *_: object) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._folder)

    def _run(self, program: str, *words: str) -> None:
        as_user = {"user": self._user} if os.geteuid() == 0 else {}
        done = subprocess.run(
            [self._bin / program, *words], cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, check=False, env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}, **as_user,  # type: ignore[call-overload]
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.strip()}")

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"history{next(self._numbers)}"
        self._run("createdb", "-h", str(self._folder), "-U", "postgres", name)
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"
