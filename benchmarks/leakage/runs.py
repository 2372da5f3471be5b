"""Running the experiment: each arm's measurement is one file, so that a killed run goes on where it stopped."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from benchmarks.leakage import design, measure
from benchmarks.leakage.sizes import SIZES, Size

RUNS = Path(os.environ.get("LEAKAGE_RUNS", Path(__file__).parent / "runs"))


@contextmanager
def training(arms: list[design.Arm], workers: int) -> Iterator[None]:
    """Train what is left of the arms in processes of their own, until the end of the block and of the training."""
    RUNS.mkdir(parents=True, exist_ok=True)
    left = [arm for arm in arms if not result(arm).exists()]
    with multiprocessing.get_context("spawn").Pool(workers, initializer=_one_thread) as pool:
        for name in pool.imap_unordered(learn_base, [size for size in SIZES if not base(size).exists()]):
            print(f"{time.strftime('%H:%M:%S')} trained the base of {name}", flush=True)
        trained = pool.imap_unordered(learn, left)
        yield
        for name in trained:
            print(f"{time.strftime('%H:%M:%S')} trained {name}", flush=True)


def result(arm: design.Arm) -> Path:
    """Where an arm's measurement lies; it is there if and only if it is whole."""
    return RUNS / f"{arm.name}.json"


def base(size: Size) -> Path:
    """Where the weights lie that every model of a size begins with."""
    return RUNS / f"base-{size.name}.pt"


def learn_base(size: Size) -> str:
    """Train the base of a size."""
    from benchmarks.leakage.train import train_base

    began = time.process_time()
    loss = train_base(design.base_text(size), size, base(size))
    seconds = time.process_time() - began
    _write(RUNS / f"base-{size.name}.log", {"size": size.name, "loss": loss, "seconds": seconds})
    return f"{size.name} in {seconds:.0f} s, loss {loss:.2f}"


def scan_all(arms: list[design.Arm]) -> None:
    """Scan every corpus that was not yet; the fleet with the names stage, as its verdicts are held to account."""
    (RUNS / "scans").mkdir(parents=True, exist_ok=True)
    measure.compile_once()
    for name in dict.fromkeys(arm.corpus for arm in arms):
        file = RUNS / "scans" / f"{name}.json"
        if not file.exists():
            corpus, began = design.corpus(name), time.perf_counter()
            folder = RUNS / "scans" / name
            plants = measure.scan(corpus, design.dataset(name), folder, names=name.startswith("fleet"))
            _write(file, {"corpus": name, "characters": corpus.characters, "plants": plants})
            print(f"{time.strftime('%H:%M:%S')} scanned {name} {time.perf_counter() - began:.1f} s", flush=True)


def learn(arm: design.Arm) -> str:
    """Train one arm and measure it after each of its epochs that counts."""
    from benchmarks.leakage.train import train

    corpus, began = design.corpus(arm.corpus), time.process_time()
    points = []
    for epoch, model, loss in train(corpus, arm.size, base(arm.size), arm.epochs, arm.seed, arm.batch, arm.warm_up):
        if epoch in arm.measured:
            leaks = [asdict(leak) for leak in measure.leaks(model, corpus.plants, ranked=epoch in arm.ranked)]
            seconds = time.process_time() - began
            points.append({"epoch": epoch, "loss": loss, "seconds": seconds, "leaks": leaks})
            parameters = model.parameter_count
    described = {"arm": arm.name, "corpus": arm.corpus, "size": arm.size.name, "seed": arm.seed}
    characters = arm.size.base + corpus.characters
    _write(result(arm), {**described, "parameters": parameters, "characters": characters, "points": points})
    return arm.name


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _write(file: Path, content: object) -> None:
    temporary = file.with_suffix(".tmp")
    temporary.write_text(json.dumps(content))
    temporary.replace(file)
