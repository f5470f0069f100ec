"""What records administrative calls and device logs, and for how long."""

from __future__ import annotations

from collectors.schema import Table, count, flag


class Recording(Table):
    """One row per AWS account and region: whether administrative calls are recorded there."""

    recorded = flag("A trail that is logging covers write calls to AWS IoT in this region.")


class LogGroup(Table):
    """One row per log group that AWS IoT or Greengrass writes into."""

    retention_days = count("Days for which events are kept; 0 is for ever.")
