"""Mail addresses and the server's URL: what can't be put into a header doesn't get past here."""

import re
import unicodedata
from email.headerregistry import Address
from urllib.parse import unquote, urlsplit

import msgspec

_SENDER = re.compile(r"\s*(?:\"?(?P<name>[^\"<>]*?)\"?\s*<(?P<inner>[^<>]+)>|(?P<bare>[^<>]+))\s*")
# No quoted local parts and no comments: allowed by RFC 5322, used by nobody but attackers.
_LOCAL = re.compile(r"[^\s@\"(),:;<>\[\\\]]+")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", re.IGNORECASE)
_BREAKING = frozenset({"Cc", "Cs", "Zl", "Zp"})
_PORTS = {"smtp": 587, "smtps": 465}


class SmtpServer(msgspec.Struct, frozen=True):
    """Where mail is handed over; ``is_tls`` means TLS from the first byte (smtps)."""

    host: str
    port: int
    is_tls: bool
    username: str = ""
    password: str = ""

    @property
    def is_local(self) -> bool:
        """Whether no wire lies between us, so that a password may go without TLS."""
        return self.host in ("localhost", "127.0.0.1", "::1")


def address_fault(text: str) -> str:
    """Why a text is no address that mail can be sent to; empty if it is one."""
    local, at, domain = text.rpartition("@")
    if not at or is_breaking(text) or not _LOCAL.fullmatch(local):
        return "must be an e-mail address"
    if len(text) > 254 or len(local.encode()) > 64:
        return "is too long for an e-mail address"
    if local.startswith(".") or local.endswith(".") or ".." in local or not _ascii(domain):
        return "must be an e-mail address"
    return ""


def header_address(name: str, address: str) -> Address:
    """The form that goes into a header; the domain as the wire wants it (punycode)."""
    local, _, domain = address.rpartition("@")
    return Address(display_name=name, username=local, domain=_ascii(domain))


def is_breaking(text: str) -> bool:
    """Whether a text has characters that end a line, or that no header can hold."""
    return any(unicodedata.category(letter) in _BREAKING for letter in text)


def one_line(text: str, limit: int) -> str:
    """A text with every control character and line break made a blank, cut to ``limit``."""
    kept = (" " if unicodedata.category(c) in _BREAKING else c for c in text)
    return " ".join("".join(kept).split())[:limit]


def parse_sender(text: str) -> tuple[str, str]:
    """Name and address of ``Groundswell <mail@example.com>`` or of a bare address.

    Raises:
        ValueError: says what it must be.
    """
    found = _SENDER.fullmatch(text)
    name, address = "", ""
    if found and not is_breaking(text):
        name, address = found["name"] or "", found["inner"] or found["bare"]
    if address_fault(address.strip()):
        raise ValueError("must be an address such as Groundswell <mail@example.com>")
    return name.strip(), address.strip()


def parse_server(url: str) -> SmtpServer:
    """The server of ``smtp[s]://user:password@host:port``; ports default to 587 and 465.

    Raises:
        ValueError: says what it must be; never with the URL, which holds a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in _PORTS or not parts.hostname or is_breaking(url):
        raise ValueError("must be smtp[s]://user:password@host:port")
    return SmtpServer(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        is_tls=parts.scheme == "smtps",
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _ascii(domain: str) -> str:
    """The domain in ASCII; empty if it is none."""
    try:
        found = domain.encode("idna").decode()
    except UnicodeError:
        return ""
    return found if all(_LABEL.fullmatch(label) for label in found.split(".")) else ""
