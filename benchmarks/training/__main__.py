"""Train weights of the names stage.

    python -m benchmarks.training ../shared/corpora en --out out/training [--jobs 2] [--epochs 4] [--without SET…]

Writes `LANGUAGE-all.npz`, which learnt from everything and is what ships, and `LANGUAGE-foldN.npz`, each of which
learnt from all but one fold, to measure with. With `--without`, only weights that learnt nothing from those sets. Needs
torch and faker beside the locked libraries.
"""

from __future__ import annotations

import argparse
import logging
import os
import warnings
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from benchmarks.training.folds import FOLDS, SETTINGS
from benchmarks.training.gold import read
from benchmarks.training.learn import Course, Lessons, plain, unlabelled
from scanner.detectors.names import parse_models
from scanner.detectors.names.weights import write_weights

Task = int | str | Sequence[str]
"""A fold that is left out, `all` for none, or names of sets that are left out together."""

RULES = Path(__file__).parents[2] / "rules" / "models.yaml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("corpora", type=Path)
    parser.add_argument("language")
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--without", nargs="+", action="append", default=[], help="sets to leave out together")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    spec = parse_models(yaml.safe_load(RULES.read_text()), RULES.name)[options.language]
    names = [name for name, settings in SETTINGS["sets"].items() if settings["language"] == spec.language]
    passages = [passage for name in names for passage in read(options.corpora, name)]
    text = plain(options.corpora, SETTINGS["plain"].get(spec.language, {}), 0)
    course = Course(replace(spec, trained="", trained_sha256=""), passages, text)
    options.out.mkdir(parents=True, exist_ok=True)
    teachers = _teachers(course, options.corpora, spec.language, {name for sets in options.without for name in sets})
    tasks: list[Task] = list(options.without) or ["all", *range(FOLDS)]
    running: list[int] = []
    for task in tasks:
        if len(running) >= options.jobs:
            os.waitpid(running.pop(0), 0)
        heard = [lessons for fold, lessons in teachers.items() if task == fold or not isinstance(task, int)]
        running.append(_forked(course, spec.language, task, heard, options.out, options.epochs))
    for pid in running:
        os.waitpid(pid, 0)


def _teachers(course: Course, corpora: Path, language: str, without: Collection[str]) -> dict[int, Lessons]:
    """What a teacher of each fold, which learnt from all others, has to say; none where the language has no teacher.

    Weights that leave out a fold hear only the teacher that did not learn from it either.
    """
    settings = SETTINGS["teacher"].get(language)
    if settings is None:
        return {}
    texts = plain(corpora, settings["reads"], 1) + unlabelled(corpora, settings["reads_sets"])
    return {
        fold: course.lessons(
            settings, texts, lambda passage, fold=fold: passage.fold != fold and passage.source not in without
        )
        for fold in range(FOLDS)
    }


def _forked(course: Course, language: str, task: Task, lessons: Sequence[Lessons], out: Path, epochs: int) -> int:
    """Train in a process of its own, which shares what was read."""
    pid = os.fork()
    if pid:
        return pid
    left_out = [task] if isinstance(task, int | str) else task
    weights = course.learn(lambda passage: passage.fold in left_out or passage.source in left_out, epochs, lessons)
    name = f"fold{task}" if isinstance(task, int) else task if isinstance(task, str) else "-".join(["without", *task])
    write_weights(out / f"{language}-{name}.npz", weights)
    os._exit(0)


if __name__ == "__main__":
    main()
