"""The lab for every test that needs a cloud, and a guard: nothing connects to anything but this machine."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from lab.aws import Aws
from lab.cloud import NO_METADATA, Lab
from lab.postgres import Postgres

CREDENTIALS = ("AWS_", "AZURE_", "GOOGLE_", "CLEARBLADE_", "CLOUDSDK_", "IOTPOSTURE_", "PREFECT_")
GUARD = Path(__file__).parent / "loopback"
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")  # how fast an example is says nothing on a machine that others use
_connect = socket.socket.connect


def connect(self: socket.socket, address: Any) -> None:
    """Connects on this machine; anything else is an error of the test."""
    if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
        pytest.fail(f"a test tried to connect to {address[0]}")
    _connect(self, address)


@pytest.fixture(autouse=True, scope="session")
def no_way_out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No connection off this machine, no metadata service, no credentials of whoever runs the tests."""
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a job in the background ignores it, and so would its children
    kept = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(CREDENTIALS)]:
        del os.environ[name]
    home = str(tmp_path_factory.mktemp("home"))
    ours = os.pathsep.join((str(GUARD), str(GUARD.parents[1])))  # a command that a test starts is of this checkout too
    os.environ.update(NO_METADATA, HOME=home, NO_COLOR="1", PYTHONPATH=ours)
    socket.socket.connect = connect  # type: ignore[assignment, method-assign]
    yield
    socket.socket.connect = _connect  # type: ignore[method-assign]
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture(scope="session")
def whole_lab(no_way_out: None) -> Iterator[Lab]:
    """The four clouds, started once."""
    with Lab() as lab:
        yield lab


@pytest.fixture
def lab(whole_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The four clouds without faults, and their credentials in the environment."""
    for cloud in whole_lab.clouds:
        cloud.switchboard.clear()
    for name, value in whole_lab.env().items():
        monkeypatch.setenv(name, value)
    yield whole_lab
    for cloud in whole_lab.clouds:
        cloud.switchboard.clear()


@pytest.fixture(scope="module")
def aws_alone() -> Iterator[Aws]:
    """The lab's AWS by itself, with its credentials the only ones in the environment."""
    cloud = Aws()
    cloud.start()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in cloud.env().items():
            patch.setenv(name, value)
        yield cloud
    cloud.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, started once. Where none is installed, every test that needs it says so."""
    with Postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a history can be made, in both databases."""
    if request.param == "sqlite":
        return str(tmp_path / "history.db")
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()
