"""What is read, judged or settled once is not changed afterwards: its classes are frozen."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import is_dataclass

import pytest
from pydantic import BaseModel

import checks

MODULES = (
    *(module.name for module in pkgutil.walk_packages(checks.__path__, "checks.")),
    "collectors.operation",
    "reports.lifecycle",
)
FILLED = {"Notes", "Reader"}
"""What a scope's reads are gathered in."""


def values() -> Iterator[type]:
    """Dataclasses and models of these modules."""
    for name in MODULES:
        for _, held in inspect.getmembers(importlib.import_module(name), inspect.isclass):
            if held.__module__ == name and (is_dataclass(held) or issubclass(held, BaseModel)):
                yield held


@pytest.mark.parametrize("held", list(values()), ids=lambda held: held.__name__)
def test_what_is_known_is_not_changed(held: type) -> None:
    if issubclass(held, BaseModel):
        assert held.model_config["frozen"]
        assert held.model_config["extra"] == "forbid"
    else:
        assert held.__dataclass_params__.frozen == (held.__name__ not in FILLED)  # type: ignore[attr-defined]
