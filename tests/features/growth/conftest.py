"""Histories for the tests of growth."""

from importlib import util
from pathlib import Path

import pytest

_spec = util.spec_from_file_location("history", Path(__file__).with_name("history.py"))
_module = util.module_from_spec(_spec)
_spec.loader.exec_module(_module)


@pytest.fixture
def history():
    """Makes a History."""
    return _module.History
