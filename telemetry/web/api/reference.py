"""The reference page of the read API: what may be asked, a line to try, and what is answered now."""

from collections.abc import Mapping
from typing import Any

import htpy as h
import msgspec

from telemetry.web.api.declarations import ENDPOINTS, SUMMARY, Endpoint
from telemetry.web.api.openapi import parameters
from telemetry.web.pages.layout import page
from telemetry.web.pages.origin import ORIGIN_PLACE

DOCS_PATH = "/docs"
_LINES_MAX = 24


def docs_page(answers: Mapping[str, bytes]) -> bytes:
    """Return the page with what is answered to each example."""
    return page(
        "API",
        h.p(".lead")["Read the public numbers with any program. Nothing else is behind these addresses."],
        h.p[
            "All answers but the last come from one file, ", h.a(href="/published.db")["published.db"],
            ", which you may download and query with SQLite or DuckDB. They change once a day, have an ETag, and may "
            "be read from any site. Rows come as JSON, or as CSV with ", h.code["format=csv"], ". ",
            h.a(href="/openapi.json")["/openapi.json"], " describes the addresses for programs, ",
            h.a(href="/schema")["/schema"], " the events, and ", h.a(href="/schema/v2")["/schema/v2"],
            " those of version 2 of the tool.",
        ],
        (_section(endpoint, answers.get(endpoint.path, b"")) for endpoint in (*ENDPOINTS, SUMMARY)),
        path=DOCS_PATH,
        description="The read API: addresses, parameters, and what they answer now.",
    )  # fmt: skip


def _section(endpoint: Endpoint, answer: bytes) -> h.Node:
    return h.section[
        h.h2[h.code[endpoint.path]],
        h.p[endpoint.summary],
        endpoint.names and h.p["Names: ", ", ".join(endpoint.names), "."],
        _parameters(endpoint),
        h.pre(tabindex="0")[h.code[f"curl '{ORIGIN_PLACE}{endpoint.example_path}'"]],
        h.pre(tabindex="0")[h.code[_shortened(answer)]] if answer else None,
    ]


def _parameters(endpoint: Endpoint) -> h.Node:
    declared = parameters(endpoint.question)
    return h.div(".scroll", role="region", tabindex="0", aria_label=f"Table: parameters of {endpoint.path}")[
        h.table[
            h.thead[h.tr[(h.th(scope="col")[name] for name in ("parameter", "values", "default", "meaning"))]],
            h.tbody[
                (
                    h.tr[
                        h.th(scope="row")[h.code[one["name"]]],
                        h.td[_values(one["schema"])],
                        h.td[str(one["schema"].get("default", ""))],
                        h.td[one["description"].replace("`", "")],
                    ]
                    for one in declared
                )
            ],
        ]
    ]


def _values(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(schema["enum"])
    if "minimum" in schema:
        return f"{schema['minimum']:,} to {schema['maximum']:,}"
    return "a day" if "pattern" in schema else "text"


def _shortened(answer: bytes) -> str:
    lines = msgspec.json.format(answer, indent=2).decode().splitlines()
    return "\n".join([*lines[:_LINES_MAX], "…"] if len(lines) > _LINES_MAX else lines)
