"""Log files of supervised programs: the program writes straight to the file, we keep it short."""

import os
import shutil
from pathlib import Path
from typing import IO

from groundswell.core.engines.home import Home

LOG_MAX_BYTES = 10_000_000
_KEPT = 3


class LogFile:
    """``logs/NAME.log`` and up to three older ones."""

    def __init__(self, home: Home, name: str, max_bytes: int = LOG_MAX_BYTES) -> None:
        self.path = home / "logs" / f"{name}.log"
        self._max_bytes = max_bytes

    def open(self) -> IO[bytes]:
        """For a child's output: appending, so that emptying the file moves its end too."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(descriptor, "wb", buffering=0)

    def write(self, line: str) -> None:
        """Add the supervisor's own word."""
        with self.open() as file:
            file.write(f"supervisor: {line}".encode())

    def tail(self, size: int = 2_000) -> str:
        """The last ``size`` bytes, as text."""
        try:
            return self.path.read_bytes()[-size:].decode(errors="replace")
        except FileNotFoundError:
            return "no output"

    def rotate(self) -> None:
        """Copy and empty the file when it is over its size.

        Copying keeps the running program's descriptor valid; what it writes between copy and
        truncation is lost, which a log bears.
        """
        try:
            if self.path.stat().st_size <= self._max_bytes:
                return
        except FileNotFoundError:
            return
        for age in range(_KEPT - 1, 0, -1):
            older = self._aged(age)
            if older.exists():
                older.replace(self._aged(age + 1))
        shutil.copyfile(self.path, self._aged(1))
        os.truncate(self.path, 0)

    def _aged(self, age: int) -> Path:
        return self.path.with_suffix(f".log.{age}")
