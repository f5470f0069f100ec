"""Reads back every file of an export and holds it against the rules of whoever takes it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

from jsonschema import Draft4Validator, ValidationError
from jsonschema.validators import validator_for

from reports.escape import clip
from reports.formats.format import Format, Read
from reports.manifest import manifest_bytes

LINES = ".ndjson"
SHOWN = 60
"""Characters of a value that a line shows."""


def verify(folder: Path, format_: Format) -> list[str]:
    """One line per rule that a file breaks; none if whoever reads the format can take them all.

    Nothing is taken over from the writing: bytes, digests, counts, schemas and limits are read again.
    """
    last = f"{format_.name}.manifest.json"
    try:
        manifest = json.loads((folder / last).read_bytes())
        told = [(str(file["name"]), file["rows"], file["sha256"]) for file in manifest["files"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"{last}: no manifest: {type(error).__name__} {error}"]
    problems = [] if manifest.get("format") == format_.name else [f"{last}: is of {manifest.get('format')}"]
    names = {name for name, _, _ in told}
    others = sorted(file.name for file in folder.glob(format_.own) if file.name not in names)
    problems += (f"{name}: stands not in the manifest" for name in others)
    files = []
    misfits: list[str] = []
    for name, rows, digest in told:
        data = manifest_bytes(folder / name, digest, problems)
        if data is None:
            continue
        try:
            file = Read(name, data, parse(name, data))
        except ValueError as error:
            misfits.append(f"{name}: {error}")
            continue
        files.append(file)
        misfits += (f"{name}: {problem}" for problem in wrong(file, rows, format_))
    return [*problems, *(misfits or format_.rules(files))]


def parse(name: str, data: bytes) -> Any:
    """What a file says: a JSON document, or a list where each line is one. Raises ValueError."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start}: not ASCII") from error
    if not text.endswith("\n") and text:
        raise ValueError("the last line does not end")
    if not name.endswith(LINES):
        return document(text)
    return [document(line, f"row {number}: ") for number, line in enumerate(text.split("\n")[:-1], start=1)]


def document(text: str, where: str = "") -> Any:
    """A JSON document. Raises ValueError."""
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}not JSON: {error}") from error


def refuse_constant(name: str) -> NoReturn:
    """Python reads these words; JSON has none of them."""
    raise ValueError(f"{name} is no number")


def wrong(file: Read, told: int, format_: Format) -> Iterator[str]:
    """Everything that is wrong with one file by itself."""
    found = list(misfits(file, format_))
    yield from found
    if not found and (rows := len(format_.rows(file.value))) != told:
        yield f"{rows} rows; the manifest says {told}"


def misfits(file: Read, format_: Format) -> Iterator[str]:
    """What the schema refuses in a file: a line for each rule, with the first place in which it is broken.

    A file of lines repeats another, against which the rules hold it.
    """
    if file.name.endswith(LINES):
        return
    if not format_.whole and not isinstance(file.value, list):
        yield "is no list"
        return
    rows = [("", file.value)] if format_.whole else ((f"row {n}: ", row) for n, row in enumerate(file.value, start=1))
    first: dict[tuple[str, ...], str] = {}
    count: Counter[tuple[str, ...]] = Counter()
    for place, row in rows:
        for error in schema(format_.schema).iter_errors(row):
            rule = (*(step for step in error.absolute_path if isinstance(step, str)), error.validator)
            count[rule] += 1
            if rule not in first:
                first[rule] = f"{place}{misfit(error)}"
    for rule, line in first.items():
        yield f"{line} (and {count[rule] - 1} more like it)" if count[rule] > 1 else line


@cache
def schema(name: str) -> Any:
    """The validator of a schema that stands in the package."""
    held = json.loads(resources.files("reports.formats").joinpath(f"{name}.schema.json").read_text(encoding="utf-8"))
    kind = validator_for(held, default=Draft4Validator)
    return kind(held, format_checker=kind.FORMAT_CHECKER)


def misfit(error: ValidationError) -> str:
    """What a schema refuses: where, what, and what is allowed."""
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    return f"{where.removeprefix('.')}: {schema_reason(error)}".removeprefix(": ")


def schema_reason(error: ValidationError) -> str:  # noqa: PLR0911 - one answer a keyword of JSON Schema
    """What is wrong with a value, and what is allowed."""
    value, allowed = error.instance, error.validator_value
    shown = clip(repr(value), SHOWN)
    match error.validator:
        case "required" | "additionalProperties":
            return clip(error.message, 4 * SHOWN)
        case "minLength" | "maxLength":
            return f"{len(value)} characters; {allowed} is the {'least' if error.validator == 'minLength' else 'most'}"
        case "minItems" | "maxItems":
            return f"{len(value)} of them; {allowed} is the {'least' if error.validator == 'minItems' else 'most'}"
        case "minProperties" | "maxProperties":
            return f"{len(value)} keys; {allowed} is the {'least' if error.validator == 'minProperties' else 'most'}"
        case "minimum" | "maximum":
            return f"{shown}; {allowed} is the {'least' if error.validator == 'minimum' else 'most'}"
        case "enum":
            return f"{shown}; allowed: {', '.join(map(str, allowed))}"
        case "const":
            return f"{shown}; allowed: {allowed}"
        case "pattern":
            return f"{shown} does not fit {clip(allowed, 2 * SHOWN)}"
        case "type":
            return f"{shown} is no {allowed}"
        case "anyOf" if all("required" in one for one in allowed):
            return f"needs one of: {', '.join(name for one in allowed for name in one['required'])}"
        case _:
            return f"{shown} breaks {error.validator}"
