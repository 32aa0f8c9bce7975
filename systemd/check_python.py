"""Whether a Python can run the service; the Makefile and install.sh ask it before anything else.

Old versions read this file too: it is written for any Python 3.
"""

import sys

PYTHON_VERSION_MIN = (3, 11)
SQLITE_VERSION_MIN = (3, 38, 0)


def lacking():
    """Return a sentence that says what is missing and what to do, or None."""
    if sys.version_info < PYTHON_VERSION_MIN:
        found = f"{sys.executable} is {sys.version.split()[0]}"
        return f"Python 3.11 or newer is needed, and {found}: give another, as with PYTHON=python3.12"
    try:
        import sqlite3  # noqa: PLC0415 - some are built without it
    except ImportError:
        return f"{sys.executable} was built without SQLite: give another, as with PYTHON=/usr/bin/python3"
    if sqlite3.sqlite_version_info < SQLITE_VERSION_MIN:
        found = f"{sys.executable} has {sqlite3.sqlite_version}"
        return f"SQLite 3.38 or newer is needed, and {found}: give a Python with a newer one, as with PYTHON=python3.12"
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian has it in a package of its own
        import venv  # noqa: F401, PLC0415
    except ImportError:
        return f"{sys.executable} cannot make environments: on Debian or Ubuntu, run `sudo apt install python3-venv`"
    return None


if __name__ == "__main__":
    sentence = lacking()
    if sentence:
        sys.exit(sentence)
