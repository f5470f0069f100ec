"""Host-based and edge security: gateways that others stand behind hold better credentials than the rest."""

from __future__ import annotations

from checks.check import check
from collectors.schema import Rows, Verdict
from collectors.tables.device import Device


@check(
    severity="medium",
    serves=["azure-edge-device-symmetric-key"],
    remedy={"azure": "Provision the edge device with X.509 or TPM attestation."},
    only={"provider": "azure", "enabled": True, "edge": True},
    passes=[{"auth": "authority"}],
    fails=[{"auth": "symmetric-key"}],
)
def edge_device_uses_no_symmetric_key(devices: Rows[Device]) -> Verdict:
    """An edge device authenticates with a certificate or TPM.

    Its key speaks for every device behind it, and lies in a file on a machine that people can reach.
    """
    return devices["auth"] != "symmetric-key"
