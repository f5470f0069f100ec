"""Settings: `iotposture.toml`, overridden by environment variables (`IOTPOSTURE_AWS__REGIONS='["eu-west-1"]'`).

No setting holds a secret: credentials come from the clouds' own chains, or from files that a setting names. A password
of the history's database belongs into ~/.pgpass or PGPASSWORD; one in its URL is never shown. What a file decides about
where credentials go stands in :mod:`flows.trust`.
"""

from __future__ import annotations

import re
import tomllib
import types
import typing
from contextvars import ContextVar
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from checks.check import Severity
from checks.owner import OwnerRule, TagKey
from checks.registry import CHECKS
from checks.waiver import CAPS, Rules
from collectors.endpoint import encrypted, without_password
from collectors.weak_keys import weak_keys
from flows.errors import BadSettings
from flows.trust import PREFIX, known_place, named_in
from reports.case import SLA_DAYS

FILE = "iotposture.toml"
PLAIN = {
    "missing": "is missing",
    "too_short": "is empty",
    "string_too_short": "is empty",
    "string_type": "is a text, not {0}",
    "list_type": "is a list, not {0}; write {1} = [...]",
    "dict_type": "is a table, not {0}; write {1} = {{ KEY = ... }}",
}
"""What pydantic says of a mistake in words of its own."""
_file: ContextVar[Path] = ContextVar("settings file", default=Path(FILE))
PROFILES = tuple(sorted({check.profile for check in CHECKS if check.profile}))


Url = Annotated[str, Field(pattern=r"^$|^https?://[^\s]+$"), AfterValidator(encrypted)]
RoleArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$")]
MemberRole = Annotated[
    str,
    Field(
        pattern=r"^(arn:(\{partition\}|aws[a-z-]*):iam::\{account\}:role/)?([\w+=,.@/-]|\{account\}|\{partition\})+$"
    ),
]
Unit = Annotated[str, Field(pattern=r"^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})$")]
Region = Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]


class Section(BaseModel):
    """What every cloud's section has."""

    model_config = ConfigDict(extra="forbid")

    ca_bundle: str = Field("", description="PEM file of the CAs to trust instead of the system's.")
    timeout_seconds: float = Field(30, ge=1, le=600, description="Longest wait for one answer.")
    find_seconds: float = Field(
        0, ge=0, le=600, description="Longest wait for the first answer; 0: 15 if the cloud is named, else 1.5."
    )
    calls_per_second: int = Field(10, ge=1, le=1000, description="Token bucket per account, region and API.")
    call_budget: int = Field(
        0, ge=0, description="Calls per account and scan; 0 is no limit. What is left over is partial."
    )


class MetadataSection(Section):
    """A cloud whose machines can give credentials to what runs on them."""

    instance_metadata: bool = Field(False, description="Ask this machine's metadata service for credentials.")


class Aws(MetadataSection):
    """Amazon Web Services."""

    profiles: list[str] = Field([], description="Profiles of ~/.aws/config, one account each; none: the default chain.")
    roles: list[RoleArn] = Field([], description="Role ARNs to assume, one account each.")
    organization: bool = Field(
        False, description="Scan every active account of the organization that the credentials may list."
    )
    member_role: MemberRole = Field(
        "iotposture",
        description="Role to assume in each of them: its name, or arn:{partition}:iam::{account}:role/NAME.",
    )
    organizational_units: list[Unit] = Field(
        [], description="Only accounts in these units (ou-…) or roots (r-…), and below them."
    )
    external_id: str = Field("", description="External id for the roles.")
    exclude_accounts: list[Annotated[str, Field(pattern=r"^\d{12}$")]] = Field(
        [], description="Account ids to leave out."
    )
    regions: list[Region] = Field(
        [], description="Regions; none: the chain's own, else every region with AWS IoT Core."
    )
    crl_fetch: bool = Field(
        False, description="Fetch the revocation lists that certificates name, by HTTP from public addresses."
    )
    crl_hosts: list[str] = Field([], description="Hosts of such lists that may be private, as an internal CA's.")
    endpoint: Url = Field("", description="One URL for every service.")
    endpoints: dict[str, Url] = Field({}, description='URL per service, as in {iot = "http://…"}.')

    @model_validator(mode="after")
    def _units_are_of_an_organization(self) -> Aws:
        if self.organizational_units and not self.organization:
            raise ValueError("organizational_units says which accounts of an organization; set organization = true")
        return self


class Azure(MetadataSection):
    """Microsoft Azure."""

    subscriptions: list[str] = Field([], description="Subscription ids; none: every one the credential can list.")
    tenant: str = Field("", description="Tenant id.")
    cloud: Literal["public", "usgov", "china"] = Field("public", description="Which Azure cloud.")
    endpoint: Url = Field("", description="Azure Resource Manager.")
    authority: Url = Field("", description="Where tokens come from.")
    hub_endpoint: Url = Field("", description="Data plane of IoT hubs; {host} stands for the hub's host name.")


class Gcp(MetadataSection):
    """Google Cloud."""

    projects: list[str] = Field([], description="Project ids; none: the credential's own.")
    regions: list[Region] = Field([], description="Locations to ask for registries.")
    credentials: str = Field(
        "", description="Service account file; none: GOOGLE_APPLICATION_CREDENTIALS or gcloud's own."
    )
    iot_endpoint: Url = Field(
        "", description="An endpoint that speaks the Cloud IoT v1 API. Google's was retired in 2023."
    )
    endpoint: Url = Field("", description="One URL for every other API.")
    endpoints: dict[str, Url] = Field({}, description='URL per API, as in {pubsub = "http://…"}.')
    trusted_projects: list[str] = Field([], description="Other projects whose identities are not external.")
    domains: list[str] = Field([], description="The organisation's own domains; identities of others are external.")


class ClearBlade(Section):
    """ClearBlade IoT Core."""

    configuration: str = Field("", description="Credentials file; none: CLEARBLADE_CONFIGURATION.")
    regions: list[Region] = Field([], description="Regions to ask for registries.")
    endpoint: Url = Field("", description="URL instead of the one in the credentials file.")


class Tickets(BaseModel):
    """What an export to a tracker puts where its importer wants something of yours."""

    model_config = ConfigDict(extra="forbid")

    jira_project: str = Field("", description="Key of the Jira project; the importer asks for it if it is not set.")
    jira_issue_type: str = Field("Task", description="Issue type in Jira.")
    jira_open_status: str = Field("To Do", description="Status of an issue in Jira that was resolved and is back.")
    jira_closed_status: str = Field("Done", description="Status of an issue in Jira that is resolved.")
    azure_work_item_type: str = Field("Bug", description="Work item type in Azure Boards.")
    azure_area_path: str = Field("", description="Area path in Azure Boards; none: the project's own.")
    azure_open_state: str = Field(
        "Active", description="State of a work item in Azure Boards that was resolved and is back."
    )
    azure_closed_state: str = Field("Closed", description="State of a work item in Azure Boards that is resolved.")
    gitlab_labels: bool = Field(True, description="Label GitLab's issues iotposture and with their severity.")


class Formats(BaseModel):
    """What interchange formats leave to you."""

    model_config = ConfigDict(extra="forbid")

    aws_account: str = Field(
        "", pattern=r"^(\d{12})?$", description="ASFF: account that takes in findings of other clouds; none: left out."
    )
    aws_region: Region = Field("us-east-1", description="ASFF: region that takes in what has none of its own.")
    resolved: bool = Field(False, description="SARIF: also what a scan resolved; GitHub would show it as an alert.")


class Sla(BaseModel):
    """Days to mend what fails, by severity."""

    model_config = ConfigDict(extra="forbid")

    critical: int = Field(SLA_DAYS["critical"], ge=0, description="Days for a critical finding; 0 is no limit.")
    high: int = Field(SLA_DAYS["high"], ge=0, description="Days for a high one.")
    medium: int = Field(SLA_DAYS["medium"], ge=0, description="Days for a medium one.")
    low: int = Field(SLA_DAYS["low"], ge=0, description="Days for a low one.")
    info: int = Field(SLA_DAYS["info"], ge=0, description="Days for one that only informs.")


class Aim(BaseModel):
    """How many findings may be open on a day; to it the burn-down draws an ideal line."""

    model_config = ConfigDict(extra="forbid")

    target_on: date | None = Field(None, description="Day of the target, as in 2027-03-31; none: no line is drawn.")
    target_open: int = Field(0, ge=0, description="Findings that may still be open on that day.")

    @field_validator("target_on", mode="before")
    @classmethod
    def _a_day(cls, value: object) -> object:
        if value in (None, "") or (isinstance(value, date) and not isinstance(value, datetime)):
            return value or None
        try:
            return datetime.strptime(value if isinstance(value, str) else "", "%Y-%m-%d").date()
        except ValueError as error:
            raise ValueError(f"{value} is no day; allowed: YYYY-MM-DD, as in 2027-03-31") from error

    @model_validator(mode="after")
    def _so_many_on_a_day(self) -> Aim:
        if self.target_open and not self.target_on:
            raise ValueError("target_open says how many on which day; set target_on too")
        return self


class Accepted(BaseModel):
    """Accepted risks."""

    model_config = ConfigDict(extra="forbid")

    file: str = Field("waivers.toml", min_length=1, description="The waivers, seen from this file's folder.")
    max_days: dict[Severity, Annotated[int, Field(ge=1, le=3650)]] = Field(
        {},
        description="Longest waiver by severity; else "
        + ", ".join(f"{name} {cap}" for name, cap in CAPS.items())
        + ".",
    )
    broad_percent: float = Field(10, gt=0, le=100, description="A match over a greater share of findings is refused.")
    two_persons: bool = Field(True, description="The approver is not the owner.")
    warn_days: int = Field(14, ge=0, le=365, description="Days before its end when a waiver is pointed out.")
    actor: str = Field("", max_length=200, description="Who is written into the audit log; none: the user's name.")

    def rules(self) -> Rules:
        """What is demanded of every waiver."""
        return Rules({**CAPS, **self.max_days}, self.broad_percent, self.two_persons, self.warn_days)


class Settings(BaseSettings):
    """Everything that can be set. Without a file the defaults hold, and every cloud with credentials is scanned."""

    model_config = SettingsConfigDict(extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__")
    _source: str = PrivateAttr(default=FILE)

    runner: Literal["threads", "prefect"] = Field("threads", description="Who runs the scan.")
    threads: int = Field(8, ge=1, le=64, description="Scopes at once.")
    out: str = Field("iotposture-out", description="Folder below which a scan writes its reports.")
    runs: str = Field("", description="Where collected runs lie: a folder or fsspec URL; none: beside the reports.")
    keep_facts: bool = Field(
        True, description="Keep facts of certificates between scans, so that only new ones are described."
    )
    weak_keys: str = Field("", description="List of broken keys: blocklist.dat of badkeys; none: not consulted.")
    history: str = Field(
        "",
        description="Past scans: a file, postgresql+psycopg://HOST/DATABASE, or none; by default history.db below out.",
    )
    history_days: int = Field(
        0,
        ge=0,
        le=9999,
        description="Days of past scans to keep, as `history prune` does after each scan; 0 keeps all.",
    )
    profiles: list[str] = Field([], description="Opt-in sets of checks.")
    thresholds: dict[str, dict[str, Any]] = Field({}, description="Per check: settings that replace its defaults.")
    tickets: Tickets = Tickets()
    formats: Formats = Formats()
    sla: Sla = Sla()
    trend: Aim = Aim()
    owners: list[OwnerRule] = Field([], description="Whose a finding is: the first rule that matches says it.")
    owner_tags: list[TagKey] = Field(
        [], description="Tags whose text is the owner where no rule matches; the first that a finding has."
    )
    default_owner: str = Field(
        "", max_length=100, description="Whose a finding is that no rule matches and no such tag names."
    )
    waivers: Accepted = Accepted()
    aws: Aws = Aws()
    azure: Azure = Azure()
    gcp: Gcp = Gcp()
    clearblade: ClearBlade = ClearBlade()

    @field_validator("profiles")
    @classmethod
    def _known_profiles(cls, value: list[str]) -> list[str]:
        if unknown := sorted(set(value) - set(PROFILES)):
            raise ValueError(f"no profile {', '.join(unknown)}; allowed: {', '.join(PROFILES)}")
        return value

    @field_validator("runs")
    @classmethod
    def _known_place(cls, value: str) -> str:
        return known_place(value)

    @field_validator("weak_keys")
    @classmethod
    def _readable_list(cls, value: str) -> str:
        try:
            weak_keys(value)
        except OSError as error:
            raise ValueError(f"{value}: {error.strerror or type(error).__name__}") from error
        return value

    @field_validator("thresholds")
    @classmethod
    def _known_thresholds(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        known = {check.id: check.settings for check in CHECKS if check.settings}
        for check, settings in value.items():
            if check not in known:
                raise ValueError(f"no check {check} with thresholds; allowed: {', '.join(sorted(known))}")
            for name, setting in settings.items():
                if name not in known[check]:
                    raise ValueError(f"{check} has no threshold {name}; allowed: {', '.join(known[check])}")
                if type(setting) is not type(known[check][name]):
                    raise ValueError(f"{check}.{name} is {type(known[check][name]).__name__}, not {setting!r}")
        return value

    @property
    def source(self) -> str:
        """The file they come from, as it was named."""
        return self._source

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What code says, then the environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=_file.get())


def load(path: str | Path | None = None) -> Settings:
    """The effective settings. Raises BadSettings; a file that is named must exist, the default one need not."""
    file = Path(path) if path else Path(FILE)
    if path and not file.is_file():
        raise BadSettings(f"{file}: no such file; --settings names a TOML file")

    token = _file.set(file)
    try:
        settings = Settings()
        settings._source = str(file)
        settings.waivers.file = str(file.parent / settings.waivers.file)
        return settings
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(f"{file}: not TOML: {error}") from error
    except SettingsError as error:
        name = re.search(r'field "(\w+)"', str(error))
        where = f"{PREFIX}{name[1].upper()}" if name else PREFIX
        raise BadSettings(f"{where}: not JSON, as lists and tables are written in the environment") from error
    except ValidationError as error:
        raise BadSettings("\n".join(complaint(file, problem) for problem in error.errors())) from error
    except UnicodeDecodeError as error:
        raise BadSettings(f"{file}: not UTF-8, as TOML is, from byte {error.start + 1} on; save it as UTF-8") from error
    except OSError as error:
        raise BadSettings(f"{file}: {error.strerror or type(error).__name__}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, lists in lists in lists
        raise BadSettings(f"{file}: TOML that cannot be read ({type(error).__name__})") from error
    finally:
        _file.reset(token)


def complaint(file: Path, problem: Any) -> str:
    """One line about one mistake: where it stands, what it is, what is allowed."""
    keys = [str(key) or "''" for key in problem["loc"] if key != "[key]"]
    where = named_in(keys) or str(file)
    message = str(problem["msg"]).removeprefix("Value error, ")
    if plain := PLAIN.get(problem["type"]):
        message = plain.format(without_password(repr(problem["input"])), keys[-1])
    elif problem["type"] == "extra_forbidden":
        message = f"no such setting; allowed: {', '.join(sorted(fields_at(keys[:-1])))}"
    elif problem["type"] == "model_type":
        message = f"is a section, not {problem['input']!r}; write [{'.'.join(keys)}]"
    elif problem["type"] == "string_pattern_mismatch":
        message = f"{without_password(problem['input'])!r} does not fit; allowed: {problem['ctx']['pattern']}"
    return f"{where}: {'.'.join(keys)}: {message}"


def fields_at(keys: list[str]) -> dict[str, Any]:
    """The settings that a section has."""
    model: Any = Settings
    for key in keys:
        model = typing.get_args(model)[0] if key.isdigit() else model.model_fields[key].annotation
    return dict(model.model_fields)


def rows(settings: Settings) -> list[dict[str, str]]:
    """Every setting with its effective value, allowed values and meaning."""
    found = []

    def walk(model: BaseModel, path: str) -> None:
        for name, info in type(model).model_fields.items():
            value = getattr(model, name)
            if isinstance(value, BaseModel):
                walk(value, f"{path}{name}.")
            else:
                found.append(
                    {
                        "setting": path + name,
                        "value": without_password(value)
                        if isinstance(value, str)
                        else ""
                        if value is None
                        else str(setting_text(value)),
                        "kind": kind(info.annotation),
                        "meaning": info.description or "",
                    }
                )

    walk(settings, "")
    return found


def setting_text(value: Any) -> Any:
    """A value as one would write it: of a rule, what was set."""
    if isinstance(value, list):
        return [setting_text(one) for one in value]
    return value.model_dump(mode="json", exclude_unset=True) if isinstance(value, BaseModel) else value


def kind(annotation: Any) -> str:
    """A setting's type in plain words."""
    if typing.get_origin(annotation) is Literal:
        return " | ".join(typing.get_args(annotation))
    if typing.get_origin(annotation) is Annotated:
        return kind(typing.get_args(annotation)[0])
    if isinstance(annotation, types.GenericAlias):
        inner = [kind(a) for a in typing.get_args(annotation)]
        return f"list of {inner[0]}" if annotation.__origin__ is list else "table"
    if typing.get_args(annotation) == (date, types.NoneType):
        return "day"
    return {"str": "text", "int": "whole number", "float": "number", "bool": "true | false"}.get(
        getattr(annotation, "__name__", ""), "table"
    )
