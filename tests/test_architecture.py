"""The rules of the design that a reader relies on, kept by force."""

import ast
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "telemetry"
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the top down: a module imports only from layers below its own, or from its own.
LAYERS = [
    {"__main__"},
    {"cli"},
    {"app"},
    {"starting", "answering"},
    {"running"},
    {"metrics"},
    {"web", "tasks"},
    {"service"},
    {"publisher", "clock_judge", "large_batches"},
    {"storage"},
    {"wire", "counters", "duplicates", "rate_limit", "clock_evidence"},
    {
        "rows",
        "deltas",
        "day_labels",
        "action_pairs",
        "gate",
        "ledger",
        "exclusions",
        "resends",
        "families",
        "simulation",
    },
    {"events"},
    {"versions", "stored_ids"},
    {"settings", "logs", "clock", "shapes", "timestamps", "documents", "histogram", "admin_socket", "systemd"},
    {"forwarded"},
    {"errors", "installations", "networks", "descriptors"},
]
MODULE_LINES_MAX = 300
FUNCTION_LINES_MAX = 60


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def layer(name: str) -> int:
    part = name.split(".")[1]
    return next(number for number, parts in enumerate(LAYERS) if part in parts)


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            found |= {f"{module}.{alias.name}" if module == "telemetry" else module for alias in node.names}
    return {name for name in found if name.startswith("telemetry.") and not name.endswith("__version__")}


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_point_down(path: Path) -> None:
    name = module_name(path)
    if name == "telemetry":
        assert imports(path) == set()
        return
    for imported in imports(path):
        own_part = imported.split(".")[1] == name.split(".")[1]
        assert own_part or layer(imported) > layer(name), f"{name} imports {imported}"


def test_imports_inside_storage_have_no_cycles() -> None:
    order: list[str] = []
    waiting = {module_name(path): imports(path) for path in MODULES if path.parent.name == "storage"}
    while waiting:
        ready = [name for name, needed in waiting.items() if not needed & waiting.keys()]
        assert ready, f"cycle among {sorted(waiting)}"
        order += ready
        for name in ready:
            del waiting[name]
    assert len(order) > 5


def test_modules_and_functions_stay_small() -> None:
    for path in [*MODULES, *(ROOT / "tests").rglob("*.py")]:
        assert len(path.read_text().splitlines()) <= MODULE_LINES_MAX, path
        for function in functions(path):
            assert function.end_lineno is not None
            assert function.end_lineno - function.lineno < FUNCTION_LINES_MAX, f"{path}: {function.name}"
    lengths = [len(path.read_text().splitlines()) for path in MODULES if path.name != "__init__.py"]
    assert statistics.median(lengths) <= 120


def test_the_wall_clock_is_read_in_one_place_and_sql_statements_live_in_files() -> None:
    for path in MODULES:
        source = path.read_text()
        if path.name not in {"clock.py", "logs.py"}:
            assert "time.time" not in source, path
            assert "datetime.now" not in source, path
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                statement = node.value.lstrip().upper().startswith(("SELECT ", "INSERT ", "UPDATE ", "DELETE "))
                assert not (statement and "\n" in node.value.strip()), f"{path}: {node.value}"


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
            for node in ast.walk(ast.parse(path.read_text())) if path.suffix == ".py" else ():
                if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    assert vague not in node.name.lower(), f"{path}: {node.name}"


def test_the_lock_files_pin_every_requirement_with_a_hash_and_name_no_index() -> None:
    for path in (ROOT / "requirements.txt", ROOT / "tests" / "requirements.txt"):
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
