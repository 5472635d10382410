"""The built bundle: names of hashed files and the icon sprite."""

from collections.abc import Callable
from pathlib import Path

import msgspec
from markupsafe import Markup

STATIC = Path(__file__).parent / "static"
"""Hashed files, to be served at ``/static/`` and cached for ever."""

Icon = Callable[..., Markup]


class Assets:
    """Addresses of the bundle's files, read once from its manifest.

    Raises:
        FileNotFoundError: the bundle was not built (``python hatch_build.py``).
    """

    def __init__(self, folder: Path = STATIC, url: str = "/static/") -> None:
        manifest = (folder / "manifest.json").read_bytes()
        self._files = msgspec.json.decode(manifest, type=dict[str, str])
        self._url = url

    def address(self, name: str) -> str:
        """The address of a file by its plain name, such as ``app.js``."""
        return self._url + self._files[name]

    def icon(self, name: str, extra: str = "") -> Markup:
        """An icon of the sprite, hidden from screen readers: its neighbour says the words."""
        href = f"{self.address('icons.svg')}#{name}"
        classes = f"icon {extra}".strip()
        return Markup('<svg class="{}" aria-hidden="true"><use href="{}"/></svg>').format(
            classes, href
        )
