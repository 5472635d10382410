"""Errors in ClickHouse's words: a code, a text, the HTTP status ClickHouse gives it."""

import re

SYNTAX_ERROR = 62
UNKNOWN_FORMAT = 73
TIMEOUT_EXCEEDED = 159
TOO_MANY_QUERIES = 202
NOT_ALLOWED = 392
AUTHENTICATION_FAILED = 516
TOO_LARGE = 131
CANNOT_DECOMPRESS = 271
UNSUPPORTED = 48

_CODE = re.compile(r"Code: (\d+)\. DB::Exception: ")
_STATUS = {
    **dict.fromkeys((36, 44, 47, 53, 62, 27, 26, 6, 38, 41, 43, 70, 72, 117, 349, 386), 400),
    **dict.fromkeys((16, 46, 50, 60, 73, 81, 115, 456), 404),
    **dict.fromkeys((516, 497, 164, 392), 403),
    TIMEOUT_EXCEEDED: 408,
    TOO_LARGE: 413,
    TOO_MANY_QUERIES: 503,
    UNSUPPORTED: 501,
    CANNOT_DECOMPRESS: 400,
}


class StoreError(Exception):
    """A failed request, as ClickHouse would report it."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {text}")
        self.code = code
        self.status = _STATUS.get(code, 500)

    @classmethod
    def from_engine(cls, error: Exception) -> "StoreError":
        """From what chDB raised; it repeats the prefix, and code 0 stands for none."""
        text = str(error)
        found = _CODE.search(text)
        code = int(found.group(1)) if found else 0
        return cls(code, _CODE.sub("", text))
