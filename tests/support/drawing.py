"""The rooms of the package and the arrows between them, drawn from the code: `python -m tests.support.drawing`
writes them into `docs/design.md`.

Each room is a line. A mark in a column says that the room of that line imports from the room with that number. All
marks are right of the diagonal: imports point down.
"""

from pathlib import Path

from tests.test_architecture import LAYERS, NAMES, SUB_LAYERS, imports

DESIGN = Path(__file__).parents[2] / "docs" / "design.md"
_HEADING, _FENCE = "## The rooms\n", "```\n"
GROUND = "errors, clock, ..."
ARROW, SAME, NOTHING = "●", "╲", "·"


def rooms() -> list[str]:
    """Return the rooms from the top down; the modules of the last layer are one."""
    found = []
    for layer in LAYERS[:-1]:
        for top in layer:
            inner = [f"{top}.{name}" for names in SUB_LAYERS.get(top, []) for name in names if name != "*"]
            found += [*inner, top] if SUB_LAYERS.get(top, [[]])[-1] == ["*"] else [top, *inner]
    return [*found, GROUND]


def room_of(module: str) -> str:
    """Return the room in which a module lies."""
    _, *names = module.split(".")
    if names[0] in LAYERS[-1]:
        return GROUND
    return max((room for room in rooms() if f"{'.'.join(names)}.".startswith(f"{room}.")), key=len)


def arrows() -> set[tuple[str, str]]:
    """Return which room imports from which."""
    found = {
        (room_of(module), room_of(imported))
        for module, path in NAMES.items()
        if module != "telemetry"
        for imported in imports(path)
    }
    return {(importing, imported) for importing, imported in found if importing != imported}


def drawing() -> str:
    """Return a line for each room, with a mark for each arrow that leaves it."""
    names, found = rooms(), arrows()
    width = max(map(len, names))
    lines = [
        " " * (width + 5) + "".join(f"{number // 10 or ' '}" for number in range(1, len(names) + 1)),
        " " * (width + 5) + "".join(f"{number % 10}" for number in range(1, len(names) + 1)),
    ]
    for number, name in enumerate(names, 1):
        marks = (SAME if name == other else ARROW if (name, other) in found else NOTHING for other in names)
        lines.append(f"{number:2}  {name:{width}} {''.join(marks)}")
    return "\n".join(lines)


if __name__ == "__main__":
    above, heading, section = DESIGN.read_text().partition(_HEADING)
    before, _, rest = section.partition(_FENCE)
    _, _, after = rest.partition(_FENCE)
    DESIGN.write_text(f"{above}{heading}{before}{_FENCE}{drawing()}\n{_FENCE}{after}")
