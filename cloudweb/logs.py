"""Structured logs on standard error: one line an event, the request id on each."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog


def configure(settings: dict[str, Any]) -> None:
    """Set up structlog and route the standard library's loggers through it (LOGGING_CONFIG)."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=True)
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelName(str(settings.get("level", "INFO")))
        ),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info if not sys.stderr.isatty() else _as_is,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(str(settings.get("level", "INFO")))
    for noisy in ("celery", "kombu", "pyroute2", "httpx", "django.security"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Clients look names up by a 404 first; what matters of a refusal is logged by api/errors.py.
    logging.getLogger("django.request").setLevel(logging.ERROR)


def _as_is(_logger: Any, _name: str, event: Any) -> Any:
    return event
