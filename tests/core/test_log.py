"""Log lines are JSON objects that say which request and tenant they belong to."""

import json
import subprocess
import sys

_PROGRAM = """
import logging, structlog
from groundswell.core.log import configure_logging
configure_logging("info", "web")
structlog.contextvars.bind_contextvars(request_id="r1", tenant_id="t1")
log = structlog.get_logger("x")
log.debug("hidden")
log.info("seen", count=3, what=object)
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
logging.getLogger("library").warning("careful %s", 1)
logging.getLogger("library").info("hidden")
"""


def test_every_line_is_json_with_request_and_tenant():
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["seen", "failed", "careful 1"]
    for line in lines:
        assert (line["role"], line["request_id"], line["tenant_id"]) == ("web", "r1", "t1")
        assert line["timestamp"].endswith("Z")
    assert [line["level"] for line in lines] == ["info", "error", "warning"]
    assert "ZeroDivisionError" in lines[1]["exception"]
    assert ran.stdout == ""
