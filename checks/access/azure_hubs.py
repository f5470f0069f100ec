"""Keys and role assignments of Azure hubs and provisioning services."""

from __future__ import annotations

from checks.check import check
from collectors.schema import Rows, Verdict
from collectors.tables.access import Grant
from collectors.tables.hub import Hub


@check(
    severity="high",
    serves=["azure-iothub-local-auth-enabled", "azure-dps-local-auth-enabled"],
    remedy={"azure": "Move services to Entra ID roles, then set disableLocalAuth."},
    command={"azure": "az resource update --ids {resource} --set properties.disableLocalAuth=true"},
    only={"provider": "azure", "kind": ("iot hub", "provisioning service")},
    passes=[{"shared_access_keys": False}],
    fails=[{"shared_access_keys": True}],
    ignores=[{"kind": "domain configuration"}],
)
def hub_refuses_shared_access_keys(hubs: Rows[Hub]) -> Verdict:
    """The hub's service APIs refuse shared access keys.

    Hub-wide keys bypass Entra identity and its audit.
    """
    return ~hubs["shared_access_keys"]


@check(
    severity="high",
    serves=["azure-iothub-key-holders-broad"],
    remedy={"azure": "Narrow Owner and Contributor on the hub and above it, or disable local authentication."},
    command={"azure": "az resource update --ids {resource} --set properties.disableLocalAuth=true"},
    only={"provider": "azure", "kind": ("iot hub", "provisioning service")},
    passes=[
        {"key_holders": 5, "shared_access_keys": True},
        {"key_holders": 50, "shared_access_keys": False},
    ],
    fails=[{"key_holders": 6, "shared_access_keys": True}],
    ignores=[{"kind": "domain configuration"}],
)
def few_can_read_or_set_hub_keys(hubs: Rows[Hub], *, most: int = 5) -> Verdict:
    """Five people and groups at most can read or set the hub's keys.

    Whoever can write the resource can choose its keys, so every Contributor counts.
    """
    return (hubs["key_holders"] <= most) | ~hubs["shared_access_keys"]


@check(
    severity="medium",
    serves=["azure-iothub-data-role-broad-scope"],
    remedy={"azure": "Assign the role at the hub."},
    command={
        "azure": ("az role assignment create --assignee-object-id {principal} --role {right} --scope YOUR_HUB_ID"),
    },
    only={"provider": "azure", "iot_data_role": True},
    passes=[{"target_kind": "hub", "hubs_covered": 1}, {"target_kind": "resource group", "hubs_covered": 1}],
    fails=[{"target_kind": "account", "hubs_covered": 1}, {"target_kind": "resource group", "hubs_covered": 2}],
    ignores=[{"iot_data_role": False}],
)
def data_role_ends_at_one_hub(grants: Rows[Grant]) -> Verdict:
    """A role on the IoT data plane is assigned at one hub.

    Assigned above, one compromise spans every hub below.
    """
    return (grants["target_kind"] == "hub") | (
        (grants["target_kind"] == "resource group") & (grants["hubs_covered"] <= 1)
    )


@check(
    severity="medium",
    serves=["azure-dps-hub-link-keybased"],
    remedy={"azure": "Link the hub with a managed identity, then disable its local authentication."},
    only={"provider": "azure", "kind": "provisioning service"},
    passes=[{"key_linked_hubs": 0}],
    fails=[{"key_linked_hubs": 1}],
    ignores=[{"kind": "iot hub"}],
)
def provisioning_reaches_hubs_without_keys(hubs: Rows[Hub]) -> Verdict:
    """The provisioning service reaches its hubs with an identity.

    A link by key stores a connection string and keeps the hub's shared access alive.
    """
    return hubs["key_linked_hubs"] == 0
