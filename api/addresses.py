"""Where this registry is reached from outside: what the addresses that leave the house begin with."""

from ipaddress import ip_address

from fastapi import Request


def base(request: Request) -> str:
    """The public address where one is set, else the one that was asked, without a slash at its end."""
    public: str | None = request.app.state.public_url
    return public or str(request.base_url).rstrip("/")


def stays_here(request: Request) -> bool:
    """Whether our addresses lead to this computer only: none is set, and it was asked over the loopback."""
    host = request.base_url.hostname or ""
    return not request.app.state.public_url and (host == "localhost" or _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
