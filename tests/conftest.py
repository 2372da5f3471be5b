"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

# As in the command line, before anything imports numpy: the tests run side by side, and more threads only wait.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

from tests.scans import write_key  # noqa: E402

REPOSITORY = Path(__file__).parent.parent

# The two cores of a build machine are shared: a slow example is no failure.
# A build's examples are the same each time, so that it fails for what changed; "thorough" goes looking for new ones.
settings.register_profile(
    "default", deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "thorough",
    deadline=None,
    max_examples=1000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Folder of labelled and plain text by others, which is not part of the project."""
    folder = Path(os.environ.get("SCANNER_CORPORA", REPOSITORY.parent / "shared" / "corpora"))
    if not folder.is_dir():
        pytest.skip(f"no corpora at {folder.name}: set SCANNER_CORPORA to their folder")
    return folder


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A fingerprint key of fixed bytes, so that fingerprints can be compared between runs."""
    return write_key(tmp_path / "keys" / "key")
