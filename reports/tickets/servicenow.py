"""ServiceNow: an import set, loaded from CSV, with a transform map that coalesces on the finding's id.

Headers become staging columns of text. Values hold no double quote, and never the word NULL alone, which clears a field;
a short description is 160 characters, a row 8,126 bytes, times are written in UTC ("Import sets key concepts", "Updating
records using coalesce", "Import sets maximum row size", "Importing date/time values").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports.escape import clip, heading, servicenow
from reports.tickets.description import PLAIN, description
from reports.tickets.profile import DAY, ID, Column, Context, Profile, Sheet, email
from reports.tickets.ticket import Ticket

URGENCY = {"critical": ("1", "1"), "high": ("1", "2"), "medium": ("2", "2"), "low": ("2", "3"), "info": ("3", "3")}
"""Impact and urgency, 1 to 3."""
ROW = 8126
"""Bytes of a row; longer ones are skipped."""
TIME = rf"{DAY} ([01]\d|2[0-3]):[0-5]\d:[0-5]\d"


def time(text: str) -> str:
    """``yyyy-MM-dd HH:mm:ss`` in UTC."""
    return text[:19].replace("T", " ")


def octets(text: str) -> int:
    """Bytes in UTF-8."""
    return len(text.encode(errors="backslashreplace"))


COLUMNS = (
    Column("u_correlation_id", lambda t, _: t.id, required=True, shape=ID),
    Column("u_short_description", lambda t, _: clip(servicenow(heading(t.title)), 160), limit=160, required=True, shape=r"[^\r\n]+"),
    Column("u_description", lambda t, _: description(t, PLAIN, 4000, octets), limit=4000, required=True),
    Column("u_severity", lambda t, _: t.severity, required=True),
    Column("u_impact", lambda t, _: URGENCY[t.severity][0], required=True, shape="[1-3]"),
    Column("u_urgency", lambda t, _: URGENCY[t.severity][1], required=True, shape="[1-3]"),
    Column("u_assignment_group", lambda t, _: "" if email(t.owner) else clip(servicenow(t.owner), 255), limit=255),
    Column("u_cmdb_ci_hint", lambda t, _: clip(servicenow(t.case.finding.resource_id), 255) if t.by == "finding" else "", limit=255),
    Column("u_opened_at", lambda t, _: time(t.first_seen), required=True, shape=TIME),
    Column("u_due_date", lambda t, _: f"{t.due_on} 23:59:59" if t.due_on else "", shape=TIME),
    Column("u_state", lambda t, _: "resolved" if t.closed else "open", required=True, shape="open|resolved"),
    Column("u_source", lambda _, __: "iotposture", required=True),
    Column("u_source_id", lambda t, _: t.case.finding.check_id if t.by in ("finding", "check") else t.by, required=True),
    Column("u_result", lambda t, _: "pass" if t.closed else t.case.finding.status, required=True, shape="pass|fail|unknown"),
    Column("u_assigned_to", lambda t, _: email(t.owner), limit=255),
)  # fmt: skip

RECIPE = """\
ServiceNow: load these files into an import set and transform it

1. Once, as an administrator, set these properties (System Import Sets > Administration > Properties, or sys_properties):
   glide.import.csv.charset = UTF-8                  the files are UTF-8, and without it they are read as WINDOWS-1252
   com.glide.loader.verify_target_field_size = true  without it a column is as long as in the first 20 rows, or 40, and cut there
2. System Import Sets > Load Data: create the table u_iotposture from servicenow-upsert.csv. Its columns are text.
3. Make a transform map from u_iotposture to your table (incident, sn_vul_..., or a table of your own) with:

   source field           target field            note
   u_correlation_id       correlation_id          Coalesce: true. Coalesce case sensitive: true. Coalesce empty fields: false.
   u_short_description    short_description       160 characters at most
   u_description          description
   u_impact               impact                  1 to 3
   u_urgency              urgency                 1 to 3
   u_assignment_group     assignment_group        Choice action: ignore
   u_assigned_to          assigned_to             Referenced value field name: email. Choice action: ignore
   u_opened_at            opened_at               Date format: yyyy-MM-dd HH:mm:ss
   u_due_date             due_date                Date format: yyyy-MM-dd HH:mm:ss
   u_severity, u_cmdb_ci_hint, u_source, u_source_id, u_result: fields of your own, or leave them out

   u_state is open or resolved. Give it no field map, but the map a transform script that runs onBefore; for incident:

   (function runTransformScript(source, map, log, target) {
       var done = target.state == '6' || target.state == '7';   // Resolved, Closed
       if (source.u_state == 'resolved') {
           if (action == 'insert' || done) { ignore = true; return; }
           target.state = '6';
           target.close_code = 'YOUR_CODE';                     // one of your resolution codes, which incident requires
           target.close_notes = 'Not found any more by iotposture.';
       } else if (action == 'insert' || done) {
           target.state = '1';                                  // New; what somebody works on stays as it is
       }
   })(source, map, log, target);

   Coalescing is what makes a second load update records; without it every load inserts. Index Coalesce Fields, a related
   link of the map, keeps that fast.
4. Times are UTC, and ServiceNow reads them in the time zone of the user who loads: let that user's time zone be UTC.
5. Load servicenow-close.csv, if it has rows, in the same way.

From a script, as a user with the role import_set_loader:
   POST https://INSTANCE.service-now.com/sys_import.do?sysparm_import_set_tablename=u_iotposture&sysparm_transform_after_load=true
   with the file as multipart/form-data.
Staging rows are deleted after seven days; records stay.
"""


def setup(_: Context, __: Sequence[Ticket]) -> Mapping[str, str]:
    """What to set up once in the instance."""
    return {"servicenow-transform-map.txt": RECIPE}


def rules(row: Mapping[str, Any]) -> Iterator[str]:
    """No value that an import set reads differently, and no row that it skips."""
    if (size := sum(map(octets, row.values()))) > ROW:
        yield f"has {size} bytes, {ROW} is the most"
    for name, value in row.items():
        if '"' in value:
            yield f"{name} has a double quote"
        if value == "NULL":
            yield f"{name} is NULL, which clears the field"
        if "[code]" in value.lower():
            yield f"{name} has [code], which journals read as HTML"


PROFILE = Profile(
    "servicenow",
    "ServiceNow",
    "id",
    Sheet("upsert", COLUMNS, "u_correlation_id"),
    close=Sheet("close", COLUMNS, "u_correlation_id"),
    rows=1000,
    keys=("number", "key"),
    setup=setup,
    rules=rules,
)
