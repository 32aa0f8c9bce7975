"""The search: ``python -m tests.fuzz decoder | http``, guided by the coverage of what the input reaches.

An input that breaks a promise ends the search and is written into the folder of findings.
"""

import sys
from pathlib import Path

import atheris
import click

with atheris.instrument_imports(include=["telemetry", "aiohttp"]):
    from tests.fuzz.decoder import decode
    from tests.fuzz.http import HttpTarget
    from tests.fuzz.inputs import folder, tokens

_BODY_BYTES_MAX = 4_096


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
    one_input = decode if target == "decoder" else HttpTarget(work / "data").exchange_or_close
    flags = (
        f"-max_total_time={seconds}", f"-seed={seed}", f"-dict={dictionary}", f"-artifact_prefix={findings}/",
        f"-max_len={_BODY_BYTES_MAX}", "-timeout=10", "-print_final_stats=1", "-rss_limit_mb=1024", "-handle_term=0",
    )  # fmt: skip
    atheris.Setup([sys.argv[0], *flags, str(kept), str(folder(target))], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
