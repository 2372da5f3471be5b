"""Redaction held to account: every remedy of a sample, labelled text after redaction, and kills at random instants.

    python -m benchmarks.redaction_proof ../shared/corpora [--work FOLDER] [--rows 60] [--kills 50]

Writes `benchmarks/redaction_proof.md`; a section whose steps were not run keeps what it says. What a step found is kept
in `FOLDER/steps.jsonl`, and the next run goes on with the steps that are not in it; remove it to measure anew. One
process, one worker.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scanner import scan as scanning
from scanner.cli.evaluate import found
from scanner.config import load_dataset_file
from scanner.detectables import load_detectables
from scanner.detection import Detection, build
from scanner.evaluate import read_gold, read_maps
from scanner.evidence import Evidence, Remedy, VerdictPart
from scanner.keys import load_key
from scanner.model import Dataset, ModelCard, Provenance
from scanner.outcome import Comparison
from scanner.output import EVIDENCE, read_evidence
from scanner.places import SURROGATE, place_file
from scanner.redact import Request, redact
from scanner.redaction import ELSEWHERE, PSEUDONYM, Entry, RedactionPlan, plan_of_remedy
from scanner.redactor import FOLDER
from scanner.scoring import Document, LabelMap, score
from scanner.vault import sha256_of
from scanner.worker import VERSION

HERE = Path(__file__).parent
SAMPLE = HERE.parent / "sample_data" / "support_tickets"
SETS = (
    "presidio_synth_v2",
    "presidio_generated_large",
    "uner_ewt_dev",
    "enron_emailcoref",
    "meddocan_dev",
    "table_pii_dataset",
)
"""Sets of English and Spanish, of templates, mail, clinical notes and tables."""

MEGABYTES = 3
"""Text that redaction is timed on."""

TITLES = LABELLED, REMEDIES, SPEED, KILLS = (
    "Labelled text, everything found redacted",
    "Every remedy of the support tickets",
    "Speed",
    "Killed at random instants",
)
"""Sections of the page, in order."""

EVERYTHING = RedactionPlan("everything", entries=(Entry(PSEUDONYM),))
Step = dict[str, Any]
Ranges = Sequence[tuple[int, int]]


class Silent:
    def begin(self, *_: object) -> None: ...

    def end(self) -> None: ...


class Steps:
    """What every step found, kept as it is found."""

    def __init__(self, file: Path) -> None:
        self.file = file
        lines = file.read_text().splitlines() if file.exists() else []
        self.told: dict[str, Step] = {step["step"]: step for step in map(json.loads, lines)}

    def once(self, name: str, measure: Callable[[], Step]) -> Step:
        """What the step found, now or in an earlier run."""
        if name not in self.told:
            step = {"step": name, **measure()}
            with self.file.open("a") as file:
                file.write(json.dumps(step) + "\n")
            self.told[name] = step
            print(json.dumps(step), file=sys.stderr, flush=True)
        return self.told[name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "redaction_proof")
    parser.add_argument("--rows", type=int, default=60, help="texts of each labelled set")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument(
        "--only", choices=("sets", "remedies", "kills", "speed"), action="append", help="run these parts alone"
    )
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    steps = Steps(asked.work / "steps.jsonl")
    key = asked.work / "keys" / "key"
    key.parent.mkdir(exist_ok=True)
    load_key(key, asked.work / "out")
    parts = {
        "sets": lambda: labelled(asked.corpora, asked.rows, asked.work, key, steps),
        "kills": lambda: kills(asked.kills, steps),
        "remedies": lambda: remedies(asked.work, key, steps),
        "speed": lambda: speed(asked.corpora, steps),
    }
    for name, part in parts.items():
        if not asked.only or name in asked.only:
            part()
    write_page(steps.told)


def write_page(told: Mapping[str, Step]) -> None:
    """Write the sections of the steps that are told; the others stay as they are."""
    file = HERE / "redaction_proof.md"
    sections = parts_of(file.read_text()) if file.exists() else {}
    sections |= parts_of("\n".join(page(told)) + "\n")
    ordered = sorted(sections.items(), key=lambda part: TITLES.index(part[0]) if part[0] in TITLES else -1)
    file.write_text("\n".join(text for _, text in ordered))


def parts_of(text: str) -> dict[str, str]:
    """Sections of the page by their titles; what stands before the first has none."""
    head, *parts = re.split(r"(?m)^## ", text)
    return {"": head.rstrip("\n") + "\n"} | {
        part.partition("\n")[0]: "## " + part.rstrip("\n") + "\n" for part in parts
    }


def labelled(corpora: Path, rows: int, work: Path, key: Path, steps: Steps) -> None:
    """Redact everything that is found in each labelled set, and count what is left of the labels."""
    maps = read_maps(corpora / "labels.yaml")
    loaded = load_detectables(None, with_models=True, prove=False)
    detection = build(loaded.rules, loaded.models, loaded.columns, count_documentation=True, curves=loaded.curves)
    for name in SETS:
        texts = list(islice(read_gold(corpora / "labelled" / f"{name}.parquet", maps[name]), rows))
        steps.once(f"set {name}", partial(labelled_set, name, texts, maps[name], detection, work / name, key))


def labelled_set(
    name: str, texts: Sequence[Document], labels: LabelMap, detection: Detection, work: Path, key: Path
) -> Step:
    """Counts of one set: gold characters that no redaction covers, and whatever else has changed."""
    shutil.rmtree(work, ignore_errors=True)
    data = work / "data"
    data.mkdir(parents=True)
    shard = data / f"{name}.parquet"
    pq.write_table(pa.table({"text": [document.text for document in texts]}), shard)
    languages = tuple(sorted({document.language for document in texts} - {"und"}))
    card = ModelCard(parameters=7e9, training_tokens=1e12, epochs=1)
    dataset = Dataset(name, Provenance.LICENSED, languages=languages, model_card=card)
    scan(data, work / "scan", dataset, key)
    outcome = redact(Request((str(data),), work / "scan", work / "out", EVERYTHING, key, engine="inline"), Silent())
    changed_files = sorted((work / "out" / FOLDER / "changed").glob("*.parquet"))
    spans, swept = ranges(changed_files), ranges(changed_files, only=ELSEWHERE)
    made = work / "out" / shard.name
    placed = ranges([place_file(work / "out" / FOLDER, sha256_of(made))])
    new = [text or "" for text in pq.read_table(made)["text"].to_pylist()]
    findings = found(detection, [document.text for document in texts], [document.language for document in texts])
    told = score(zip(texts, findings, strict=True), labels)
    left = gold = whole = values = changed = labelled_too = 0
    for row, document in enumerate(texts):
        hidden = merged(spans.get(row, ()))
        under = {at for start, end in hidden for at in range(start, end)}
        for start, end in merged(golds(document, labels)):
            gold += end - start
            left += sum(at not in under for at in range(start, end))
        marked = {at for start, end in golds(document, labels) for at in range(start, end)}
        labelled_too += sum(at in marked for start, end in swept.get(row, ()) for at in range(start, end))
        for start, end in golds(document, labels):
            values += 1
            whole += document.text[start:end] in new[row]
        changed += outside(document.text, hidden) != outside(new[row], merged(placed.get(row, ())))
    before, after = (fingerprints(work / part) for part in ("scan/spans", f"out/{FOLDER}/scan/spans"))
    return {
        "texts": len(texts),
        "gold": gold,
        "left": left / gold,
        "missed_by_any": 1 - told.covered_characters / told.gold_characters,
        "values": values,
        "values_whole": whole,
        "cells_changed_outside": changed,
        "found_before": len(before),
        "found_again": len(before & after),
        "still_found": outcome.still_found,
        "swept": outcome.text.elsewhere,
        "swept_characters": outcome.text.elsewhere_characters,
        "swept_labelled": labelled_too,
    }


def scan(data: Path, out: Path, dataset: Dataset, key: Path) -> Evidence:
    """Evidence of a scan with names, in this process; published examples count, as labelled sets are full of them."""
    asked = scanning.Request((str(data),), out, dataset, key, names=True, engine="inline", count_documentation=True)
    return scanning.scan(asked, Silent())


def golds(document: Document, labels: LabelMap) -> list[tuple[int, int]]:
    """Where the labels stand that are mapped to an entity."""
    return [(span.start, span.end) for span in document.spans if labels.entity(span.label) is not None]


def ranges(files: Iterable[Path], only: str = "") -> Mapping[int, list[tuple[int, int]]]:
    """Start and end of spans or places by row of the one text column; `only` those of rules that begin so."""
    by_row: dict[int, list[tuple[int, int]]] = {}
    for file in files:
        for row in pq.read_table(file).to_pylist():
            if row.get("rule", "").startswith(only):
                by_row.setdefault(row["row"], []).append((row["start"], row["end"]))
    return by_row


def merged(spans: Ranges) -> list[tuple[int, int]]:
    """The same characters as ranges that do not overlap, in order."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def outside(text: str, hidden: Ranges) -> str:
    """What stands outside of the ranges."""
    ends = [0, *(end for _, end in hidden)]
    starts = [*(start for start, _ in hidden), len(text)]
    return "".join(text[end:start] for end, start in zip(ends, starts, strict=True))


def fingerprints(folder: Path) -> set[bytes]:
    """Fingerprints of all findings that are not surrogates."""
    found_there: set[bytes] = set()
    for file in folder.glob("*.parquet"):
        table = pq.read_table(file, columns=["rule", "fingerprint"])
        found_there.update(row["fingerprint"] for row in table.to_pylist() if not row["rule"].startswith(SURROGATE))
    return found_there


def remedies(work: Path, key: Path, steps: Steps) -> None:
    """Scan the sample once, as if its customers had consented, and apply every remedy of its report."""
    steps.once("as it ships", partial(as_it_ships, work / "shipped-scan", key))
    data, out = work / "support_tickets", work / "tickets-scan"
    if not (out / EVIDENCE).exists():
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(SAMPLE, data)
        told = (data / "dataset.yaml").read_text()
        changed = re.sub(r"(?m)^consent: false\b.*$", "consent: true", told)
        assert changed != told, "the sample says that nobody consented"
        (data / "dataset.yaml").write_text(changed)
        scan(data, out, load_dataset_file(data / "dataset.yaml").dataset("support_tickets"), key)
    evidence = read_evidence(out)
    verdicts = verdicts_of(evidence)
    steps.once("remedies", lambda: {name: len(verdict.remedies) for name, verdict in verdicts.items()})
    for artefact, verdict in verdicts.items():
        for remedy in verdict.remedies:
            steps.once(f"remedy {artefact} {remedy.id}", partial(applied, data, out, remedy, work / "redacted", key))


def as_it_ships(out: Path, key: Path) -> Step:
    """Remedies of the sample as it is, by artefact."""
    evidence = scan(SAMPLE, out, load_dataset_file(SAMPLE / "dataset.yaml").dataset("support_tickets"), key)
    return {name: len(verdict.remedies) for name, verdict in verdicts_of(evidence).items()}


def verdicts_of(evidence: Evidence) -> Mapping[str, VerdictPart]:
    """The verdict on each artefact."""
    verdicts = {evidence.risk.artefact.value: evidence.verdict}
    if evidence.other is not None:
        verdicts[evidence.other.risk.artefact.value] = evidence.other.verdict
    return verdicts


def applied(data: Path, evidence: Path, remedy: Remedy, target: Path, key: Path) -> Step:
    """What a remedy foretold and what it brought."""
    shutil.rmtree(target, ignore_errors=True)
    plan = plan_of_remedy(remedy)
    asked = Request((str(data),), evidence, target, plan, key, engine="inline", remedy=remedy)
    return told_of(redact(asked, Silent()))


def told_of(outcome: Comparison) -> Step:
    assert outcome.foretold is not None
    return {
        "actions": outcome.foretold.actions,
        "foretold": [outcome.foretold.tier.value, round(outcome.foretold.score.p50, 1)],
        "achieved": [outcome.completed.tier.value, round(outcome.completed.score.p50, 1)],
        "as_written": outcome.after.tier.value,
        "reached": outcome.reached,
        "still_found": outcome.still_found,
        "explanation": outcome.explanation,
    }


def kills(number: int, steps: Steps) -> None:
    """The test that kills a redaction at random instants, with so many kills."""
    test = "tests/cli/test_redact_command.py::test_killed_at_any_instant_a_shard_is_absent_or_whole"
    words = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-s", "-p", "no:cacheprovider", test]
    environment = os.environ | {"SCANNER_KILLS": str(number)}

    def killed() -> Step:
        done = subprocess.run(words, cwd=HERE.parent, env=environment, capture_output=True, text=True, check=False)
        lines = done.stdout.strip().splitlines()
        told = next((line[line.index("killed in") :] for line in lines if "killed in the sweep:" in line), "")
        return {"passed": done.returncode == 0, "last_line": lines[-1], "told": told}

    steps.once(f"kills {number}", killed)


def speed(corpora: Path, steps: Steps) -> None:
    """Redaction from spans beside the detection that gave them."""
    words = [sys.executable, "-m", "benchmarks.redaction", "--text", str(corpora.resolve() / "volume")]

    def timed() -> Step:
        asked = [*words, "--megabytes", str(MEGABYTES)]
        done = subprocess.run(asked, cwd=HERE.parent, capture_output=True, text=True, check=True)
        told: Step = json.loads(done.stdout.splitlines()[0])
        return told

    steps.once("speed", timed)


def page(told: Mapping[str, Step]) -> Iterator[str]:
    """What all steps found, as Markdown."""
    yield "# Redaction held to account"
    yield ""
    yield f"Printed by `python -m benchmarks.redaction_proof CORPORA`, scanner {VERSION}."
    if sets := {name[4:]: step for name, step in told.items() if name.startswith("set ")}:
        yield from _sets(sets)
    found_remedies = {name[7:]: step for name, step in told.items() if name.startswith("remedy ")}
    if "remedies" in told:
        yield from _remedies(told["as it ships"], told["remedies"], found_remedies)
    if "speed" in told:
        yield from _speed(told["speed"])
    for name, step in told.items():
        if name.startswith("kills "):
            yield f"\n## {KILLS}\n\nMeasured on {today()}.\n"
            came = "absent or whole each time" if step["passed"] else "NOT absent or whole each time"
            yield (
                f"{name[6:]} kills, at instants spread evenly over a run that looks through twelve shards for values "
                f"found elsewhere and writes them ({step['told']}): every shard is {came}, every file of the sweep is "
                "absent or whole, and the run that goes on is the same in every byte."
            )


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def _speed(step: Step) -> Iterator[str]:
    yield f"""
## {SPEED}

Measured on {today()}.

`python -m benchmarks.redaction --text CORPORA/volume --megabytes {MEGABYTES}`, one run, seconds of the processor:
{step["text_mb"]} MB, {step["findings"]:,} findings. Detection with names {step["detection_cpu_s"]}; looking for values
in other places {step["sweep_cpu_s"]} ({step["swept"]} places); writing {step["redaction_cpu_s"]}. From spans alone
{step["times_by_cpu"]} times as fast as detection, with the places {step["times_by_cpu_with_sweep"]} times."""


def _sets(sets: Mapping[str, Step]) -> Iterator[str]:
    yield f"""
## {LABELLED}

Measured on {today()}.

`left`: labelled characters that lie under no redaction. `missed`: 1 - `any`, the share that the detectors do not find
when they read the texts as `scanner evaluate` does. `values whole`: labelled values that still stand somewhere in their
new cell. `changed outside`: cells that differ in what is neither a finding nor swept. `swept`: places that no detector
found, with a value that was found elsewhere; `characters` are theirs, and `labelled` those of them that lie under a
label (the labels of the mail set name persons alone, and those of other sets leave companies and hospital wards).
`found again`: fingerprints that the re-scan finds among those that were redacted, surrogates apart; in the mail set
these are words of a name each, among them the letters X and TK of header lines, which a model takes for names.

| set | texts | labelled characters | left | missed | values whole | changed outside | swept | characters | labelled | \
found before | found again |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"""
    for name, step in sets.items():
        yield (
            f"| {name} | {step['texts']} | {step['gold']:,} | {step['left']:.4f} | {step['missed_by_any']:.4f} | "
            f"{step['values_whole']} of {step['values']} | {step['cells_changed_outside']} | {step['swept']} | "
            f"{step['swept_characters']} | {step['swept_labelled']} | {step['found_before']} | {step['found_again']} |"
        )


def _remedies(shipped: Step, counts: Step, applied: Mapping[str, Step]) -> Iterator[str]:
    before, numbers = (
        ", ".join(f"{number} for the {name}" for name, number in one.items() if name != "step")
        for one in (shipped, counts)
    )
    yield f"""
## {REMEDIES}

Measured on {today()}.

As it ships, where nobody consented, which no change to the data mends, the sample has these remedies: {before}. A
copy whose `dataset.yaml` says `consent: true` has {numbers}. Applied: {len(applied)}. Scores are those of a public
release. `as written` is the tier before a recall is shown that the remedy asks for.

| remedy | actions | foretold | achieved | as written | still found | what the report says |
|---|---|---|---|---|---:|---|"""
    for name, step in applied.items():
        foretold, achieved = (f"{step[key][0]}, {step[key][1]}" for key in ("foretold", "achieved"))
        yield (
            f"| {name} | {'; '.join(step['actions'])} | {foretold} | {achieved} | {step['as_written']} | "
            f"{step['still_found']} | {' '.join(step['explanation'])} |"
        )


if __name__ == "__main__":
    main()
