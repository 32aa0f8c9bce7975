"""The drawing in the design page shows every room and every arrow there is."""

from tests.support.drawing import DESIGN, arrows, drawing, room_of, rooms


def test_the_drawing_is_that_of_the_code() -> None:
    assert f"```\n{drawing()}\n```" in DESIGN.read_text(), "run python -m tests.support.drawing"


def test_each_arrow_points_down() -> None:
    order = rooms()
    assert len(arrows()) > 100
    assert [arrow for arrow in arrows() if order.index(arrow[0]) > order.index(arrow[1])] == []


def test_a_module_lies_in_the_innermost_room() -> None:
    assert room_of("telemetry.storage.log.sealing") == "storage.log"
    assert room_of("telemetry.web.clients") == "web"
