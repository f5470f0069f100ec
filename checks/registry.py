"""Every check there is: importing this module imports each area once, and neither pandas nor an SDK."""

from __future__ import annotations

import importlib

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
"""The areas of the catalogue by module, in its order."""

for _area in AREAS:
    importlib.import_module(f"checks.{_area}")

__all__ = ["AREAS", "CHECKS"]
