"""Histories for the tests of insights, and the same questions answered by hand."""

from importlib import util
from pathlib import Path

import pytest


def _module(name):
    spec = util.spec_from_file_location(f"insights_{name}", Path(__file__).with_name(f"{name}.py"))
    found = util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="session")
def history():
    """Makes a History."""
    return _module("history").History


@pytest.fixture(scope="session")
def oracle():
    """Answers by brute force."""
    return _module("oracle")
