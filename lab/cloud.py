"""The whole lab: one context manager, four clouds, all on 127.0.0.1.

``with Lab() as lab: …`` starts it; ``lab.settings()`` is what `iotposture.toml` would say and ``lab.env()`` the
variables that credentials come from. The product needs nothing else to scan it.
"""

from __future__ import annotations

import shutil
import ssl
import tempfile
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import trustme

from lab import clock
from lab.server import Switchboard

NO_METADATA = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_GCE_CHECK": "true",
    "GCE_METADATA_HOST": "127.0.0.1:1",
    "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",
}
"""Every instance-metadata path, switched off: nothing in the lab may ask a machine who it is."""


class Cloud(Protocol):
    """One cloud of the lab."""

    name: str
    switchboard: Switchboard

    def start(self) -> None:
        """Serves, with its estate in place."""

    def stop(self) -> None:
        """Stops serving."""

    def settings(self) -> dict[str, Any]:
        """This cloud's section of the product's settings."""

    def env(self) -> dict[str, str]:
        """The variables that this cloud's credentials come from."""


class Lab:
    """Four clouds with one company's estate. Start costs a few seconds.

    ``at`` is the time in the lab, now if none is given; ``share`` is how much of the bulk of devices there is.
    """

    def __init__(self, at: datetime | None = None, share: float = 1.0) -> None:
        clock.move(at)
        from lab.aws import Aws
        from lab.aws_revocation import weak_keys
        from lab.azure import Azure
        from lab.azure_estate import water_company
        from lab.gcp import ClearBlade, Gcp

        self.folder = Path(tempfile.mkdtemp(prefix="iotposture-lab-"))
        authority = trustme.CA()
        self.ca = self.folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(tls)
        self.aws, self.azure = Aws(share), Azure(tls, self.ca, water_company(fleet=round(60 * share)))
        self.gcp, self.clearblade = Gcp(self.folder), ClearBlade(self.folder)
        self.weak_keys = self.folder / "blocklist.dat"
        self.weak_keys.write_bytes(weak_keys())
        self.clouds: tuple[Cloud, ...] = (self.aws, self.azure, self.gcp, self.clearblade)

    def settings(self) -> dict[str, Any]:
        """What `iotposture.toml` would say, a section per cloud."""
        return {cloud.name: cloud.settings() for cloud in self.clouds}

    def env(self) -> dict[str, str]:
        """Credentials of the lab's own, and no way to any other."""
        found = dict(NO_METADATA)
        for cloud in self.clouds:
            found |= cloud.env()
        return found

    def __enter__(self) -> Self:
        for cloud in self.clouds:
            cloud.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for cloud in self.clouds:
            cloud.stop()
        clock.move(None)
        shutil.rmtree(self.folder, ignore_errors=True)
