"""Gateways at the edge: cores, what is deployed to them, and the tunnels that are open into devices."""

from __future__ import annotations

from collectors.schema import Table, count, days, flag, hours, text


class EdgeCore(Table):
    """One row per AWS IoT Greengrass V2 core device."""

    runtime = text("Which nucleus it runs, as in `aws_nucleus_classic`.")
    release = count("Version of the nucleus as one number: 2.12 is 2012.")
    healthy = flag("It reports no broken component.")
    silent_days = days("Days since it last reported.")
    documents = text("Every AWS IoT policy on its certificates, a JSON list of documents.", shown=False)
    debug_tool = flag("The local debug console or the local command line is installed.")
    development = flag("A tag says that it is no production device.")


class EdgeDeployment(Table):
    """One row per Greengrass V2 deployment: the latest of each target."""

    active = flag("Devices still get it.")
    rolls_back = flag("A device on which it fails goes back to what it ran before.")


class EdgeComponent(Table):
    """One row per component of the latest Greengrass V2 deployment of each target; the subject is its name."""

    component = text("Name of the component.")
    active = flag("Devices still get the deployment.")
    vendor = flag(
        "AWS publishes it and answers for the privilege it needs; the nucleus, whose user is set, is not meant."
    )
    runs_as_root = flag("It runs as root, or (nucleus) makes others run as root by default.")
    debug_tool = flag("It is the local debug console or the local command line.")
    development = flag("A tag says that the deployment is not for production.")
    clients_open = flag("Client device auth: every client device may use every topic of the local broker.")


class EdgeGroup(Table):
    """One row per AWS IoT Greengrass V1 group."""

    deployed = flag("It was deployed to a core.")


class Tunnel(Table):
    """One row per secure tunnel into a device that AWS still lists."""

    open = flag("It is open.")
    age_hours = hours("Hours since it was opened, rounded up.")
    lifetime_minutes = count("Minutes for which it may stay open.")
