"""Tags of a resource, as AWS and Azure call them, or labels, as Google Cloud does: one cell of texts by key."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

MOST = 64
"""Tags of one resource that are kept, the first by their keys. Google Cloud allows 64 labels, AWS and Azure 50 tags."""
LENGTH = 256
"""Characters of a value that are kept. AWS and Azure allow 256, Google Cloud 63."""
MASK = "***"
SECRET_KEY = re.compile(
    r"passw|passphrase|pwd|secret|token|credential|connection.?str"
    r"|(api|access|account|private|shared|primary|secondary|symmetric|sas).?key",
    re.IGNORECASE,
)
SECRET_VALUE = re.compile(
    r"(Shared)?AccessKey=|AccountKey=|\bsig=|\b(A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN "
    r"|://[^/@\s]+:[^/@\s]+@|\b(ops_)?eyJ[\w-]{8,}(\.eyJ|[\w-]{100})"
    r"|\b(?i:Bearer\s+\S{6}|Basic\s+(?=\S*\d)[a-z0-9+/]{12})"
    r"|\b([rs]k_(live|test|prod)_|whsec_)\w{6}|\bsk-(?=\S*\d)[\w-]{20}|hooks\.slack\.com/(services|workflows)/|://discord\S+/webhooks/"
    r"|\bSG\.[\w-]{16,}\.[\w-]{16}|\b\w{3}\dQ~[\w.~-]{31}|\bAGE-SECRET-KEY-1|\bkey-[0-9a-f]{32}\b|\bdapi[0-9a-f]{32}"
    r"|\b(gh[oprsu]_|github_pat_|gl(pat|ptt|rt|dt|ft|soat|cbt|agent|imt|oas)-|GR1348941|xox[abeprs]-|xapp-|xwfp-|AIza"
    r"|GOCSPX-|ya29\.|npm_|pypi-|rubygems_|dckr_(pat|oat)_|hv[sbr]\.|do[opr]_v1_|shp(at|ca|pa|ss)_|sq0(atp|csp)-|ATATT3"
    r"|ATCTT3|ATBB|lin_api_|PMAK-|hf_|gl(sa|c)_|NRAK-|tskey-|pul-|sntry[su]_|figd_|ntn_|LTAI|AQVN|EAACEdEose0cBA"
    r"|amzn\.mws\.|access_token\$)[\w.-]{12}"
)
"""A tag is no place for a secret, and people put one there all the same: such a value is masked, and such a key.

The beginnings are those that issuers give to their tokens, so that scanners of secrets such as gitleaks know them."""


def tags(found: Mapping[str, Any] | None, named: Collection[str] | None = None) -> str | None:
    """Tags as a cell: a JSON object, sorted by key. A tag within a tag, as twins have them, is written ``outer.inner``.

    ``named`` are the keys, in lower case, that are kept; None keeps all. None found is none known.
    """
    if found is None:
        return None
    flat = {key: text for key, text in tag_texts(found) if named is None or key.lower() in named}
    return json.dumps({key: flat[key] for key in sorted(flat)[:MOST]}, ensure_ascii=False)


def tag_texts(found: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Every tag with its text; lists and what has no value are left out."""
    for name, value in found.items():
        key = f"{above}{name}"
        if isinstance(value, Mapping):
            yield from tag_texts(value, f"{key}.")
        elif isinstance(value, bool):
            yield key, str(value).lower()
        elif isinstance(value, (str, int, float)):
            text = str(value)
            shown = MASK if SECRET_KEY.search(key) or SECRET_VALUE.search(text) else text[:LENGTH]
            yield MASK if SECRET_VALUE.search(key) else key, shown


def read(cell: str) -> dict[str, str]:
    """The tags in a cell, by key."""
    found: dict[str, str] = json.loads(cell) if cell else {}
    return found
