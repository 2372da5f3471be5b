"""What changed between two scans, for people and programs: one file a format, found by its name.

A format is a module of this folder with `NAME`, `HELP` and `render`, as in the folder above; here `render` turns
changes into text.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Protocol, cast

from scanner.evidence import Changes


class ChangesFormat(Protocol):
    """What a module of this folder must hold.

    Attributes:
        NAME: what `--format` calls it.
        HELP: one line that says whom it is for.
    """

    __name__: str

    NAME: str
    HELP: str

    def render(self, changes: Changes) -> str:
        """The whole comparison as text; the same changes give the same text."""
        ...


def changes_formats() -> Mapping[str, ChangesFormat]:
    """Every format by its name, in the order of the names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    modules = [cast(ChangesFormat, importlib.import_module(f"{__name__}.{name}")) for name in names]
    return {module.NAME: module for module in modules}
