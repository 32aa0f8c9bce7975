"""How many descriptors this process may have open, and what is left of them for connections."""

import logging
import resource

logger = logging.getLogger(__name__)

# What the service has open besides public connections: databases with their logs, 5 for each; the admin socket and port
# with their connections; pipes to a sealing process; folders while they are read.
RESERVED = 96
# Where few can be open, that many would leave nothing; all of it is seldom open at once.
_RESERVED_SHARE_MAX = 0.75


def raise_limit() -> int:
    """Allow as many open descriptors as the system lets this process have; return how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError) as error:
            logger.warning("the limit of open files stays as it is", extra={"files": soft, "reason": str(error)})
            return soft
    return hard


def connections_within(limit: int, wanted: int) -> int:
    """Return how many of the ``wanted`` connections fit below a limit of descriptors; warn if that is fewer."""
    room = wanted if limit == resource.RLIM_INFINITY else limit - min(RESERVED, round(limit * _RESERVED_SHARE_MAX))
    if room < wanted:
        logger.warning(
            "few files can be open, so there are fewer connections: raise `ulimit -n` or LimitNOFILE",
            extra={"files": limit, "connections": room},
        )
    return min(room, wanted)
