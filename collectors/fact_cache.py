"""Facts that cannot change, kept from one scan to the next so that no cloud is asked for them twice.

A certificate's PEM belongs to its id for ever, and so does what follows from it. The PEM itself is not kept, nor is
anything secret. One file per scope: ``<url>/<provider>/<account>/<region>/certificates.parquet``.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collectors.scope import Scope

log = logging.getLogger("iotposture")

FORMAT = "1"
"""Version of what a fact means. Facts of another version are read anew."""
FILE = "certificates.parquet"
COLUMNS = ("id", "facts", "format")
NO_FILE = (OSError, ValueError, LookupError, TypeError, RuntimeError, ImportError)
"""What file systems and parquet raise for a file that is none or cannot be written: it costs calls, no findings."""


@dataclass
class Facts:
    """The facts of one scope by id, as JSON text; those that this scan used or learnt are ``current``."""

    known: dict[str, str] = field(default_factory=dict)
    current: set[str] = field(default_factory=set)
    learnt: bool = False

    def get(self, id_: str) -> dict[str, Any] | None:
        """What is known of an id; None for one that nobody described yet."""
        if id_ not in self.known:
            return None
        self.current.add(id_)
        try:
            found = json.loads(self.known[id_])
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def put(self, id_: str, facts: dict[str, Any]) -> None:
        """Keeps what was learnt of an id."""
        self.known[id_] = json.dumps(facts, sort_keys=True)
        self.current.add(id_)
        self.learnt = True


@dataclass(frozen=True)
class FactCache:
    """The facts of every scope, in a folder or at any fsspec URL; without one they last as long as the scan.

    Two scans may write at once: a file is replaced whole, and the last one stays. A file that cannot be read is left
    aside with a line in the log, and written anew.
    """

    url: str = ""

    def of(self, scope: Scope) -> Facts:
        """What earlier scans learnt of a scope."""
        if not self.url:
            return Facts()
        import pandas as pd  # late, as fsspec: `iotposture show` needs neither

        from collectors.files import filesystem

        try:
            fs, root = filesystem(self.url)
            with fs.open(f"{root}/{path(scope)}", "rb") as file:
                frame = pd.read_parquet(file, columns=list(COLUMNS))
            frame = frame[frame["format"] == FORMAT]
            facts = dict(zip(frame["id"].astype(str), frame["facts"].astype(str), strict=True))
        except FileNotFoundError:
            return Facts()
        except NO_FILE as error:
            log.warning("kept facts of %s are left aside and read anew: %s", scope, type(error).__name__)
            return Facts()
        return Facts(facts)

    def write(self, scope: Scope, facts: Facts, whole: bool) -> None:
        """Writes what a scan learnt. What it did not meet is dropped if its list was ``whole``, kept otherwise."""
        gone = whole and facts.known.keys() - facts.current
        if not self.url or not (facts.learnt or gone):
            return
        import pandas as pd

        from collectors.files import filesystem, write_file

        ids = sorted(facts.current if whole else facts.known)
        rows = [(id_, facts.known[id_], FORMAT) for id_ in ids]
        try:
            fs, root = filesystem(self.url)
            frame = pd.DataFrame(rows, columns=list(COLUMNS))
            write_file(fs, f"{root}/{path(scope)}", lambda file: frame.to_parquet(file, index=False))
        except NO_FILE as error:
            log.warning("facts of %s could not be kept: %s", scope, type(error).__name__)


def path(scope: Scope) -> str:
    """The file of a scope below the store."""
    from collectors.files import path_part

    return "/".join((*map(path_part, (scope.provider, scope.account, scope.region)), FILE))
