"""The part of the tests that runs in Inseq's own Python: loads files of ours, and saves files for us to load."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import inseq
import torch


def facts(sequence) -> dict:
    """What a loaded sequence holds, as plain numbers."""

    def total(values):
        return None if values is None else {"shape": list(values.shape), "sum": float(values.nan_to_num().sum())}

    return {
        "class": type(sequence).__name__,
        "source": [[token.id, token.token] for token in sequence.source],
        "target": [[token.id, token.token] for token in sequence.target],
        "source_attributions": total(sequence.source_attributions),
        "target_attributions": total(sequence.target_attributions),
        "missing": int(sequence.target_attributions.isnan().sum()) if sequence.target_attributions is not None else 0,
        "steps": {name: values.tolist() for name, values in sequence.step_scores.items()},
        "span": [sequence.attr_pos_start, sequence.attr_pos_end],
    }


def main(folder: Path, causal: str, translation: str, prompt: str, written: str, source: str) -> None:
    told = {}
    for path in sorted(folder.glob("ours-*.json")):
        loaded = inseq.FeatureAttributionOutput.load(path)
        html = loaded.show(display=False, return_html=True)
        loaded.save(folder / path.name.replace("ours", "again"), overwrite=True)
        told[path.stem] = {
            "sequences": [facts(sequence) for sequence in loaded],
            "shown": len(html),
            "info": loaded.info,
        }
    torch.set_num_threads(1)
    model = inseq.load_model(causal, "saliency", device="cpu", model_kwargs={"dtype": torch.float32})
    out = model.attribute(prompt, prompt + written, step_scores=["probability"], show_progress=False)
    for name, options in {
        "saliency": {},
        "half": {"scores_precision": "float16"},
        "eighth": {"scores_precision": "float8"},
    }.items():
        out.save(folder / f"theirs-{name}.json", overwrite=True, **options)
    out.save(folder / "theirs-packed.json.gz", overwrite=True, compress=True)
    out = model.attribute(prompt, prompt + written, method="attention", show_progress=False)
    out.save(folder / "theirs-attention.json", overwrite=True)
    out = model.attribute(
        prompt, prompt + written, show_progress=False, attributed_fn="contrast_prob_diff",
        contrast_targets=prompt + written.replace("are", "is"),
    )  # fmt: skip
    out.save(folder / "theirs-contrast.json", overwrite=True)
    model = inseq.load_model(translation, "saliency", device="cpu", model_kwargs={"dtype": torch.float32})
    out = model.attribute(source, attribute_target=True, step_scores=["probability"], show_progress=False)
    out.save(folder / "theirs-translation.json", overwrite=True)
    told["norms"] = [out[0].source_attributions.norm(dim=-1).tolist(), out[0].target_attributions.norm(dim=-1).tolist()]
    (folder / "told.json").write_text(json.dumps(told))  # NaN where there is no score


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
