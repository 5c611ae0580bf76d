"""Inseq's side of the comparison, run inside Inseq's own environment: one JSON request per line, one answer each.

A request names a model folder, a method, its options, texts and what to explain; the answer gives CPU seconds and a
file with the raw scores, or with attribute-context's own JSON where it names a context. Imports nothing of Seqscope.
"""

import json
import sys

import inseq
import numpy as np
import torch
from clock import cpu_seconds


def main() -> None:
    torch.set_num_threads(1)
    loaded: dict[tuple, object] = {}
    for line in sys.stdin:
        request = json.loads(line)
        key = (request["folder"], request["method"], json.dumps(request["loading"]), request.get("double"))
        try:
            if key not in loaded:
                if request["method"] == "reagent":
                    without_parts_of_speech()
                loaded[key] = inseq.load_model(request["folder"], request["method"], device="cpu", **request["loading"])
                if request.get("double"):
                    loaded[key].model.double()
            (reliance if "context" in request else answer)(loaded[key], request)
            print(json.dumps({"seconds": request["seconds"]}), flush=True)
        except Exception as error:  # what does not work there is part of the comparison
            loaded.pop(key, None)  # a failed run may leave hooks behind that break the next one
            print(json.dumps({"failed": f"{type(error).__name__}: {error}"[:200]}), flush=True)


def without_parts_of_speech() -> None:
    """ReAGent downloads a tagger; here any token may take another's place, which costs the same."""
    from inseq.attr.feat.ops.reagent_core.token_sampler import POSTagTokenSampler

    def build(*_, tokenizer, **__):
        return {"any": list(range(tokenizer.vocab_size))}

    POSTagTokenSampler.build_pos_mapping_from_vocab = staticmethod(build)


def answer(model, request: dict) -> None:
    options = dict(request["options"])
    if model.is_encoder_decoder:
        options["attribute_target"] = request["method"] != "lime"  # which has it not
        output = request["output"]
    else:
        output = f"{request['prompt']} {request['output']}"
    if "nodes" in request:  # the same random points on both sides
        np.random.uniform = lambda low, high, count: np.array(request["nodes"][:count])
    quiet = {"show_progress": False, "pretty_progress": False}
    # Naming the method again would load it anew, without its layer.
    results = []
    request["seconds"] = cpu_seconds(
        lambda: results.append(model.attribute(request["prompt"], output, **quiet, **options))
    )
    if request.get("save"):
        first = results[0].sequence_attributions[0]
        arrays = {"ids": np.array([token.id for token in first.target])}
        if first.target_attributions is not None:
            arrays["target"] = first.target_attributions.numpy()
        if first.source_attributions is not None:
            arrays["source"] = first.source_attributions.numpy()
        arrays |= {f"step_{name}": values.numpy() for name, values in first.step_scores.items()}
        np.savez(request["save"], **arrays)


def reliance(model, request: dict) -> None:
    """The whole of attribute-context, as its command runs it."""
    from inseq.commands.attribute_context.attribute_context import attribute_context_with_model
    from inseq.commands.attribute_context.attribute_context_args import AttributeContextArgs

    options = {
        "model_name_or_path": request["folder"],
        "attribution_method": request["method"],
        "input_context_text": request["context"],
        "input_current_text": request["prompt"],
        "output_current_text": request["output"],
        "show_viz": False,
    }
    arguments = AttributeContextArgs(**options, **request["options"])
    results = []
    request["seconds"] = cpu_seconds(lambda: results.append(attribute_context_with_model(arguments, model)))
    if request.get("save"):
        with open(request["save"], "w") as file:
            json.dump(results[0].to_dict() | {"info": None}, file)


if __name__ == "__main__":
    main()
