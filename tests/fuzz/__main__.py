"""The search: ``python -m tests.fuzz decoder | http``, guided by the coverage of what the input reaches.

What breaks a promise ends the search. The last inputs are then in the folder of findings, because what an input does to
a connection may show only with the next ones.
"""

import os
import sys
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path

import atheris
import click

with atheris.instrument_imports(include=["telemetry", "aiohttp"]):
    from tests.fuzz.decoder import decode
    from tests.fuzz.http import HttpTarget
    from tests.fuzz.inputs import folder, tokens

_BODY_BYTES_MAX = 4_096
_INPUTS_REPORTED = 200


@click.command()
@click.argument("target", type=click.Choice(["decoder", "http"]))
@click.option("--work", type=click.Path(path_type=Path), required=True, help="For findings, and inputs worth keeping.")
@click.option("--seconds", type=int, default=30, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def main(target: str, work: Path, seconds: int, seed: int) -> None:
    """Look for an input that breaks a promise."""
    kept, findings, dictionary = work / "kept", work / "findings", work / "tokens"
    for path in (kept, findings):
        path.mkdir(parents=True, exist_ok=True)
    dictionary.write_text("\n".join(tokens()) + "\n")
    one_input = decode if target == "decoder" else HttpTarget(work / "data").exchange
    flags = (
        f"-max_total_time={seconds}", f"-seed={seed}", f"-dict={dictionary}", f"-artifact_prefix={findings}/",
        f"-max_len={_BODY_BYTES_MAX}", "-timeout=10", "-print_final_stats=1", "-rss_limit_mb=1024",
    )  # fmt: skip
    atheris.Setup([sys.argv[0], *flags, str(kept), str(folder(target))], _reporting(one_input, findings))
    atheris.Fuzz()


def _reporting(one_input: Callable[[bytes], object], findings: Path) -> Callable[[bytes], None]:
    """End the process at once when an input fails: threads of the service would keep it."""
    last: deque[bytes] = deque(maxlen=_INPUTS_REPORTED)

    def report(data: bytes) -> None:
        last.append(data)
        try:
            one_input(data)
        except BaseException:
            traceback.print_exc()
            for number, each in enumerate(reversed(last)):
                (findings / f"{number:03}-before-the-end").write_bytes(each)
            os._exit(1)

    return report


if __name__ == "__main__":
    main()
