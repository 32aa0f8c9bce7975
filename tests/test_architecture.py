"""The rules of the design that a reader relies on, kept by force."""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "telemetry"
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the top down: a module imports only from lines below that of its room, or from its own room.
LAYERS = [
    ["__main__"],
    ["cli"],
    ["app"],
    ["starting", "answering"],
    ["running", "closing"],
    ["owning", "metrics"],
    ["web", "tasks"],
    ["intake"],
    ["dataset"],
    ["published", "forwarding"],
    ["cluster"],
    ["storage"],
    ["counting"],
    ["catalogue"],
    ["loading"],
    ["settings"],
    ["networks"],
    ["charts"],
    [
        "errors",
        "operator_errors",
        "wording",
        "clock",
        "logs",
        "histogram",
        "systemd",
        "admin_socket",
        "environment_file",
        "stoppable",
    ],
]
# The same inside a room that has rooms of its own; ``*`` are the modules that lie in the room itself.
SUB_LAYERS = {
    "cli": [
        ["commands"],
        ["erasing", "importing", "dataset_folders"],
        ["arguments", "asking", "options", "posting", "simulation"],
        ["output"],
    ],
    "published": [["dashboard"], ["*"]],
    "web": [["public"], ["api", "datasets"], ["pages"], ["*"]],
    "storage": [["maintenance", "imports"], ["erasure", "lookup"], ["log"], ["aggregates"], ["directory"], ["sqlite"]],
}
ROOMS = {name for layer in LAYERS for name in layer if (PACKAGE / name).is_dir()} | {
    f"{room}.{name}" for room, layers in SUB_LAYERS.items() for layer in layers for name in layer
    if (PACKAGE / room / name).is_dir()
}  # fmt: skip
# What a page or an answer for the public may be made from.
PUBLIC = {
    "web",
    "catalogue",
    "intake",
    "published",
    "dataset",
    "networks",
    "errors",
    "operator_errors",
    "wording",
    "clock",
    "settings",
    "charts",
}
OPERATORS = {"telemetry.web.admin"}
LOOKING = ["check", "config", "dataset", "export", "forget", "query", "segments", "stats", "tail"]
# Names that mean the same wherever they are: a command of the command line, a process's entry, a module's logger.
EVERYWHERE = {"command", "main", "logger"}
MODULE_LINES_MAX = 300
MODULE_LINES_MEDIAN_MAX = 100
FUNCTION_LINES_MAX = 60


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


NAMES = {module_name(path): path for path in MODULES}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imports(path: Path) -> list[str]:
    """Return the modules of the package that a module imports."""
    return list(_imports(parsed(path)))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in NAMES and alias.name != "telemetry")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            module = node.module or ""
            # To import a name from a package may be to import a module.
            named = (f"{module}.{alias.name}" if f"{module}.{alias.name}" in NAMES else module for alias in node.names)
            yield from (name for name in named if name in NAMES and name != "telemetry")


def layer(layers: list[list[str]], name: str) -> int:
    return next(number for number, names in enumerate(layers) if name in names or names == ["*"])


@cache
def texts(path: Path) -> list[str]:
    """Return the texts that a module spells out, docstrings apart."""
    tree = parsed(path)
    spoken = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in spoken)
    return [node.value for node in constants if isinstance(node.value, str)]


def public_names(tree: ast.Module) -> set[str]:
    """Return the classes, functions, types and constants that a module defines for others."""
    names = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_every_module_has_its_place_in_the_order_of_rooms() -> None:
    for name in NAMES.keys() - {"telemetry"}:
        _, top, *rest = name.split(".")
        layer(LAYERS, top)
        if rest and top in SUB_LAYERS:
            layer(SUB_LAYERS[top], rest[0])


def test_every_room_says_its_job_in_a_sentence() -> None:
    packages = {".".join(path.parent.relative_to(PACKAGE).parts) for path in PACKAGE.rglob("__init__.py")}
    assert packages - {"."} == ROOMS | {""}
    for path in PACKAGE.rglob("__init__.py"):
        sentence = ast.get_docstring(parsed(path))
        assert sentence, path
        assert sentence.endswith("."), path


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_point_down(path: Path) -> None:
    name = module_name(path)
    if name == "telemetry":
        assert imports(path) == []
        return
    _, top, *rest = name.split(".")
    for imported in imports(path):
        _, imported_top, *imported_rest = imported.split(".")
        if imported_top != top:
            assert layer(LAYERS, imported_top) > layer(LAYERS, top), f"{name} imports {imported}"
        elif top in SUB_LAYERS and rest and imported_rest and rest[0] != imported_rest[0]:
            layers = SUB_LAYERS[top]
            here, there = layer(layers, rest[0]), layer(layers, imported_rest[0])
            assert there > here or layers[here] == layers[there] == ["*"], f"{name} imports {imported}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    order = TopologicalSorter({name: set(imports(path)) for name, path in NAMES.items()}).static_order()
    assert {"telemetry.app", "telemetry.storage.log.event_log"} <= set(order)


def test_the_public_half_of_the_web_reads_what_is_taken_in_and_what_is_published_and_nothing_else() -> None:
    for name, path in NAMES.items():
        if name.startswith("telemetry.web") and name not in OPERATORS:
            rooms = {imported.split(".")[1] for imported in imports(path)}
            assert rooms <= PUBLIC, name
            assert not OPERATORS & set(imports(path)), name


def test_storage_knows_neither_the_settings_nor_the_wire() -> None:
    for name, path in NAMES.items():
        if name.startswith("telemetry.storage"):
            assert not {"telemetry.settings", "telemetry.catalogue.wire"} & set(imports(path)), name


def test_a_command_that_looks_waits_for_no_http_server_to_be_imported() -> None:
    code = (
        "import importlib, sys\n"
        f"for command in {LOOKING}:\n"
        "    importlib.import_module(f'telemetry.cli.commands.{command}')\n"
        "    assert not {'aiohttp', 'prometheus_client'} & sys.modules.keys(), command\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_a_public_name_has_one_meaning() -> None:
    homes: dict[str, list[str]] = {}
    for module, path in NAMES.items():
        for name in public_names(parsed(path)) - EVERYWHERE:
            homes.setdefault(name, []).append(module)
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}


@pytest.mark.parametrize("text", ["-wal", "-shm", "-journal", "?mode=ro", "?mode=rw", "immutable=1", "before-restore-"])
def test_a_name_on_the_disk_is_spelled_in_one_place(text: str) -> None:
    homes = {module for module, path in NAMES.items() if any(text in spelled for spelled in texts(path))}
    assert len(homes) == 1


@pytest.mark.parametrize("name", ["SEALED_MODE", "WRITABLE_MODE", "ROWS_PER_READ", "CLOCK_AHEAD_MAX", "LOCK_WAIT_S"])
def test_a_limit_of_several_modules_has_one_home(name: str) -> None:
    pattern = re.compile(rf"^_?{name}\b.* = ", re.MULTILINE)
    assert len([path for path in MODULES if pattern.search(path.read_text())]) == 1


def test_modules_and_functions_stay_small() -> None:
    for path in [*MODULES, *(ROOT / "tests").rglob("*.py")]:
        assert len(path.read_text().splitlines()) <= MODULE_LINES_MAX, path
        for function in functions(path):
            assert function.end_lineno is not None
            assert function.end_lineno - function.lineno < FUNCTION_LINES_MAX, f"{path}: {function.name}"
    lengths = [len(path.read_text().splitlines()) for path in MODULES if path.name != "__init__.py"]
    assert statistics.median(lengths) < MODULE_LINES_MEDIAN_MAX


def test_the_wall_clock_is_read_in_one_place() -> None:
    for path in MODULES:
        source = path.read_text()
        if path.name not in {"clock.py", "logs.py"}:
            assert "time.time" not in source, path
            assert "datetime.now" not in source, path


def test_every_sql_file_is_used_and_ships_in_the_package() -> None:
    source = "\n".join(path.read_text() for path in MODULES)
    for path in (ROOT / "sql").glob("*.sql"):
        assert f'"{path.stem}"' in source, path
    settings = (ROOT / "setup.cfg").read_text()
    assert "telemetry.sql = *.sql, migrations/*/*.sql" in settings


def test_no_name_says_nothing() -> None:
    for path in [*MODULES, *(ROOT / "sql").rglob("*.sql")]:
        for vague in ("manager", "helper", "util"):
            assert vague not in path.stem.lower(), path
            for node in ast.walk(parsed(path)) if path.suffix == ".py" else ():
                if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    assert vague not in node.name.lower(), f"{path}: {node.name}"


def test_the_lock_files_pin_every_requirement_with_a_hash_and_name_no_index() -> None:
    for path in (ROOT / "requirements.txt", *(ROOT / "tests").glob("*requirements.txt")):
        text = path.read_text()
        pinned = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert pinned
        assert all("==" in line for line in pinned)
        assert text.count("--hash=sha256:") >= len(pinned)
        assert "://" not in text


def test_no_query_needs_more_than_the_oldest_sqlite_that_is_accepted() -> None:
    for path in (ROOT / "sql").rglob("*.sql"):
        text = path.read_text()
        # Before 3.39 HAVING was an error without GROUP BY.
        assert text.count("HAVING ") == 0 or "GROUP BY" in text, path
