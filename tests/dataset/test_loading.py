"""An exported data set loads with the programs that people load data sets with: run by `make test-dataset`."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.dataset.loaders import LOADERS, SPLITS
from tests.support.commands import run
from tests.support.datasets import write_windows

ENVIRONMENT = Path(__file__).parents[2] / ".venv" / "dataset"
PYTHON = ENVIRONMENT / "bin" / "python"
OLDEST = ENVIRONMENT / "oldest"
pytestmark = [
    pytest.mark.dataset,
    pytest.mark.skipif(not OLDEST.exists(), reason="needs the programs that load data sets: make .venv/.dataset"),
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("exported")
    (root / "data").mkdir()
    write_windows(root / "data" / "published.db")
    return export(root, "set")


def export(root: Path, name: str, **variables: str) -> Path:
    said = {"TELEMETRY_DATASET_LICENCE": "CC-BY-4.0", "TELEMETRY_DATASET_CREATOR": "The Drift project"}
    said |= {"TELEMETRY_DATASET_URL": "https://telemetry.example.org/datasets/"}
    ended = run("export", "dataset", root / name, "--data-dir", root / "data", **said, **variables)
    assert ended.returncode == 0, ended.stderr
    return root / name


def call(*arguments: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HF_HOME": str(home / "cache"), "HF_HUB_OFFLINE": "1", "HOME": str(home)}
    return subprocess.run(arguments, capture_output=True, text=True, check=False, env=environment)


def test_every_program_reads_the_rows_of_the_json_lines(exported: Path, tmp_path: Path) -> None:
    ended = call(PYTHON, Path(__file__).with_name("loaders.py"), exported, tmp_path, home=tmp_path)

    assert ended.returncode == 0, ended.stderr[-3_000:]
    for load in LOADERS:
        for split in SPLITS:
            read = (tmp_path / f"{load.__name__}-{split}.jsonl").read_text()
            assert read == (exported / "data" / f"{split}.jsonl").read_text(), load.__name__


def test_the_description_is_croissant_without_errors_or_warnings(exported: Path, tmp_path: Path) -> None:
    ended = call(
        ENVIRONMENT / "bin" / "mlcroissant", "validate", "--jsonld", exported / "croissant.json", home=tmp_path
    )

    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, said
    assert "Done" in said
    assert "WARNING" not in said.upper().replace("FUTUREWARNING", "")


def test_a_changed_byte_is_refused(exported: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(exported, changed)
    file = changed / "data" / "train.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    code = "import mlcroissant, sys\nlist(mlcroissant.Dataset(jsonld=sys.argv[1]).records('train'))"

    ended = call(PYTHON, "-c", code, changed / "croissant.json", home=tmp_path)

    assert ended.returncode != 0
    assert "hash" in ended.stderr.lower()
    sums = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=changed, capture_output=True, text=True, check=False)
    assert sums.returncode != 0
    assert "data/train.parquet: FAILED" in sums.stdout


def test_the_oldest_pyarrow_writes_other_bytes_under_the_same_content_id(exported: Path, tmp_path: Path) -> None:
    shutil.copytree(exported.parent / "data", tmp_path / "data")
    old = export(tmp_path, "set", PYTHONPATH=str(OLDEST))
    again = export(tmp_path, "again", PYTHONPATH=str(OLDEST))

    differ = {str(path.relative_to(old)) for path in old.rglob("*") if path.is_file()} - same_files(old, exported)
    assert "data/train.parquet" in differ
    assert "data/train.jsonl" not in differ
    assert "pyarrow 21" in (old / "dataset.json").read_text()
    assert content_id(old) == content_id(exported)
    assert same_files(old, again) == {str(path.relative_to(old)) for path in old.rglob("*") if path.is_file()}
    # Read by the newest one, what the oldest has written has the same rows.
    (tmp_path / "read").mkdir()
    ended = call(PYTHON, Path(__file__).with_name("loaders.py"), old, tmp_path / "read", "by_pandas", home=tmp_path)
    assert ended.returncode == 0, ended.stderr[-3_000:]
    read = (tmp_path / "read" / "by_pandas-train.jsonl").read_text()
    assert read == (exported / "data" / "train.jsonl").read_text()


def same_files(one: Path, other: Path) -> set[str]:
    places = (path.relative_to(one) for path in one.rglob("*") if path.is_file())
    return {str(place) for place in places if (one / place).read_bytes() == (other / place).read_bytes()}


def content_id(folder: Path) -> str:
    (line,) = [line for line in (folder / "dataset.json").read_text().splitlines() if "content_id" in line]
    return line
