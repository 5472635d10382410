"""JSON log lines on standard error, each with the request and tenant it belongs to."""

import logging
import sys
from typing import Any

import msgspec
import structlog

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure_logging(level: str = "info", role: str = "") -> None:
    """Set up logging of this process; ``role`` (web, writer, worker) is on every line.

    ``request_id`` and ``tenant_id`` come from structlog's context variables, which the edge of
    HTTP and the workers bind.
    """

    def with_role(_: Any, __: str, event: Any) -> Any:
        return {"role": role, **event} if role else event

    shared: list[Any] = [
        with_role,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_encode)],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _take_standard_logging(shared, _LEVELS[level])


def _take_standard_logging(shared: list[Any], level: int) -> None:
    """Libraries log through the standard module: the same form, from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_encode),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))


def _encode(event: Any, **_: Any) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()
