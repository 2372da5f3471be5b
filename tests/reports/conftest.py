"""Evidence that every test of a report renders."""

from __future__ import annotations

import pytest

from scanner.evidence import Evidence
from tests.browsing import browser as browser
from tests.browsing import page as page

from .evidences import CASES


@pytest.fixture(params=CASES, scope="session")
def evidence(request: pytest.FixtureRequest) -> Evidence:
    return CASES[request.param]()
