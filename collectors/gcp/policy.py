"""IAM policies of Google Cloud: who is meant by a member, and bindings as rows of Grant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from collectors.gcp.account import PROJECT, PROJECT_POLICY, project
from collectors.operation import Operation, Reader
from collectors.schema import Row, Unread

PUBLIC = frozenset({"allUsers", "allAuthenticatedUsers"})
RETIRED = re.compile(r"^(service-\d+@gcp-sa-cloudiot\.iam|cloud-iot@system)\.gserviceaccount\.com$")
"""The service agents of Cloud IoT Core, retired on 2023-08-16."""

CONVENIENCE = {"projectOwner": "roles/owner", "projectEditor": "roles/editor", "projectViewer": "roles/viewer"}
"""Cloud Storage's members that stand for everybody who holds a basic role on the project."""

KINDS = {
    "user": "person",
    "group": "group",
    "domain": "group",
    "serviceAccount": "service",
    "principal": "service",
    "principalSet": "group",
}

ROLES = Operation("iam.projects.roles.list", "iam.roles.list", items="roles", shared=True, fixed=(("view", "FULL"),))


def members(policy: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every role and member of a policy. A condition does not take a member away."""
    for binding in policy.get("bindings") or ():
        for member in binding.get("members") or ():
            yield binding["role"], member


def split(member: str) -> tuple[str, str, bool]:
    """A member's type, its identity, and whether it was deleted (``deleted:serviceAccount:a@b?uid=1``)."""
    deleted = member.startswith("deleted:")
    kind, _, identity = member.removeprefix("deleted:").partition(":")
    return kind, identity.partition("?uid=")[0], deleted


def principal_kind(member: str) -> str:
    """The kind of principal in the words of :class:`collectors.tables.access.Grant`."""
    if member in PUBLIC:
        return "public"
    kind, identity, _ = split(member)
    if kind == "serviceAccount" and RETIRED.match(identity):
        return "retired service"
    if kind in CONVENIENCE:
        return "convenience"
    return KINDS.get(kind, "unknown")


def external(read: Reader, member: str) -> Any:
    """Whether a member belongs to another organisation or project.

    Own are the scanned projects, those of ``gcp.trusted_projects`` and the domains of ``gcp.domains``. Without
    ``gcp.domains`` nobody can say of a person or group. Google's own agents belong to the project they serve.
    """
    kind, identity, _ = split(member)
    if member in PUBLIC or kind in CONVENIENCE:
        return False
    if kind in ("user", "group", "domain"):
        domains = [str(d).lower() for d in read.session.options.get("domains") or ()]
        if not domains:
            return Unread("no_data_source", detail="settings gcp.domains names no domain of the organisation")
        return identity.rpartition("@")[2].lower() not in domains
    if kind == "serviceAccount":
        return foreign_account(read, identity)
    if found := re.search(r"/projects/(\d+)/", identity):
        return foreign_number(read, found[1])
    return Unread("no_data_source", detail="a workforce pool does not say whose it is")


def foreign_account(read: Reader, email: str) -> Any:
    """Whether a service account belongs to another project."""
    name, _, host = email.partition("@")
    own = {
        read.scope.account,
        *read.session.options.get("projects", ()),
        *read.session.options.get("trusted_projects", ()),
    }
    if host == "system.gserviceaccount.com":
        return False
    if host == "appspot.gserviceaccount.com":
        return name not in own
    if host.startswith("gcp-sa-") or host in ("developer.gserviceaccount.com", "cloudservices.gserviceaccount.com"):
        number = re.search(r"\d{6,}", name)
        return foreign_number(read, number[0]) if number else False
    if host.endswith(".iam.gserviceaccount.com"):
        return host.removesuffix(".iam.gserviceaccount.com") not in own
    return True


def foreign_number(read: Reader, number: str) -> Any:
    """Whether a project number is another project's than the one scanned."""
    return read(PROJECT, name=project(read)).cell(lambda found: found["name"] != f"projects/{number}")


def grants(
    read: Reader, policy: dict[str, Any], resource: str, name: str, target_kind: str, holds_iot_data: Any
) -> Iterator[Row]:
    """A policy's bindings as rows of Grant, one per member and role."""
    for role, member in members(policy):
        yield {
            "resource": resource,
            "subject": f"{role} {member}",
            "name": name,
            "principal": member,
            "principal_kind": principal_kind(member),
            "right": role,
            "target_kind": target_kind,
            "holds_iot_data": holds_iot_data,
            "external": external(read, member),
            "retired_role": role.startswith("roles/cloudiot."),
            "deleted": split(member)[2],
        }


def project_members(read: Reader) -> Any:
    """Every role and member of the scope's project, or why nobody could read them."""
    return read(PROJECT_POLICY, resource=project(read)).cell(lambda policy: list(members(policy)))


def holders(read: Reader, pairs: Any, allowing: frozenset[str], permissions: frozenset[str]) -> Any:
    """Members that hold a role which allows something: the predefined roles named, or a custom role that holds it.

    ``permissions`` are looked for in the project's custom roles; a custom role of the organisation cannot be read from
    a project, so a member that holds one leaves the answer unread.
    """
    if isinstance(pairs, Unread):
        return pairs
    found: set[str] = set()
    for role, member in pairs:
        if role in allowing:
            found.add(member)
        elif role.startswith("projects/"):
            held = read(ROLES, parent=project(read)).cell(partial(custom, role, permissions))
            if isinstance(held, Unread):
                return held
            if held:
                found.add(member)
        elif role.startswith("organizations/"):
            return Unread("out_of_scope_account", "iam.roles.get", f"custom role {role}")
    return frozenset(found)


def custom(name: str, permissions: frozenset[str], roles: list[dict[str, Any]]) -> bool:
    """Whether one of the project's custom roles, as listed in full, holds a permission. A deleted role holds none."""
    return any(permissions & set(r.get("includedPermissions") or ()) for r in roles if r["name"] == name)


def people(everybody: Any, project_pairs: Any) -> Any:
    """The members with Cloud Storage's convenience members replaced by those who hold the basic role."""
    if isinstance(everybody, Unread):
        return everybody
    found: set[str] = set()
    for member in everybody:
        role = CONVENIENCE.get(split(member)[0])
        if role is None:
            found.add(member)
        elif isinstance(project_pairs, Unread):
            return project_pairs
        else:
            found |= {holder for held, holder in project_pairs if held == role}
    return frozenset(found)
