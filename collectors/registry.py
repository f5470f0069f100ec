"""Every collector and table there is: importing this module imports each of them once, and no SDK."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import collectors.aws
import collectors.azure
import collectors.clearblade
import collectors.gcp
import collectors.tables
from collectors.operation import COLLECTORS, Collector
from collectors.schema import Table
from collectors.scope import Scope

PROVIDERS = ("aws", "azure", "gcp", "clearblade")
WITH_SDK = frozenset({"session", "credentials", "transport"})
"""Modules that import a cloud's SDK and collect nothing."""


def import_all(package: ModuleType) -> list[ModuleType]:
    """The modules of a package, without those that import an SDK."""
    found = sorted(m.name for m in pkgutil.iter_modules(package.__path__))
    return [importlib.import_module(f"{package.__name__}.{name}") for name in found if name not in WITH_SDK]


TABLES: tuple[type[Table], ...] = tuple(
    value
    for module in import_all(collectors.tables)
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, Table) and value.__module__ == module.__name__
)
"""Every table, by module and then by place in it."""

for _package in (collectors.aws, collectors.azure, collectors.gcp, collectors.clearblade):
    import_all(_package)

COLLECTORS.sort(key=lambda c: (PROVIDERS.index(c.provider), c.name))

__all__ = ["COLLECTORS", "PROVIDERS", "TABLES"]


def collectors_in(scope: Scope) -> list[Collector]:
    """The collectors that run in a scope: the account's global ones in ``global``, else the regional ones."""
    where = "global" if scope.region == "global" else "region"
    return [c for c in COLLECTORS if c.provider == scope.provider and c.where == where]
