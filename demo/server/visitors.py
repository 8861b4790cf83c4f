"""Who asks."""

import os
from ipaddress import IPv6Address, ip_address

from starlette.datastructures import Headers
from starlette.types import Scope


def visitor(scope: Scope) -> str:
    """Whom the request counts for: the address that it comes from, of IPv6 the first half, which one household has.

    Behind a proxy that is the proxy's own address, unless it is known:

    - On a Space (SPACE_ID), the header X-Forwarded-For is believed: the last public address in it, which the outermost
      of the Space's proxies has seen. What stands before it, the visitor may have written.
    - Elsewhere a proxy on the same machine, or one whose address is in FORWARDED_ALLOW_IPS, is believed by uvicorn,
      which has put the visitor's address into the scope already.
    """
    client = scope.get("client")
    address = client[0] if client else ""
    if os.environ.get("SPACE_ID"):
        passed = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
        address = next((part for part in reversed([part.strip() for part in passed]) if _public(part)), address)
    return _household(address)


def _public(text: str) -> bool:
    try:
        return ip_address(text).is_global
    except ValueError:
        return False


def _household(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return text[:64]
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    return str(address)
