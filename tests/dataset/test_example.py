"""The worked example of docs/dataset.md runs as written, and shows that the data set is of use."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.datasets import snapshot_of, write_dataset, write_windows

PAGE = (Path(__file__).parents[2] / "docs" / "dataset.md").read_text()
LINES_MAX = 40


def test_calibration_by_category_halves_the_error_of_the_confidence(tmp_path: Path) -> None:
    [example] = [text for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "def fit" in text]
    write_windows(tmp_path / "published.db")
    snapshot = snapshot_of(tmp_path / "published.db")
    folder = write_dataset(tmp_path / "set", snapshot)

    # -I: nothing but the standard library.
    command = [sys.executable, "-I", "-S", "-c", example, folder]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr
    head, *table, last = ended.stdout.splitlines()
    assert len(list(filter(None, example.splitlines()))) <= LINES_MAX
    assert head.split() == ["category", "voices", "said", "approved", "calibrated"]
    steps = {(row.category, step) for row in snapshot.rows for step in row.decision_steps}
    assert len(table) == len(steps) == 15
    assert {float(line.split()[3]) for line in table} >= {round(row.decision_approve[0], 2) for row in snapshot.rows}
    raw, calibrated = map(float, re.findall(r"0\.\d{3}", last))
    assert calibrated < raw / 2
