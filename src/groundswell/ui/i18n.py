"""Language and time zone of the person who reads the page, and their message catalogue."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from gettext import NullTranslations
from pathlib import Path

import msgspec
from babel import Locale
from babel.core import UnknownLocaleError
from babel.support import Translations

CATALOGUES = Path(__file__).parent / "locale"
RIGHT_TO_LEFT = "rtl"


class Reader(msgspec.Struct, frozen=True):
    """Who reads: a language tag such as ``en`` or ``pt_BR`` and an IANA time zone."""

    language: str = "en"
    timezone: str = "UTC"

    @property
    def locale(self) -> Locale:
        """Babel's locale; English when the tag is unknown."""
        return _locale(self.language)

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``."""
        return self.locale.text_direction


_reader: ContextVar[Reader] = ContextVar("reader", default=Reader())  # noqa: B039 - frozen


def reader() -> Reader:
    """The current reader: English and UTC unless a request set another."""
    return _reader.get()


def set_reader(value: Reader) -> None:
    """Set the reader for the rest of this context (one request)."""
    _reader.set(value)


@contextmanager
def reading_as(value: Reader) -> Iterator[None]:
    """Render for another reader, for example a mail to somebody else."""
    token = _reader.set(value)
    try:
        yield
    finally:
        _reader.reset(token)


def gettext(message: str) -> str:
    """The message in the reader's language."""
    return _catalogue(reader().language).gettext(message)


def ngettext(singular: str, plural: str, n: int) -> str:
    """The message for ``n`` things in the reader's language."""
    return _catalogue(reader().language).ngettext(singular, plural, n)


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")


@lru_cache(maxsize=64)
def _catalogue(language: str) -> NullTranslations:
    return Translations.load(CATALOGUES, [str(_locale(language))])
