"""The demo: the lab is started, scanned as any cloud would be, and stopped. The only place that imports the lab."""

from __future__ import annotations

import csv
import json
import os
import shlex
import shutil
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.files import private_folder
from flows.console import say, unread
from flows.errors import BadSettings
from flows.history import FILE as HISTORY
from flows.scan import new_scan_id

if TYPE_CHECKING:
    from lab.cloud import Lab


SHOWN = "hub-is-closed-to-unknown-networks"
"""The check whose finding the demo proposes to accept, if it fails."""


def toml(settings: dict[str, dict[str, Any]]) -> str:
    """Settings of the lab as a file. JSON's text, numbers, true, false and lists are TOML's too."""
    lines = []
    for section, values in settings.items():
        lines.append(f"[{section}]")
        for key, value in values.items():
            if isinstance(value, dict):
                told = "{" + ", ".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in value.items()) + "}"
            else:
                told = json.dumps(value)
            lines.append(f"{key} = {told}")
        lines.append("")
    return "\n".join(lines)


def settings_file(lab: Lab, folder: Path) -> str:
    """Writes the settings of a lab into a folder and returns the file's path."""
    sections = {name: {"calls_per_second": 1000, **section} for name, section in lab.settings().items()}
    file = folder / "iotposture.toml"
    keys = folder.absolute() / lab.weak_keys.name  # the lab's own folder may go, and verbs read these settings for long
    keys.write_bytes(lab.weak_keys.read_bytes())
    places = {"out": folder.absolute(), "history": folder.absolute() / HISTORY, "weak_keys": keys}
    first = "".join(f"{name} = {json.dumps(str(place))}\n" for name, place in places.items())
    file.write_text(f"{first}\n{toml(sections)}", encoding="utf-8")
    return str(file)


def lab_is_there() -> None:
    """Raises BadSettings where the lab's packages are not installed."""
    try:
        for name in ("lab.aws", "lab.azure", "lab.cloud", "lab.gcp"):
            import_module(name)
    except ModuleNotFoundError as error:
        raise BadSettings(
            f"the lab is not installed ({error.name} is missing); install with the extras aws, azure, gcp and lab"
        ) from error


def demo(out: str, runner: str, quiet: bool) -> int:
    """Starts the lab, scans it with the settings it writes beside the report, and says where the report is."""
    lab_is_there()
    from lab.cloud import Lab

    folder = Path(out or Path("iotposture-out") / f"demo-{new_scan_id(datetime.now(UTC))}")
    private_folder(folder)
    with Lab() as lab:
        os.environ.update(lab.env())
        settings = settings_file(lab, folder)
        if not quiet:
            say("the lab is up: AWS, Azure, Google Cloud and ClearBlade on 127.0.0.1")
            if runner == "prefect":
                say(
                    "starting Prefect's embedded server, which takes some twenty seconds; `--runner threads` does without"
                )
        from flows.commands import ScanRequest, scan_and_report
        from flows.gate import Gate

        request = ScanRequest(settings, (), (), str(folder), runner, "", trusts=True)  # it wrote them itself
        code = scan_and_report(request, "text", quiet, Gate())
    if not quiet:
        say_next_commands(folder)
    return code


@unread()
def say_next_commands(folder: Path) -> None:
    """The commands that go on with what a demo left in a folder, on stdout, each as it can be typed here."""
    if commands := next_commands(folder):
        print("\nGo on with:")
        for words in commands:
            print(shlex.join([typed(), *words, "--settings", str(folder / "iotposture.toml")]))


def next_commands(folder: Path) -> list[list[str]]:
    """Three verbs for a demo's result; none where the demo has no finding to show them with."""
    with suppress(OSError), (folder / "findings.csv").open(encoding="utf-8", newline="") as file:
        failing = [row for row in csv.DictReader(file) if row["status"] == "fail"]
        for row in [row for row in failing if row["check_id"] == SHOWN] + failing:
            until = datetime.now(UTC).date() + timedelta(days=14)
            waiver = ["--kind", "risk_accepted", "--expires", str(until), "--owner", "plant-it", "--approver", "ciso"]
            why = ["--reason", "Moved behind the private network within two weeks."]
            return [["trend"], ["export", "--to", "jira"], ["waivers", "add", row["finding_id"], *waiver, *why]]
    return []


def typed() -> str:
    """The program as it can be typed again where this one was."""
    found = shutil.which("iotposture")
    program = Path(sys.argv[0])
    if program.name != "iotposture" or (found and os.path.realpath(found) == os.path.realpath(program)):
        return "iotposture"
    return str(program)
