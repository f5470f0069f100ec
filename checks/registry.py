"""Every check there is: importing this module imports each area once, and neither pandas nor an SDK."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from checks.check import CHECKS

AREAS = {
    "connection": "Connection security",
    "identity": "Device identity and credentials",
    "access": "Authorization and IAM",
    "data": "Cloud data and storage",
    "keys": "Key management",
    "updates": "OTA and update infrastructure",
    "edge": "Host-based and edge security",
    "detection": "Logging, monitoring and detection",
}
"""The areas of the catalogue, in its order: each is a module, or a package split by subject."""

for _area in AREAS:
    _module = importlib.import_module(f"checks.{_area}")
    for _part in pkgutil.iter_modules(getattr(_module, "__path__", ())):
        importlib.import_module(f"{_module.__name__}.{_part.name}")

CHECKS.sort(
    key=lambda c: (list(AREAS).index(c.area), c.function.__module__, inspect.unwrap(c.function).__code__.co_firstlineno)
)
"""By area, module and place in it, whichever module was imported first."""

__all__ = ["AREAS", "CHECKS"]
