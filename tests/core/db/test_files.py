"""Files stay in their tenant's folder, whatever the path says."""

from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.core.db.files import Files, tenant_path
from groundswell.core.errors import InvalidError, NotFoundError
from groundswell.core.ids import new_id

ONE, OTHER = new_id(), new_id()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A store in a folder with a space in its path."""
    return Files((tmp_path / "some files").as_uri())


async def test_what_was_put_is_read_listed_and_removed(files: Files) -> None:
    """A file's whole life."""
    await files.put(ONE, "imports/a file.csv", b"1")
    await files.put(ONE, "imports/a file.csv", b"2")
    assert await files.get(ONE, "imports/a file.csv") == b"2"
    assert await files.paths(ONE, "imports") == ["imports/a file.csv"]
    await files.delete(ONE, "imports/a file.csv")
    await files.delete(ONE, "imports/a file.csv")
    assert await files.paths(ONE) == []


async def test_another_tenant_sees_and_removes_nothing(files: Files) -> None:
    """The same path of another tenant is another file."""
    await files.put(ONE, "logo.png", b"ours")
    with pytest.raises(NotFoundError):
        await files.get(OTHER, "logo.png")
    await files.delete(OTHER, "logo.png")
    assert await files.paths(OTHER) == []
    assert await files.get(ONE, "logo.png") == b"ours"


@pytest.mark.parametrize(
    "path", ["", "/", "..", "../x", "a/../../x", "a//b", "./a", "a\\..\\b", "a\0b", "x" * 901, "a/"]
)
def test_a_path_that_could_leave_the_folder_is_refused(path: str) -> None:
    """Nothing is normalised: a suspicious path is an error."""
    with pytest.raises(InvalidError):
        tenant_path(ONE, path)


@given(st.text(max_size=60))
def test_every_path_that_passes_stays_inside(path: str) -> None:
    """Resolved as a file system would, an accepted path is below the tenant's folder."""
    try:
        built = tenant_path(UUID(int=7), path)
    except InvalidError:
        return
    root = Path("/files") / str(UUID(int=7))
    assert root in Path("/files", built).parents
