"""The transport to revocation lists: GET requests to hosts that certificates name, and to public addresses only.

A certificate says which URL is fetched, so the URL is hostile: a name is looked up first, every address must be
public, and the connection goes to that very address, whatever the name says a moment later. No redirect is followed,
no proxy used, no credential sent, and size and time are limited: one deadline holds for the name, every address, the
handshake, the headers and the body.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import httpx

from collectors.operation import ReadFailed

LARGEST = 10 * 2**20
"""Bytes. Lists of public CAs stay below 10 MB, the size up to which browsers and Apple's systems take them."""
SECONDS = 20.0
"""For one list, from looking up the name to the last byte read, whatever of it a host delays."""
TRIES = 2
"""Addresses of one host, such as the IPv6 and the IPv4 one."""
PORTS = {"http": 80, "https": 443}
TRANSLATED = IPv6Network("64:ff9b::/96")
"""Addresses that a NAT64 gateway turns into IPv4 ones (RFC 6052)."""
UNICAST = IPv6Network("2000::/3")
"""The only IPv6 addresses that are given out for the public internet (IANA, *IPv6 Address Space*)."""
SPECIAL = tuple(
    ip_network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
        "168.63.129.16/32",  # in no registry: from within Azure it is the platform that a machine runs on
        "2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20",
    )
)  # fmt: skip
"""Blocks with a purpose of their own, also those that can be reached from everywhere: no CA serves a list from one.

IANA's *IPv4* and *IPv6 Special-Purpose Address Registry*; what lies outside of UNICAST is not repeated.
"""


class Outside:
    """Fetches lists. ``allowed`` names hosts that may be private and may listen on any port, such as an internal CA."""

    def __init__(self, allowed: Iterable[str] = (), ca_bundle: str = "") -> None:
        self._allowed = frozenset(host.lower() for host in allowed)
        self._ca_bundle = ca_bundle

    def fetch(self, url: str) -> bytes:
        """The bytes behind a URL. Raises ReadFailed with a code that says what was wrong."""
        try:
            target = httpx.URL(url)
        except (httpx.InvalidURL, ValueError):
            raise ReadFailed("failed", "BadUrl") from None
        host, port = target.host.lower(), target.port or PORTS.get(target.scheme, 0)
        if target.scheme not in PORTS or not host or target.userinfo:
            raise ReadFailed("failed", "BadUrl")
        if host not in self._allowed and port != PORTS[target.scheme]:
            raise ReadFailed("failed", "PortNotAllowed", host)
        ends = time.monotonic() + SECONDS
        failure = ReadFailed("failed", "NoSuchHost", host)
        for address in self.addresses(host, port):
            try:
                return b"".join(self._parts(target, host, address, ends))
            except httpx.ConnectError:
                failure = ReadFailed("failed", "ConnectError", host)
            except httpx.TimeoutException:
                raise ReadFailed("failed", "Timeout", host) from None
            except (httpx.HTTPError, OSError, ValueError) as error:
                raise ReadFailed("failed", type(error).__name__, host) from None
        raise failure

    def addresses(self, host: str, port: int) -> list[str]:
        """The addresses to try. One address of a host that is not public spoils them all."""
        found = looked_up(host, port)
        if host not in self._allowed and not all(public(address) for address in found):
            raise ReadFailed("failed", "PrivateAddress", host)
        return list(dict.fromkeys(found))[:TRIES]

    def _parts(self, target: httpx.URL, host: str, address: str, ends: float) -> Iterator[bytes]:
        size, left = 0, ends - time.monotonic()
        if left <= 0:
            raise ReadFailed("failed", "Timeout", host)
        name = f"[{host}]" if ":" in host else host
        headers = {"Host": f"{name}:{target.port}" if target.port else name, "Accept-Encoding": "identity"}
        verify = ssl.create_default_context(cafile=self._ca_bundle or None)
        with (
            hung_up(ends, host) as trace,
            httpx.Client(trust_env=False, follow_redirects=False, verify=verify) as client,
        ):
            request = httpx.Request(
                "GET", target.copy_with(host=address), headers=headers, extensions={
                    "sni_hostname": host, "timeout": httpx.Timeout(min(left, SECONDS / 2)).as_dict(), "trace": trace,
                },
            )  # fmt: skip
            reply = client.send(request, stream=True)
            try:
                refuse(reply, host)
                for part in reply.iter_raw():
                    size += len(part)
                    if size > LARGEST:
                        raise ReadFailed("failed", "TooLarge", host)
                    yield part
            finally:
                reply.close()


def looked_up(host: str, port: int) -> list[str]:
    """The addresses of a name. Raises ReadFailed, also when no answer comes in time: resolvers know no deadline."""
    found: list[str] = []

    def look() -> None:
        with suppress(OSError, UnicodeError, OverflowError):
            found.extend(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))

    thread = threading.Thread(target=look, daemon=True, name="look up")
    thread.start()
    thread.join(SECONDS)
    if thread.is_alive():
        raise ReadFailed("failed", "Timeout", host)
    if not found:
        raise ReadFailed("failed", "NoSuchHost", host)
    return found


@contextmanager
def hung_up(ends: float, host: str) -> Iterator[Any]:
    """Hangs up at the deadline, whatever is waited for then: a timeout of a read begins anew with every byte.

    Gives what httpx tells of its steps to; so the connection is known before the first byte of an answer. Raises
    ReadFailed for a connection that was hung up, also where its end looks like the end of an answer.
    """
    late = threading.Event()
    held: list[socket.socket] = []

    def trace(step: str, told: Mapping[str, Any]) -> None:
        if step == "connection.connect_tcp.complete" and not held:
            held.append(told["return_value"].get_extra_info("socket").dup())  # TLS takes the socket itself
            clock.start()

    def hang_up() -> None:
        late.set()
        with suppress(OSError):
            held[0].shutdown(socket.SHUT_RDWR)

    clock = threading.Timer(max(0.0, ends - time.monotonic()), hang_up)
    clock.daemon = True
    try:
        yield trace
    except (httpx.HTTPError, OSError):
        if not late.is_set():
            raise
    finally:
        clock.cancel()
        for one in held:
            one.close()
    if late.is_set():
        raise ReadFailed("failed", "Timeout", host)


def refuse(reply: httpx.Response, host: str) -> None:
    """Raises ReadFailed for an answer that is no list: only 200 is one, and only as it is."""
    if reply.is_redirect:
        raise ReadFailed("failed", "Redirect", host)
    if reply.status_code != 200:
        denied = reply.status_code in (401, 403)
        raise ReadFailed("denied" if denied else "failed", f"HTTP{reply.status_code}", host)
    if reply.headers.get("Content-Encoding", "identity") != "identity":
        raise ReadFailed("failed", "Compressed", host)
    if int(reply.headers.get("Content-Length") or 0) > LARGEST:
        raise ReadFailed("failed", "TooLarge", host)


def public(text: str) -> bool:
    """Whether an address is one of the public internet, also the IPv4 address that an IPv6 one stands for."""
    address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in TRANSLATED:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return public(str(inner))
        if address not in UNICAST:
            return False
    return address.is_global and not any(address in block for block in SPECIAL)
