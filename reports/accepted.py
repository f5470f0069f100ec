"""Cases with what people said about them: whose they are, and which risks were accepted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from checks.owner import Owners
from checks.waiver import Waivers
from reports.case import Docket


def accepted(docket: Docket, waivers: Waivers, owners: Owners, today: date) -> Docket:
    """The docket with owners and the waivers of a day. Status and lifecycle stay what the scans saw.

    A waiver's owner is who answers for the risk; the case keeps its own. What is waived has no ``sla``. Resolved cases
    carry no waiver and do not count for its breadth.
    """
    open_ = [case.finding for case in docket.cases if case.lifecycle != "resolved"]
    waived = waivers.over(open_, today).waived
    cases = []
    for case in docket.cases:
        owned = replace(case, owner=owners.of(case.finding) or case.owner)
        if case.lifecycle != "resolved" and (waiver := waived.get(case.finding.finding_id)):
            until = waiver.expires_on.isoformat()
            owned = replace(owned, waiver=waiver.id, waiver_kind=waiver.kind, waiver_expires_on=until, sla="")
        cases.append(owned)
    return replace(docket, cases=tuple(cases))
