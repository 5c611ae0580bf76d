"""Inseq's side of the comparison, run inside Inseq's own environment: one JSON request per line, one answer each.

A request names a model folder, a method, texts and how often to measure; the answer gives CPU seconds per run and a
file with the raw scores. Imports nothing of Seqscope.
"""

import json
import sys
import time

import inseq
import numpy as np
import torch


def main() -> None:
    torch.set_num_threads(1)
    loaded: dict[tuple[str, str], object] = {}
    for line in sys.stdin:
        request = json.loads(line)
        key = (request["folder"], request["method"])
        if key not in loaded:
            loaded[key] = inseq.load_model(request["folder"], request["method"], device="cpu")
        answer(loaded[key], request)
        print(json.dumps({"seconds": request["seconds"]}), flush=True)


def answer(model, request: dict) -> None:
    options = {"n_steps": request["n_steps"]} if request["method"] == "integrated_gradients" else {}
    if model.is_encoder_decoder:
        options["attribute_target"] = True
        output = request["output"]
    else:
        output = f"{request['prompt']} {request['output']}"
    began = time.process_time()
    result = model.attribute(
        request["prompt"], output, method=request["method"], show_progress=False, pretty_progress=False, **options
    )
    request["seconds"] = time.process_time() - began
    if request.get("save"):
        first = result.sequence_attributions[0]
        arrays = {"target": first.target_attributions.numpy(), "ids": np.array([token.id for token in first.target])}
        if first.source_attributions is not None:
            arrays["source"] = first.source_attributions.numpy()
        np.savez(request["save"], **arrays)


if __name__ == "__main__":
    main()
