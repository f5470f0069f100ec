"""The demo: the lab is started, scanned as any cloud would be, and stopped. The only place that imports the lab."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.console import say
from flows.errors import BadSettings
from flows.scan import new_scan_id

if TYPE_CHECKING:
    from lab.cloud import Lab


def toml(settings: dict[str, dict[str, Any]]) -> str:
    """Settings of the lab as a file. JSON's text, numbers, true, false and lists are TOML's too."""
    lines = []
    for section, values in settings.items():
        lines.append(f"[{section}]")
        for key, value in values.items():
            if isinstance(value, dict):
                value = "{" + ", ".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in value.items()) + "}"
            else:
                value = json.dumps(value)
            lines.append(f"{key} = {value}")
        lines.append("")
    return "\n".join(lines)


def settings_file(lab: Lab, folder: Path) -> str:
    """Writes the settings of a lab into a folder and returns the file's path."""
    sections = {name: {"calls_per_second": 1000, **section} for name, section in lab.settings().items()}
    file = folder / "iotposture.toml"
    keys = folder.absolute() / lab.weak_keys.name  # the lab's own folder may go, and verbs read these settings for long
    keys.write_bytes(lab.weak_keys.read_bytes())
    first = f"weak_keys = {json.dumps(str(keys))}\n\n"
    file.write_text(first + toml(sections), encoding="utf-8")
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
    folder.mkdir(parents=True, exist_ok=True)
    with Lab() as lab:
        os.environ.update(lab.env())
        settings = settings_file(lab, folder)
        if not quiet:
            say("the lab is up: AWS, Azure, Google Cloud and ClearBlade on 127.0.0.1")
            if runner == "prefect":
                say(
                    "starting Prefect's embedded server, which takes some twenty seconds; `--runner threads` does without"
                )
        from flows.commands import Request, scan_and_report
        from flows.gate import Gate

        request = Request(settings, (), (), str(folder), runner, "")
        return scan_and_report(request, "text", quiet, Gate())
