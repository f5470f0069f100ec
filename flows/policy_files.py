"""What `iotposture policy` does: judges AWS IoT policy documents from files, with no cloud in reach."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from checks.policy.document import NotAPolicy, load
from checks.policy.verdict import Judgement, judge
from flows.console import CLEAN, GATE, USAGE, Format, emit, say
from reports.escape import terminal

LARGEST = 1_000_000
"""Bytes of the largest file read; AWS IoT takes policies of 2,048 characters."""
COLUMNS = ("file", *(field.name for field in fields(Judgement)))


def judge_files(files: Sequence[str], format_: Format) -> int:
    """Judges each file on its own and prints the verdicts; a file that is no policy is one line on stderr.

    The exit code is 2 when one was no policy, else 1 when one is overly permissive, else 0.
    """
    judged: list[tuple[str, Judgement]] = []
    for file in files:
        try:
            judged.append((file, judge([document(read(file))])))
        except OSError as error:
            say(f"{file}: cannot be read: {error.strerror or type(error).__name__}")
        except NotAPolicy as error:
            say(f"{file}: not a policy: {error}; allowed: an AWS IoT policy, or what `aws iot get-policy` answers")
    if format_ == "text":
        for file, verdict in judged:
            print("\n".join(terminal(line) for line in verdict_lines(file, verdict)))
    else:
        emit([row(file, verdict) for file, verdict in judged], COLUMNS, format_)
    if len(judged) < len(files):
        return USAGE
    return GATE if any(verdict.overly_permissive for _, verdict in judged) else CLEAN


def read(file: str) -> str:
    """The text of a file; ``-`` is standard input. Raises NotAPolicy when it is too large or no text."""
    if file == "-":
        raw = sys.stdin.buffer.read(LARGEST + 1)
    else:
        with Path(file).open("rb") as stream:
            raw = stream.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise NotAPolicy(f"larger than {LARGEST:,} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotAPolicy("not UTF-8 text") from None


def document(text: str) -> Mapping[str, Any]:
    """The policy in a text: a document, or an object that carries one as ``policyDocument``."""
    loaded = load(text)
    if isinstance(loaded, dict) and "Statement" not in loaded and "policyDocument" in loaded:
        inner = loaded["policyDocument"]
        loaded = load(inner) if isinstance(inner, str) else inner
    if not isinstance(loaded, dict):
        raise NotAPolicy("a policy is a JSON object with a Statement")
    return loaded


def row(file: str, verdict: Judgement) -> dict[str, Any]:
    """A verdict as every machine format tells it."""
    return {"file": file, **{key: list(v) if isinstance(v, tuple) else v for key, v in asdict(verdict).items()}}


def verdict_lines(file: str, verdict: Judgement) -> list[str]:
    """A verdict for people: one line, and one for each thing that shows it."""
    words = {
        "overly permissive": verdict.overly_permissive,
        "potentially misconfigured": verdict.potentially_misconfigured,
    }
    found = ", ".join(word for word, holds in words.items() if holds) or "nothing found"
    return [f"{file}: {found}", *(f"  {line}" for line in verdict.witnesses)]
