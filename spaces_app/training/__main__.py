"""Make a bundled model from nothing: `python -m spaces_app.training causal` or `… translation`."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spaces_app.training.causal import Trained


FOLDERS = {"causal": "tiny-causal", "translation": "tiny-en-fr"}
KEPT = ("steps", "seed", "documents", "tokens", "cpu_seconds", "loss", "storage")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m spaces_app.training", description=__doc__)
    parser.add_argument("which", choices=tuple(FOLDERS), help="decoder-only or translation model")
    parser.add_argument("--steps", type=int, help="optimiser steps (default: as the bundled model)")
    parser.add_argument("--seed", type=int, default=0, help="decides corpus, masks and weights (default: 0)")
    parser.add_argument("--output", type=Path, help="folder to write (default: the bundled one)")
    parser.add_argument("--threads", type=int, default=1, help="1 (default) makes the run repeatable bit for bit")
    parser.add_argument("--measure", action="store_true", help="train nothing; measure the folder again")
    return parser.parse_args()


def main() -> None:
    """Train, store, measure, and write the card."""
    options = arguments()
    import torch  # after the arguments, so that --help answers at once

    from spaces_app.training.publish import BUNDLED, measure, publish

    torch.set_num_threads(options.threads)
    folder = options.output or BUNDLED / FOLDERS[options.which]
    if options.measure:
        known = json.loads((folder / "accuracies.json").read_text("utf-8"))
        figures = measure(folder, {key: known[key] for key in KEPT})
    else:
        trained, facts = _train(options)
        figures = publish(trained, facts, folder)
    for row in figures["phenomena"]:
        print(f"{row['kind']:22} {row['figure']:8} {row['value']:.3f}   written {row['written']:.2f}   n {row['n']}")
    print(f"written to {folder}")


def _train(options: argparse.Namespace) -> tuple[Trained, dict]:
    from spaces_app.training.causal import train_causal
    from spaces_app.training.translation import train_translation

    started = time.process_time()

    def report(step: int, loss: float) -> None:
        if step % 50 == 0:
            print(f"step {step:5}   loss {loss:.3f}   {time.process_time() - started:.0f} CPU seconds", flush=True)

    train = train_causal if options.which == "causal" else train_translation
    chosen = {} if options.steps is None else {"steps": options.steps}
    trained = train(seed=options.seed, report=report, **chosen)
    facts = {
        "steps": len(trained.losses),
        "seed": options.seed,
        "documents": trained.documents,
        "tokens": trained.tokens,
        "cpu_seconds": round(time.process_time() - started),
    }
    return trained, facts


if __name__ == "__main__":
    main()
