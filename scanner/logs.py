"""Logs of a night on stderr: one JSON object a line, or a line for people; never text of the data."""

from __future__ import annotations

import logging
import sys

import structlog


def logger(*, as_json: bool, **bound: object) -> structlog.typing.FilteringBoundLogger:
    """A logger that writes to stderr.

    Args:
        as_json: JSON lines for programs; else lines for people.
        bound: fields of every line.
    """
    render: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(sort_keys=True) if as_json else structlog.dev.ConsoleRenderer(colors=False)
    )
    wrapped: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    ).bind(**bound)
    return wrapped
