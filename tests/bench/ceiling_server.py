"""The ceiling of HTTP: the service's own listener and stack, answering without doing anything."""

import asyncio

import click
from aiohttp import web

from telemetry.catalogue.wire import encode_receipt
from telemetry.settings import Settings
from telemetry.web.answers import Answer, json_answer
from telemetry.web.server import PublicServer


class _IdleSite:
    """Takes the place of the public site; it reads each body and thanks for one event."""

    draining = False

    async def answer(self, request: web.BaseRequest) -> Answer:
        """Read a body and thank for it."""
        await request.read()
        return json_answer(encode_receipt(1, []))


async def _serve() -> None:
    settings = Settings()
    server = PublicServer(
        _IdleSite(),
        body_bytes_max=settings.body_bytes_max,
        reading_bytes_max=settings.reading_bytes_max,
        keepalive_timeout_s=settings.keepalive_timeout_s,
        shutdown_timeout_s=settings.shutdown_timeout_s,
    )
    click.echo(", ".join(await server.start("127.0.0.1", 0)))
    await asyncio.Event().wait()


@click.command()
@click.option("--data-dir", help="Not used: nothing is stored.")
def main(data_dir: str) -> None:
    """Serve until killed."""
    asyncio.run(_serve())


if __name__ == "__main__":
    main()
