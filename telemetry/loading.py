"""Loading the settings from a TOML file, credentials, the environment and flags, the later ones stronger.

Variables that are not settings, and those that a container's runtime sets, are ignored; empty ones count as not set.
"""

import difflib
import os
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from telemetry.operator_errors import SettingsError
from telemetry.settings import LISTS, Problem, Settings, default_data_dir, describe, inconsistencies

_PREFIX = "TELEMETRY_"
_CONFIG_VARIABLE = "TELEMETRY_CONFIG"
# The variable with the folder where systemd puts the credentials of a unit.
_CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
# Docker and Kubernetes set ``<SERVICE>_PORT`` to such an address for each service that a container may reach.
_LINKS = ("tcp://", "udp://", "sctp://")

# A typing error is more similar than this, another word less.
_SIMILARITY_MIN = 0.7

_NAMES = Settings.__struct_fields__
_SECRETS = frozenset(setting.name for setting in describe() if setting.secret)


class Given(NamedTuple):
    """A value, and where it was given: the name of a variable, a flag or a file."""

    value: Any
    source: str


class Loaded(NamedTuple):
    """The settings, the values that were given, and what is wrong with these.

    In ``settings``, wrong values are replaced by their defaults. ``ignored`` has a sentence for each variable that
    looks like a setting but is not one.
    """

    settings: Settings
    given: dict[str, Given]
    problems: list[Problem]
    ignored: list[str]


def load(
    flags: Mapping[str, Any],
    variables: Mapping[str, str] = os.environ,
    config: Path | None = None,
    *,
    needed: Collection[str] = _NAMES,
) -> Settings:
    """Return the effective settings; raise ``SettingsError`` for the first needed setting that is wrong.

    ``flags`` that are None were not given. ``config`` defaults to the file that ``TELEMETRY_CONFIG`` names, if any.
    Wrong settings that are not needed have their defaults.
    """
    loaded = gather(flags, variables, config)
    for problem in loaded.problems:
        if problem.setting in needed or problem.setting not in _NAMES:
            raise SettingsError(f"{problem.sentence}: see `telemetry config` for all settings")
    return loaded.settings


def gather(flags: Mapping[str, Any], variables: Mapping[str, str] = os.environ, config: Path | None = None) -> Loaded:
    """Return the effective settings and everything that is wrong with the given values, without raising for it."""
    problems: list[Problem] = []
    unread: list[Problem] = []
    ignored: list[str] = []
    given = dict(
        (
            *_from_file(config or _config_of(variables), problems),
            *_from_credentials(variables, problems, unread),
            *_from_variables(variables, ignored),
            *_from_flags(flags),
        )
    )
    sound = {name: value for name in given for value in _sound(name, given[name], problems)}
    sound = {"data_dir": default_data_dir(sound.get("environment", Settings().environment))} | sound
    settings = msgspec.convert(sound, Settings)
    for problem in inconsistencies(settings):
        problems.append(_located(problem, given))
        settings = msgspec.structs.replace(settings, **{problem.setting: getattr(Settings(), problem.setting)})
    # Without a port, no one needs the token.
    problems += [problem for problem in unread if problem.setting != "admin_token" or settings.admin_port]
    return Loaded(settings, given, problems, ignored)


def expanded(path: str) -> str:
    """Return a path with the home directory for a ``~`` at its beginning, which shells replace only in some words."""
    # Path.expanduser raises where no home directory is known.
    return os.path.expanduser(path)  # noqa: PTH111


def _config_of(variables: Mapping[str, str]) -> Path | None:
    named = variables.get(_CONFIG_VARIABLE)
    return Path(named) if named else None


def _from_file(config: Path | None, problems: list[Problem]) -> Iterator[tuple[str, Given]]:
    if config is None:
        return
    path = Path(expanded(str(config)))
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(Problem("config", f"cannot read the settings file {path}: {error.strerror}"))
        return
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(Problem("config", f"the settings file {path} is not valid TOML: {error}"))
        return
    for name, value in values.items():
        if name in _NAMES:
            yield name, Given(value, str(path))
        else:
            problems.append(Problem("config", f"unknown setting `{name}` in {path}{_similar(name)}"))


def _from_credentials(
    variables: Mapping[str, str], problems: list[Problem], unread: list[Problem]
) -> Iterator[tuple[str, Given]]:
    for name in sorted(_SECRETS):
        file = Path(variables.get(_CREDENTIALS_VARIABLE) or "/nonexistent", name)
        try:
            secret = file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            continue
        except UnicodeDecodeError:
            problems.append(Problem(name, f"the credential {file} is not text: write a line of text to it"))
        except OSError as error:
            sentence = f"cannot read the credential {file} ({error.strerror}): let this user read it"
            unread.append(Problem(name, sentence))
        else:
            if secret:
                yield name, Given(secret, str(file))
            else:
                problems.append(Problem(name, f"the credential {file} is empty: write the setting {name} to it"))


def _from_variables(variables: Mapping[str, str], ignored: list[str]) -> Iterator[tuple[str, Given]]:
    known = {f"{_PREFIX}{name.upper()}": name for name in _NAMES}
    for variable, value in variables.items():
        if not variable.startswith(_PREFIX) or variable == _CONFIG_VARIABLE or not value:
            continue
        if variable not in known:
            ignored.append(
                f"{variable} is not a setting and ignored{_similar(variable.removeprefix(_PREFIX), _PREFIX)}"
            )
        elif value.startswith(_LINKS):
            ignored.append(f"{variable} is {value!r}, the link of a container, and ignored")
        else:
            yield known[variable], Given(value, variable)


def _from_flags(flags: Mapping[str, Any]) -> Iterator[tuple[str, Given]]:
    for name, value in flags.items():
        if value is not None:
            yield name, Given(value, f"--{name.replace('_', '-')}")


def _similar(name: str, prefix: str = "") -> str:
    """Return the question whether a setting with a similar name was meant; empty if none is similar."""
    found = difflib.get_close_matches(name.lower(), _NAMES, n=1, cutoff=_SIMILARITY_MIN)
    return f": did you mean {prefix + found[0].upper() if prefix else found[0]}?" if found else ""


def _sound(name: str, given: Given, problems: list[Problem]) -> Iterator[Any]:
    """Yield the value of a setting in its type, or note what is wrong with it."""
    try:
        settings = msgspec.convert({name: _one_value(name, given.value)}, Settings, strict=False)
    except (msgspec.ValidationError, TypeError) as error:
        problem = str(error).partition(" - at `$.")[0]
        problems.append(_located(Problem(name, f"{problem[0].lower()}{problem[1:]}"), {name: given}))
    else:
        yield getattr(settings, name)


def _one_value(name: str, value: Any) -> Any:
    """Return a value of a settings file as a flag would have it; raise ``TypeError`` for several in place of one."""
    if name in LISTS and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, list | dict):
        raise TypeError('give text, or a list of texts such as ["a", "b"]' if name in LISTS else "give one value")
    return expanded(value) if name == "data_dir" and isinstance(value, str) else value


def _located(problem: Problem, given: Mapping[str, Given]) -> Problem:
    """Return a problem with the name and value of its setting, and where the value comes from."""
    name, sentence = problem
    if name not in given:
        return Problem(name, f"setting {name}: {sentence}")
    value = "what is hidden here" if name in _SECRETS else repr(given[name].value)
    return Problem(name, f"setting {name}: {sentence}: {given[name].source} says {value}")
