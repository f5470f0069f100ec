"""What `iotposture show` prints, all of it from the registries."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import resources

from checks.guidelines import controls_of, frameworks, guidelines
from checks.registry import CHECKS
from flows.console import Format, emit, lines
from flows.errors import BadSettings, UnknownName
from reports.check_facts import check_facts


def show_checks(format_: Format) -> None:
    """One row per check."""
    rows = [{**check_facts(check), "profile": check.profile} for check in CHECKS]
    emit(rows, ("id", "severity", "area", "title", "profile"), format_)


def show_check(name: str, format_: Format) -> None:
    """One check in full. Raises UnknownName."""
    check = next((check for check in CHECKS if check.id == name), None)
    if check is None:
        raise UnknownName(f"no check {name}; `iotposture show checks` lists them")
    extra = {
        "table": check.table.id(), "reads": list(check.reads), "only": dict(check.only), "profile": check.profile,
        "severity_when": dict(check.severity_when), "command": dict(check.command),
        "thresholds": check.settings, "passes": list(check.passes), "fails": list(check.fails),
        "open": list(check.open), "ignores": list(check.ignores),
    }  # fmt: skip
    if format_ == "json":
        print(json.dumps({**check_facts(check), **extra}, indent=2))
    elif format_ == "csv":
        emit([check_facts(check)], tuple(check_facts(check)), format_)
    else:
        lines((name, value) for name, value in check_facts(check).items() if name not in ("remedy", "controls"))
        lines((f"fix {cloud}".strip(), text) for cloud, text in check.remedy.items())
        lines((f"command {where}", text) for where, text in check.command.items())
        lines(
            (name, json.dumps(value) if isinstance(value, dict) and value else value or "")
            for name, value in extra.items()
            if name != "command"
        )
        lines([("controls", check_facts(check)["controls"])])


def show_tables(format_: Format) -> None:
    """One row per column of every table."""
    from collectors.registry import COLLECTORS, TABLES

    filled = {t: sorted({c.provider for c in COLLECTORS if c.table is t}) for t in TABLES}
    rows = [
        {
            "table": table.id(), "column": name, "kind": column.dtype.split("[")[0], "values": list(column.values),
            "meaning": column.meaning, "clouds": filled[table],
        }
        for table in TABLES
        for name, column in table.columns().items()
    ]  # fmt: skip
    emit(rows, ("table", "column", "kind", "meaning", "values", "clouds"), format_)


def show_permissions(cloud: str | None, whose: str, path: str, format_: Format) -> None:
    """The policy of one cloud, or every operation with its permission. Raises BadSettings."""
    from reports.permissions import policies, policy_text, rows, table

    columns = ("provider", "operation", "permission", "tables")
    if whose != "account" and (not cloud or whose not in policies(cloud)):
        raise BadSettings(f"--whose {whose}: only AWS has it; write `iotposture show permissions aws --whose {whose}`")
    if not cloud or (format_ == "csv" and whose == "account"):
        emit(rows(cloud) if cloud else table(), columns, format_)
        return
    from flows.settings import load

    settings = getattr(load(path or None), cloud).model_dump() if whose != "account" else {}
    policy = policies(cloud)[whose](settings)
    print(policy_text(cloud, policy) if format_ == "text" else json.dumps(policy, indent=2) + "\n", end="")


def serving(guideline: str) -> list[str]:
    """The checks that decide a guideline."""
    return [check.id for check in CHECKS if guideline in check.serves]


def show_guidelines(format_: Format) -> None:
    """Every guideline with its checks; empty where none serves it yet."""
    rows = [
        {
            "id": g.id, "provider": g.provider, "area": g.area, "severity": g.severity, "title": g.title,
            "checks": serving(g.id),
        }
        for g in guidelines().values()
    ]  # fmt: skip
    emit(rows, ("id", "provider", "area", "severity", "title", "checks"), format_)


def show_frameworks(name: str, format_: Format) -> None:
    """Every requirement with the checks that prove it. Raises UnknownName."""
    known = frameworks()
    if name and name not in known:
        raise UnknownName(f"no framework {name}; allowed: {', '.join(known)}")
    proof: dict[str, list[str]] = {}
    for check in CHECKS:
        for control in (*controls_of(check.serves), *check.controls):
            proof.setdefault(control, []).append(check.id)

    def rows() -> Iterable[dict[str, object]]:
        for framework, requirements in known.items():
            for requirement in requirements.values():
                if name in ("", framework):
                    yield {
                        "framework": framework, "requirement": requirement.id, "title": requirement.title,
                        "checks": proof.get(f"{framework} {requirement.id}", []),
                    }  # fmt: skip

    emit(list(rows()), ("framework", "requirement", "title", "checks"), format_)


def show_schema(name: str) -> None:
    """A published schema, as it stands in the package."""
    print(resources.files("reports.formats").joinpath(f"{name}.schema.json").read_text(encoding="utf-8"), end="")


def show_settings(path: str, format_: Format) -> None:
    """Every setting with its effective value."""
    from flows.settings import load, rows

    emit(rows(load(path or None)), ("setting", "value", "kind", "meaning"), format_)
