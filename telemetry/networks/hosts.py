"""Where to listen: a list of addresses, host names and paths of Unix sockets."""

ALL = "*"
UNIX = "unix:"


def read_hosts(text: str) -> list[str]:
    """Return the items of a list such as ``127.0.0.1, unix:/run/drift.sock``; raise ``ValueError`` if it is none."""
    hosts = list(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))
    if not hosts:
        raise ValueError("it names no address")
    for host in hosts:
        if host.startswith(UNIX) and not host.startswith(f"{UNIX}/"):
            raise ValueError(f"{host!r} is not an absolute path")
    if ALL in hosts and any(host != ALL and not host.startswith(UNIX) for host in hosts):
        raise ValueError(f"{ALL!r} includes all other addresses")
    return hosts
