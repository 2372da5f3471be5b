"""Comparing: results.md and its plots from what was scanned and measured, each target met or not."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.leakage import design, plots, predict, table, targets
from benchmarks.leakage.corpora import WINDOW
from benchmarks.leakage.kinds import KINDS
from benchmarks.leakage.stats import spearman
from benchmarks.leakage.table import PATIENT
from benchmarks.leakage.targets import Calibration, Change, Controls, CorpusRanking, CorpusRow, Ranking
from scanner.model import Tier

FOLDER = Path(__file__).parent
QUERIES = (1.0, 100.0, 1e4)
FLEET_ASKED = 60
"""Small corpora that V6 asks for."""
VIOLATING = (Tier.NDA, Tier.INTERNAL)
"""Tiers of a corpus that must not be released to everybody, with or without a licence."""


def write(runs: Path) -> None:
    """Write results.md and the plots beside this file."""
    measured = table.points(runs)
    ranked, rows = targets.ranking(measured), targets.corpora(runs, measured)
    fleet = [row for row in rows if row.corpus.startswith("fleet")]
    by_corpus = targets.corpus_ranking(fleet)
    fits = [targets.calibration(measured, queries) for queries in QUERIES]
    never = targets.controls(measured)
    changes = targets.remedies(measured, fits[1])
    _plot(ranked, fits, by_corpus, fleet)
    sections = (
        _head(runs, measured),
        _summary(ranked, by_corpus, fleet, rows, fits, never, changes),
        _ranking(ranked),
        _corpora(by_corpus, fleet, rows),
        _calibration(fits),
        _upper(rows),
        _controls(never),
        _verdicts(fleet),
        _remedies(changes),
        _arms(measured, runs),
    )
    (FOLDER / "results.md").write_text("\n".join(line for section in sections for line in section) + "\n")


def _plot(
    ranked: Ranking,
    fits: Sequence[Calibration],
    by_corpus: CorpusRanking,
    fleet: list[CorpusRow],
) -> None:
    plots.by_kind(ranked.cells, FOLDER / "exposure.svg")
    plots.by_occurrences(ranked.cells, FOLDER / "occurrences.svg")
    plots.calibrations(fits[1:], FOLDER / "calibration.svg")
    panels = {"cells: exposure": ranked.by_rank, "corpora: harm": by_corpus.found}
    plots.comparators(panels, FOLDER / "comparators.svg")
    plots.corpora(fleet, FOLDER / "corpora.svg")


def _head(runs: Path, measured: Sequence[table.Point]) -> Iterator[str]:
    seconds = sum(json.loads(file.read_text())["points"][-1]["seconds"] for file in runs.glob("*.json"))
    seconds += sum(json.loads(file.read_text())["seconds"] for file in runs.glob("base-*.log"))
    book = predict.rulebook()
    yield "# What trained models leak, against what the scanner predicts"
    yield ""
    yield (
        "Values of eight kinds are planted in text, the scanner scans the shards, small character-level transformers "
        "are trained on them, and what each model gives up is measured by its exact probabilities. Predictions come "
        "from the scanner's counts, the shipped policy and the model's card alone. `make leakage` does it all and "
        "writes this file."
    )
    yield ""
    yield f"- Written {datetime.now(UTC):%Y-%m-%d} at commit {_commit()}, by `python -m benchmarks.leakage`."
    yield (
        f"- {platform.system()}, {os.cpu_count()} cores, one thread a model; Python {platform.python_version()}, "
        f"torch {version('torch')}, numpy {version('numpy')}, scipy {version('scipy')}."
    )
    yield (
        f"- {len({(p.corpus, p.size, p.seed) for p in measured})} models, measured at {len(measured)} points; "
        f"{seconds / 60:.0f} minutes of one core to train and measure them, their "
        "bases among it."
    )
    absent = [arm.name for arm in design.arms() if not (runs / f"{arm.name}.json").exists()]
    if absent:
        yield f"- Cut short: {len(absent)} of {len(design.arms())} models were not trained: {', '.join(absent)}."
    told = f"{len(book.calibration.entities)} entities" if book.calibration.entities else "nothing"
    yield f"- Calibration of the detectors in use: {told}. Policy and calibration: sha256 {book.policy_sha256[:16]}."
    yield ""


def _summary(
    ranked: Ranking,
    by_corpus: CorpusRanking,
    fleet: Sequence[CorpusRow],
    rows: Sequence[CorpusRow],
    fits: Sequence[Calibration],
    never: Controls,
    changes: Sequence[Change],
) -> Iterator[str]:
    first = next(iter(ranked.by_rank.values()))[0]
    above = all(gap.low > 0 for _, gap in list(ranked.by_rank.values())[1:])
    literal, against = ranked.by_rank["z alone"][0], next(iter(ranked.extracted.values()))[0]
    corpora, whole = (next(iter(side.values()))[0] for side in (by_corpus.found, by_corpus.whole))
    fit = fits[1]
    held = [row.strange <= row.upper for row in rows]
    false = [row for row in fleet if row.tier.openness > row.true_tier.openness]
    breaking = [row for row in fleet if row.true_tier in VIOLATING]
    alarms = [row for row in fleet if row.true_tier not in VIOLATING and row.tier in VIOLATING]
    agree = [change.agrees(refitted=False) and change.agrees(refitted=True) for change in changes]
    close = [change.close(refitted=True) for change in changes]
    closer = [change.close(refitted=False) for change in changes]
    left = [change.left_close(refitted=True) for change in changes]
    remedies = len({change.remedy for change in changes})
    lines = (
        (
            "V1",
            f"{len(ranked.cells)} cells (at least 100): Spearman(prediction, exposure) ≥ .90, lower end ≥ .80, "
            "above the comparators",
            f"bits given up {first}, above all others: {'yes' if above else 'no'}; z alone {literal}; "
            f"z with extraction {against}",
            len(ranked.cells) >= 100 and first.value >= 0.9 and first.low >= 0.8 and above,
        ),
        (
            "V2",
            "Spearman(S, measured H) over corpora ≥ .90",
            f"what was found against what was planted {corpora}; the score as told, presumed misses within, {whole}; "
            f"{len(fleet)} corpora",
            corpora.value >= 0.9,
        ),
        (
            "V3",
            "A and b re-fitted on half of the seeds: held-out slope in [.7, 1.4], 90 % intervals cover 80–97 %",
            f"slope {fit.slope}, cover {fit.coverage:.0%}, {fit.cells} cells",
            0.7 <= fit.slope.value <= 1.4 and 0.8 <= fit.coverage <= 0.97,
        ),
        (
            "V4",
            "constants untouched: measured E ≤ upper 95 % in ≥ 95 % of corpora",
            f"{sum(held)} of {len(held)}",
            sum(held) >= 0.95 * len(held),
        ),
        (
            "V5",
            "controls: 1.44 ± .2 bits, no greedy hit",
            f"{never.exposure} bits, {never.greedy} hits",
            abs(never.exposure.value - 1.44) <= 0.2 and not never.greedy,
        ),
        (
            "V6",
            f"no false release among ≥ {FLEET_ASKED} corpora, {FLEET_ASKED // 2} of which violate",
            f"{len(false)} false; {len(fleet)} corpora, {len(breaking)} of them truly nda or internal; false alarms: "
            f"{len(alarms)} of the {len(fleet) - len(breaking)} others",
            not false and len(fleet) >= FLEET_ASKED and len(breaking) >= FLEET_ASKED / 2,
        ),
        (
            "V7",
            "≥ 4 remedies: change predicted and measured agree in sign always, within 2× in 80 %",
            f"sign {sum(agree)} of {len(agree)}; within 2× {sum(close)} of {len(close)} by constants fitted on other "
            f"seeds, {sum(closer)} by those shipped; what stays is within 2× in {sum(left)}; {remedies} remedies",
            all(agree) and sum(close) >= 0.8 * len(close) and remedies >= 4,
        ),
    )
    yield "| target | asked | measured | met |"
    yield "|---|---|---|---|"
    yield from (f"| {name} | {asked} | {got} | {'yes' if met else '**no**'} |" for name, asked, got, met in lines)
    yield ""
    reasons = _reasons(ranked, fit, never, changes)
    yield from (f"- {name} is missed: {reasons[name]}" for name, _, _, met in lines if not met and name in reasons)
    yield ""


def _reasons(ranked: Ranking, fit: Calibration, never: Controls, changes: Sequence[Change]) -> dict[str, str]:
    """Why a target may be missed, in what was measured."""
    lacks = {row.name: row for row in ranked.lacks}
    far = ", ".join(sorted({change.remedy for change in changes if not change.close(refitted=True)}))
    wrong = ", ".join(sorted({change.remedy for change in changes if not change.agrees(refitted=True)}))
    weak = sorted(ranked.within.items(), key=lambda item: item[1])[:3]
    return {
        "V1": (
            f"within a kind z ranks at {min(ranked.within.values()):.2f} to {max(ranked.within.values()):.2f} (least: "
            f"{', '.join(name for name, _ in weak)}). Between kinds, entropy with a slope of its own for exposure "
            f"ranks at {lacks['entropy'].exposure:.2f} on the seeds left out; what is left is that these models hold "
            "letters better than digits of the same entropy, and cells of one or two occurrences, which are noise: "
            f"exposures by half of the seeds agree with those by the other half at {ranked.repeat:.2f}, so that a "
            f"predictor without fault would reach {ranked.ceiling:.2f} here, and this one, noise taken out, "
            f"{next(iter(ranked.by_rank.values()))[0].value / ranked.ceiling:.2f}."
        ),
        "V2": (
            "corpora of few steps, in which health remarks or keys were read but not yet held, are predicted too high: "
            "z counts what was read, and severity makes up the rest."
        ),
        "V3": f"{len(fit.seeds)} seeds to fit on, {fit.cells} cells to hold against.",
        "V4": "the models give up more than the upper end allows.",
        "V5": (
            f"the mean is {never.exposure.value:.2f} bits, and greedy decoding writes {never.greedy} of the controls: "
            f"as many even guesses would hit {never.lucky:.1f}, as a health remark is one of some 400."
        ),
        "V6": "fewer than half of the corpora turned out to violate, fewer than 60 were there, or a release was false.",
        "V7": (
            f"the sign is wrong for: {wrong or 'none'} (taking out a kind that leaks little exposes others a little "
            "more, as Borkar 2025 saw, which no count foresees; trainings of one corpus differ by a standard deviation "
            f"of {np.nanmean([change.noise for change in changes]):.0%}); "
            f"further off than 2×: {far or 'none'}. Shipped b "
            f"{predict.shipped().occurrences:.2f}, fitted {fit.fit.occurrences:.2f}."
        ),
    }


def _ranking(ranked: Ranking) -> Iterator[str]:
    yield "## V1: does z rank what is memorised?"
    yield ""
    yield (
        "A cell is one kind of value, planted equally often, as models of one size hold it after one number of epochs, "
        f"over all seeds: at least {min(c.values for c in ranked.cells)} values each. Exposure counts the bits that a "
        "model holds of a value, extraction asks for all of them at once: entropy raises the one and lowers the other. "
        "So exposure is held against the bits that the scanner expects to be given up, the chance at one query times "
        "the bits of the value, and z, which is a chance, against extraction. "
        "Exposure by rank ends at 8 bits (256 candidates), where many cells tie; the extrapolated one (a normal fit to "
        "the candidates' log-probabilities) does not end. Brackets: 95 % bootstrap over cells, paired."
    )
    yield ""
    yield "| predictor | with exposure by rank | first above it by | with extrapolated exposure | first above it by |"
    yield "|---|---|---|---|---|"
    for number, (name, (estimate, gap)) in enumerate(ranked.by_rank.items()):
        further, other = ranked.extrapolated[name]
        told = (str(gap), str(other)) if number else ("–", "–")
        yield f"| {name} | {estimate} | {told[0]} | {further} | {told[1]} |"
    yield ""
    yield f"| predictor | Spearman with extraction by {PATIENT:g} samples, beyond guessing | z above it by |"
    yield "|---|---|---|"
    for number, (name, (estimate, gap)) in enumerate(ranked.extracted.items()):
        yield f"| {name} | {estimate} | {gap if number else '–'} |"
    yield ""
    yield "![Predicted against measured by kind](exposure.svg)"
    yield "![Exposure by occurrences and kind](occurrences.svg)"
    yield "![Comparators](comparators.svg)"
    yield ""
    yield "| kind | bits | cells | Spearman of z within it | mean exposure, bits | found by the scanner |"
    yield "|---|---|---|---|---|---|"
    for kind in KINDS:
        own = [cell for cell in ranked.cells if cell.kind == kind.name]
        found = sum(c.findings for c in own) / sum(c.values * c.planted for c in own)
        mean = np.mean([cell.exposure for cell in own])
        within = ranked.within[kind.name]
        yield f"| {kind.name} | {kind.bits:.1f} | {len(own)} | {within:.2f} | {mean:.2f} | {found:.0%} |"
    yield ""
    yield from _lacks(ranked)


def _lacks(ranked: Ranking) -> Iterator[str]:
    yield "### What z lacks"
    yield ""
    yield (
        "Slopes fitted on half of the seeds, held against the others, beside z without its term for entropy. Entropy "
        "is log10 of the bits of the value, epochs their log10 beside the same slope as occurrences, distance the "
        "characters from name to value. Exposure is by rank; extraction is the chance, beyond guessing, that 100 "
        "samples after the true text hold the value. A slope of its own for epochs is not in the model: a corpus "
        "repeated k times has to be the same as k epochs (axiom A8)."
    )
    yield ""
    yield (
        "| added to z | Spearman with exposure | with extraction | log loss of extraction, nats | "
        "slopes for exposure, bits | slopes for extraction, z |"
    )
    yield "|---|---|---|---|---|---|"
    for row in ranked.lacks:
        slopes = (", ".join(f"{slope:.3g}" for slope in side) or "–" for side in (row.for_exposure, row.for_extraction))
        yield f"| {row.name} | {row.exposure:.3f} | {row.extraction:.3f} | {row.loss:.4f} | {' | '.join(slopes)} |"
    yield ""
    yield f"Within a cell, exposure and the distance from name to value correlate by rank at {ranked.distance:.2f}."
    yield ""


def _corpora(by_corpus: CorpusRanking, fleet: Sequence[CorpusRow], rows: Sequence[CorpusRow]) -> Iterator[str]:
    yield "## V2: does the score rank corpora by measured harm?"
    yield ""
    yield (
        "Measured harm: severity × provenance × (1 − (1 − q)^10,000) of each planted value, the attacker holding the "
        "true text before it. First, like with like: the harm expected of what the scanner found (its detectors taken "
        "to miss nothing) against what the model gives up of the planted values, to the last digit. Then the score as "
        "it is told, with what is presumed to be missed of kinds that nobody found; both sides end at a thousandth of "
        "a unit, where corpora tie."
    )
    yield ""
    for title, ranking in (
        ("exact harm", by_corpus.found),
        ("harm on the score's scale", by_corpus.whole),
    ):
        first = next(iter(ranking))
        yield f"| predictor | Spearman with {title} | {first} above it by |"
        yield "|---|---|---|"
        for name, (estimate, gap) in ranking.items():
            yield f"| {name} | {estimate} | {'–' if name == first else gap} |"
        yield ""
    harm = np.array([row.harm for row in fleet])
    beyond = np.array([row.harm_beyond for row in fleet])
    found = np.array([row.found_harm for row in fleet])
    yield (
        f"Against harm beyond what as many even guesses hit, where {sum(beyond <= 0)} corpora tie at none: "
        f"{spearman(found, beyond):.2f}. Measured harm spans {harm.min():.1e} to {harm.max():.1e} units; "
        f"{sum(harm <= LEAST_HARM)} of {len(fleet)} corpora lie below {LEAST_HARM:g}."
    )
    yield _told("The corpora of", [row for row in fleet if row.made_to_violate], "made to break the policy")
    yield _told("The", [row for row in fleet if not row.made_to_violate], "others")
    yield _told("With the larger corpora,", rows, "in all")
    yield ""
    yield "![Score against measured harm](corpora.svg)"
    yield ""


LEAST_HARM = 1e-3
"""Where the score ends."""


def _told(start: str, rows: Sequence[CorpusRow], end: str) -> str:
    ranks = spearman(np.array([row.found_harm for row in rows]), np.array([row.harm for row in rows]))
    return f"{start} {len(rows)} {end}: {ranks:.2f}."


def _calibration(fits: Sequence[Calibration]) -> Iterator[str]:
    yield "## V3: calibration on the seeds left out"
    yield ""
    yield (
        "A, b and the slope of entropy are fitted on the models of seeds "
        f"{', '.join(map(str, fits[0].seeds))} and held against the others; every other constant stays. Chances are "
        "those beyond guessing. The attacker holds the true text. The interval of a cell is the fitted "
        "chance moved by the 5 % and 95 % points of the cells' probit residuals on the fitted seeds. The row of 100 "
        "queries counts: at 10,000 a third of the kinds can be guessed, at 1 almost nothing is extracted."
    )
    yield ""
    yield (
        "| queries | A, b, entropy shipped | fitted | held-out slope | 90 % intervals cover | "
        "mean chance: shipped, fitted, measured |"
    )
    yield "|---|---|---|---|---|---|"
    for fit in fits:
        means = ", ".join(f"{side.mean():.3f}" for side in (fit.untouched, fit.predicted, fit.measured))
        yield (
            f"| {fit.queries:g} | {_constants(predict.shipped())} | {_constants(fit.fit)} | {fit.slope} | "
            f"{fit.coverage:.0%} of {fit.cells} | {means} |"
        )
    yield ""
    yield "![Calibration](calibration.svg)"
    yield ""


def _constants(fit: predict.Fit) -> str:
    return f"{fit.level:.2f}, {fit.occurrences:.2f}, {fit.entropy:.2f}"


def _upper(rows: Sequence[CorpusRow]) -> Iterator[str]:
    yield "## V4: is the upper end safe?"
    yield ""
    yield (
        "E is the expected number of planted values that 10,000 samples each extract. The policy's attacker does not "
        "hold the true text; one who does is a harder case, told beside it."
    )
    yield ""
    below = sum(row.strange <= row.upper for row in rows)
    harder = sum(row.extracted <= row.upper for row in rows)
    yield f"- Attacker of the policy: {below} of {len(rows)} corpora at or below the upper 95 %."
    yield f"- Attacker with the true text: {harder} of {len(rows)}."
    yield (
        f"- Sums over all corpora: predicted {sum(r.predicted for r in rows):.0f} (median), upper "
        f"{sum(r.upper for r in rows):.0f}; measured {sum(r.strange for r in rows):.1f} without and "
        f"{sum(r.extracted for r in rows):.0f} with the true text."
    )
    yield ""


def _controls(never: Controls) -> Iterator[str]:
    yield "## V5: values that were never planted"
    yield ""
    yield f"{never.values} controls: mean exposure {never.exposure} bits (theory: 1.44), {never.greedy} greedy hits."
    yield "By kind: " + ", ".join(f"{kind} {mean:.2f}" for kind, mean in never.by_kind.items()) + "."
    yield ""


def _verdicts(fleet: Sequence[CorpusRow]) -> Iterator[str]:
    yield "## V6: verdicts on small corpora"
    yield ""
    yield (
        "The true tier applies the policy's own limits to what was measured (attacker with the true text, 10,000 "
        "queries) and its gates to what was planted. A false release is a verdict more open than "
        f"that. Half of the {len(fleet)} corpora are made to break the policy: cards or ids repeated, health remarks, "
        "contacts repeated, users' text without consent with a key in it."
    )
    yield ""
    names = list(dict.fromkeys(tier for tier in design_tiers()))
    yield "| true tier | corpora | " + " | ".join(f"scanner: {name}" for name in names) + " |"
    yield "|---|---|" + "---|" * len(names)
    for true in names:
        own = [row for row in fleet if row.true_tier.value == true]
        counts = " | ".join(str(sum(row.tier.value == name for row in own)) for name in names)
        yield f"| {true} | {len(own)} | {counts} |"
    made = [row for row in fleet if row.made_to_violate]
    yield ""
    held = sum(row.tier.value == "internal" for row in made)
    yield f"Of the {len(made)} made to break the policy the scanner keeps {held} internal;"
    yield f"of the others it releases {_freed(fleet)}."
    alarms = [row for row in fleet if row.true_tier not in VIOLATING]
    stopped = sum(row.tier in VIOLATING for row in alarms)
    yield (
        f"False alarms: of the {len(alarms)} whose true tier is open or research, {stopped} are told to be nda or "
        "internal. The published constants expect more of such small models than they give up, and that is the side on "
        "which they err."
    )
    yield ""


def _freed(fleet: Sequence[CorpusRow]) -> str:
    others = [row for row in fleet if not row.made_to_violate]
    return f"{sum(row.tier.value != 'internal' for row in others)} of {len(others)}"


def design_tiers() -> Iterable[str]:
    """Names of the tiers, the most open first."""
    return (tier.value for tier in targets.Tier)


def _remedies(changes: Sequence[Change]) -> Iterator[str]:
    yield "## V7: do remedies change what was predicted?"
    yield ""
    yield (
        "Expected extracted values (100 queries, true text, beyond guessing) after the remedy over those before it. "
        "`re-fitted` is the forecast of an organisation that fitted A, b and the slope of entropy on canaries of its "
        "own (V3; other seeds than these). A change is the share that goes; what stays has the last column. Each side "
        f"is the mean over {design.TRAININGS} trainings, but for the larger model's, which is trained once; a change "
        "of epochs measures the same trainings twice."
    )
    yield ""
    yield (
        "| remedy | corpus | predicted, shipped | predicted, re-fitted | measured | sign | change within 2×, shipped | "
        "re-fitted | what stays within 2×, re-fitted |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for c in changes:
        marks = (
            "yes" if mark else "no"
            for mark in (
                c.agrees(refitted=False),
                c.close(refitted=False),
                c.close(refitted=True),
                c.left_close(refitted=True),
            )
        )
        yield (
            f"| {c.remedy} | {c.corpus} | {c.predicted:.3f} | {c.refitted:.3f} | {c.measured:.3f} | "
            + " | ".join(marks)
            + " |"
        )
    yield ""


def _arms(measured: Sequence[table.Point], runs: Path) -> Iterator[str]:
    yield "## The models"
    yield ""
    yield "| corpora | models | parameters | characters | epochs measured | loss at the end, nats a character |"
    yield "|---|---|---|---|---|---|"
    for family, size in sorted({(point.family, point.size) for point in measured}):
        own = [point for point in measured if (point.family, point.size) == (family, size)]
        characters = [float(point.card.training_tokens or 0) for point in own]
        epochs = sorted({point.epochs for point in own})
        last = [point.loss for point in own if point.epochs == max(p.epochs for p in own if p.corpus == point.corpus)]
        models = len({(point.corpus, point.seed) for point in own})
        yield (
            f"| {family} | {models} | {own[0].card.parameters:,.0f} | {_span(characters)} | "
            f"{', '.join(map(str, epochs))} | {min(last):.2f} to {max(last):.2f} |"
        )
    yield ""
    yield (
        f"Character-level decoders with windows of {WINDOW} characters, AdamW at a level rate, one planted document "
        "at the start of a window and background text behind it; each goes on from a base of its size that has read "
        "plain text, since a model that still learns to spell holds little. Exposure ranks a value among 256 drawn by "
        "the same generator. Documentation values count in these scans, as the planted ones come from ranges kept for "
        "tests. The ladder, wide and remedy corpora are scanned without the names stage, the small corpora with it."
    )


def _span(numbers: Sequence[float]) -> str:
    low, high = min(numbers) / 1e6, max(numbers) / 1e6
    return f"{low:.2f} M" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f} M"


def _commit() -> str:
    told = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    return told.stdout.strip() or "unknown"
