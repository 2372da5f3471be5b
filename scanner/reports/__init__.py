"""Reports: one file a format, found by its name; each turns evidence into text and knows nothing else.

A format is a module of this folder with `NAME`, `SUFFIX`, `HELP` and `render`. Modules whose name begins with an
underscore are shared by formats and are none themselves; `changes/` holds the formats of a comparison of two scans.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Protocol, cast

from scanner.evidence import Evidence


class Format(Protocol):
    """What a module of this folder must hold.

    Attributes:
        NAME: what `--format` calls it.
        SUFFIX: end of the name of its file, with the dot: `report` + `SUFFIX`.
        HELP: one line that says whom it is for.
    """

    __name__: str

    NAME: str
    SUFFIX: str
    HELP: str

    def render(self, evidence: Evidence) -> str:
        """The whole report as text; the same evidence gives the same text."""
        ...


def formats() -> Mapping[str, Format]:
    """Every format by its name, in the order of the names."""
    found = [module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg]
    names = sorted(name for name in found if not name.startswith("_"))
    modules = [cast(Format, importlib.import_module(f"{__name__}.{name}")) for name in names]
    return {module.NAME: module for module in modules}
