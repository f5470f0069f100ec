"""What settings and variables make a scan trust: where it asks, and what it logs in with. Told before it is used.

A settings file is trusted like a program: whoever writes it says who gets the credentials. One that lies in the folder
somebody works in may be a stranger's, so a scan says what such a file decides, and sends nothing in the clear.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from collectors.endpoint import InTheClear, encrypted, without_password

PREFIX = "IOTPOSTURE_"
DECIDING = {
    "aws": ("endpoint", "endpoints", "crl_hosts"),
    "azure": ("endpoint", "authority", "hub_endpoint"),
    "gcp": ("endpoint", "endpoints", "iot_endpoint", "credentials"),
    "clearblade": ("endpoint", "configuration"),
}
"""The settings of each cloud that say whom a scan asks, or what it logs in with."""
ENDPOINT = re.compile(r"AWS_ENDPOINT_URL(_[A-Z0-9_]+)?")
"""The variables by which botocore asks another host."""


def named_in(keys: Sequence[str]) -> str:
    """The variable that sets what stands below these keys; empty text where none does. Their case does not matter."""
    known = {name.upper(): name for name in os.environ}
    for length in range(len(keys), 0, -1):
        name = known.get((PREFIX + "__".join(keys[:length])).upper())
        if name and holds(os.environ[name], keys[length:]):
            return name
    return ""


def holds(text: str, keys: Sequence[str]) -> bool:
    """Whether a variable's text, JSON where there are keys, says something below them."""
    if not keys:
        return True
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return True  # whatever is wrong with it, it is wrong there
    for key in keys:
        if isinstance(found, list):
            return True
        if not isinstance(found, Mapping) or key not in found:
            return False
        found = found[key]
    return True


def known_place(place: str) -> str:
    """A folder, or a URL of one file system that is installed. Raises ``ValueError`` for another.

    Of URLs within URLs fsspec makes a program: a reference has templates that are filled in while it is opened.
    """
    scheme, mark, _ = place.partition("://")
    if "::" in place or scheme == "reference":
        raise ValueError(f"{without_password(place)} is a URL within another one; allowed: a folder, or one URL")
    if not mark:
        return place
    from fsspec.registry import get_filesystem_class

    try:
        get_filesystem_class(scheme)
    except ValueError as error:
        raise ValueError(
            f"{without_password(place)}: fsspec knows no {scheme}://; allowed: a folder, or its URLs"
        ) from error
    except ImportError as error:
        raise ValueError(
            f"{without_password(place)}: {scheme}:// needs a package of fsspec that is not installed"
        ) from error
    return place


def decided(cloud: str, section: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """What a cloud's settings decide: the keys of each setting that does, and its value."""
    for name in DECIDING[cloud]:
        value = section.get(name)
        if name == "crl_hosts":
            value = ", ".join(value or ()) if section.get("crl_fetch") else ""
        if isinstance(value, Mapping):
            yield from (((cloud, name, key), str(inner)) for key, inner in value.items() if inner)
        elif value:
            yield (cloud, name), str(value)


def variables(section: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """AWS's own variables that name an endpoint, unless they are told to be ignored or a setting goes first."""
    if section.get("endpoint") or environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return {}
    return {name: url for name, url in sorted(environ.items()) if url and ENDPOINT.fullmatch(name)}


def trusted(sections: Mapping[str, Mapping[str, Any]], file: str, environ: Mapping[str, str]) -> list[str]:
    """One line for each file and variable that decides something about these clouds. Raises InTheClear.

    It is raised for a variable of AWS that would have it asked in the clear; settings were held to that when read.
    """
    told: dict[str, list[str]] = {}
    for cloud, section in sections.items():
        for keys, value in decided(cloud, section):
            said = f"{'.'.join(keys)} = {' '.join(without_password(value).split())}"
            told.setdefault(named_in(keys) or file, []).append(said)
    for name, url in variables(sections["aws"], environ).items() if "aws" in sections else ():
        try:
            encrypted(url)
        except InTheClear as error:
            raise InTheClear(f"{name}: {error}") from None
        told.setdefault(name, []).append(f"aws is asked at {' '.join(without_password(url).split())}")
    return [f"{source} is trusted: {'; '.join(said)}" for source, said in told.items()]
