"""Files: a folder, or object storage behind a URL. Paths begin with the tenant, built here."""

from collections.abc import AsyncIterator
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.exceptions import NotFoundError as _NoSuchObject
from obstore.store import LocalStore, ObjectStore, from_url

from groundswell.core.errors import InvalidError, NotFoundError, UnavailableError

_LONGEST = 900


class Files:
    """One store for all tenants; every call names the tenant whose files it may touch."""

    def __init__(self, url: str) -> None:
        self._store = _open(url)

    async def put(self, tenant_id: UUID, path: str, content: bytes | AsyncIterator[bytes]) -> None:
        """Write a file whole; readers see the old one or the new one.

        Raises:
            InvalidError: the path leaves the tenant's folder.
            UnavailableError: the store can't be reached.
        """
        try:
            await obstore.put_async(self._store, tenant_path(tenant_id, path), content)
        except BaseError as error:
            raise _unavailable(error) from error

    async def get(self, tenant_id: UUID, path: str) -> bytes:
        """The file's content.

        Raises:
            NotFoundError: this tenant has no such file.
        """
        try:
            found = await obstore.get_async(self._store, tenant_path(tenant_id, path))
            return bytes(await found.bytes_async())
        except (_NoSuchObject, FileNotFoundError):
            raise NotFoundError("There is no such file.") from None
        except BaseError as error:
            raise _unavailable(error) from error

    async def paths(self, tenant_id: UUID, folder: str = "") -> list[str]:
        """Paths of the tenant's files below a folder, in order, without the tenant."""
        prefix = tenant_path(tenant_id, folder) if folder else str(tenant_id)
        found: list[str] = []
        try:
            async for batch in obstore.list(self._store, prefix):
                found += [entry["path"].removeprefix(f"{tenant_id}/") for entry in batch]
        except BaseError as error:
            raise _unavailable(error) from error
        return sorted(found)

    async def delete(self, tenant_id: UUID, path: str) -> None:
        """Remove a file; removing one that is not there is no error."""
        try:
            await obstore.delete_async(self._store, tenant_path(tenant_id, path))
        except (_NoSuchObject, FileNotFoundError):
            return
        except BaseError as error:
            raise _unavailable(error) from error


def tenant_path(tenant_id: UUID, path: str) -> str:
    """The only way a tenant's path is built: ``<tenant>/<path>``.

    Raises:
        InvalidError: the path is empty, too long, or has parts that could leave the folder.
    """
    parts = path.split("/")
    if len(path) > _LONGEST or any(_escapes(part) for part in parts):
        raise InvalidError("A file's path has plain parts between slashes and at most 900 letters.")
    return f"{tenant_id}/{path}"


def _escapes(part: str) -> bool:
    return part in ("", ".", "..") or "\\" in part or not part.isprintable()


def _open(url: str) -> ObjectStore:
    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        return LocalStore(unquote(parts.path), mkdir=True)
    return from_url(url)


def _unavailable(error: Exception) -> UnavailableError:
    return UnavailableError(
        "The file store can't be reached. Please try again.", headers={"Retry-After": "5"}
    )
