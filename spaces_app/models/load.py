"""From files on this disk to a LoadedModel, and nothing else: the one place that calls from_pretrained."""

from __future__ import annotations

import copy
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import transformers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.activations import ACT2FN, FastGELUActivation, NewGELUActivation
from transformers.models.auto.auto_factory import _BaseAutoModelClass

from spaces_app.errors import AppError, ModelUnavailable, NotSupported, TooLarge
from spaces_app.models import checks, placement
from spaces_app.models.codec import Codec
from spaces_app.models.facts import facts_of, set_languages
from spaces_app.models.loaded import LoadedModel
from spaces_app.models.model_facts import Facts
from spaces_app.models.resolve import Source, fetch
from spaces_app.settings import Settings
from spaces_app.types import Tick

# Eager attention returns its weights, which analyses need, honours soft-capping (Gemma 2) and costs nothing here:
# 14M GPT-2, one CPU thread, forward of 32 tokens 16.6 ms (sdpa 20.0), of 50 x 32 tokens 442 (454), 20 gradients by
# one batched backward pass 252 (258).
ATTENTION = "eager"

MAX_TABLES = 2**26  # numbers in tables that are computed at load, such as sinusoidal positions

# Two loads at once leave weights on the meta device and the library patched (transformers issue 41782).
_LOADING = threading.Lock()

# Nothing below may reach the network, run code of a repository, or send a token.
_SAFE = {"trust_remote_code": False, "local_files_only": True, "token": False}


def load(source: Source, settings: Settings, tick: Tick) -> LoadedModel:
    """The model of `source`, on the best device there is, downloaded first if need be.

    Raises ModelUnavailable for damaged files, NotSupported for what is no language model, TooLarge for too little
    memory; never loads a model while another is being loaded.
    """
    source = fetch(source, settings, tick)
    assert source.path is not None
    transformers.utils.logging.disable_progress_bar()
    with _LOADING:
        tick(0, 3, f"Checking {source.id}")
        checks.check_config(source.config)
        if source.kind != "bundled":
            checks.check_tokenizer(source.path)
        if not checks.has_tokenizer(source.path):
            raise ModelUnavailable(f"{source.id!r:.100} comes without a tokenizer.", field="model")
        counts = checks.counts(source.path)
        with _clear_errors(source):
            config = AutoConfig.from_pretrained(source.path, attn_implementation=ATTENTION, **_SAFE)
            family = _family(config)
            skeleton = _skeleton(family, config, sum(counts.values()))
        gpus, cpu = placement.free_memory()
        reserve = 2 * settings.chunk_mb * 2**20
        place = placement.place(skeleton, checks.stored_type(counts), gpus=gpus, cpu=cpu, reserve=reserve)
        tick(1, 3, f"Loading {source.id}")
        with _clear_errors(source):
            model = _weights(family, source, config, place)
            tick(2, 3, f"Loading the tokenizer of {source.id}")
            tokenizer = AutoTokenizer.from_pretrained(source.path, **_SAFE)
        return _assemble(source, model, tokenizer, place)


def _family(config: PretrainedConfig) -> type[_BaseAutoModelClass]:
    """The auto class for a configuration: decoder-only or encoder-decoder, by what the configuration says."""
    family = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    if type(config) not in family._model_mapping:
        raise NotSupported(
            f"models of type {config.model_type!r:.40} do not write text.",
            hint="Choose a causal language model or a translation or summarization model.", field="model",
        )  # fmt: skip
    return family


def _skeleton(family: type[_BaseAutoModelClass], config: PretrainedConfig, stored: int) -> PreTrainedModel:
    """The model without weights. Raises ModelUnavailable when it would need weights the files do not have."""
    with torch.device("meta"):
        skeleton = family.from_config(copy.deepcopy(config), attn_implementation=ATTENTION, trust_remote_code=False)
    needed = sum(parameter.numel() for parameter in skeleton.parameters() if parameter.requires_grad)
    # Position tables that follow from a formula are in no file, but are made all the same.
    tables = [parameter for parameter in skeleton.parameters() if not parameter.requires_grad]
    made = sum(item.numel() for item in [*tables, *skeleton.buffers()])
    if made > MAX_TABLES:
        raise TooLarge(f"the model's tables have {made:,} numbers, more than {MAX_TABLES:,}.", field="model")
    if needed > 1.02 * stored:
        raise ModelUnavailable(
            f"the model's configuration asks for {needed:,} weights, and its files hold {stored:,}.", field="model"
        )
    return skeleton


def _weights(
    family: type[_BaseAutoModelClass], source: Source, config: PretrainedConfig, place: placement.Placement
) -> PreTrainedModel:
    options: dict[str, Any] = {}
    folder: str | None = None
    if place.device_map is not None:
        options["device_map"] = place.device_map
    if place.offloaded:
        options["offload_folder"] = folder = tempfile.mkdtemp(prefix="seqscope-offload-")
    assert source.path is not None
    model, report = family.from_pretrained(
        source.path,
        config=config,  # read again from the file, its own choice of attention would win over ours
        dtype=place.dtype,
        attn_implementation=ATTENTION,
        use_safetensors=True,
        output_loading_info=True,
        **_SAFE,
        **options,
    )
    wrong = [*report["missing_keys"], *report["mismatched_keys"]]
    if wrong:
        raise ModelUnavailable(
            f"{len(wrong)} of the model's weights are missing or of the wrong shape ({str(wrong[0])[:60]}).",
            field="model",
        )
    if folder is not None:
        weakref.finalize(model, shutil.rmtree, folder, ignore_errors=True)
    _fuse_activations(model)
    model.eval()
    return model.requires_grad_(False)


def _fuse_activations(model: PreTrainedModel) -> None:
    """GELU by its tanh formula in one operation where a model spells it out in eight; the same within rounding.

    A forward pass of a 14 M GPT-2 over 140 tokens takes 7 % less.
    """
    for module in list(model.modules()):
        for name, part in list(module.named_children()):
            if isinstance(part, FastGELUActivation | NewGELUActivation):
                setattr(module, name, ACT2FN["gelu_pytorch_tanh"])


def _assemble(
    source: Source, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, place: placement.Placement
) -> LoadedModel:
    named = [getattr(model.generation_config, f"{role}_token_id", None) for role in ("forced_bos", "decoder_start")]
    languages = set_languages(tokenizer, *named) if model.config.is_encoder_decoder else ()
    facts = facts_of(model, tokenizer, languages)
    return LoadedModel(
        id=source.id,
        revision=source.revision,
        model=model,
        tokenizer=tokenizer,
        facts=facts,
        device=_device(model, place),
        dtype=place.dtype,
        n_bytes=_n_bytes(model),
        source=source,
        codec=Codec.of(tokenizer, facts),
        attention=ATTENTION,
        placement=place.label,
        notes=_notes(source, facts, tokenizer, place),
    )


def _device(model: PreTrainedModel, place: placement.Placement) -> torch.device:
    """Where ids go: the device of the input embeddings or, when that is only their store, the one that computes."""
    if not place.offloaded:
        weight = model.get_input_embeddings().weight
        assert isinstance(weight, torch.Tensor)
        return weight.device
    gpus = [device for device in getattr(model, "hf_device_map", {}).values() if isinstance(device, int)]
    return torch.device("cuda", min(gpus)) if gpus else torch.device("cpu")


def _notes(
    source: Source, facts: Facts, tokenizer: PreTrainedTokenizerBase, place: placement.Placement
) -> tuple[str, ...]:
    notes = []
    if facts.languages:
        notes.append(f"Translates from {facts.languages[0]} to {facts.languages[1]}, the tokenizer's languages.")
    if not tokenizer.is_fast:
        notes.append("The model's tokenizer is the slow kind; long texts take a little longer.")
    if place.offloaded:
        notes.append("The model does not fit on the GPU; only methods without gradients are possible.")
    return tuple(notes)


def _n_bytes(model: PreTrainedModel) -> int:
    """Bytes of weights and buffers, each counted once."""
    held = {item.data_ptr() or id(item): item.nbytes for item in [*model.parameters(), *model.buffers()]}
    return sum(held.values())


@contextmanager
def _clear_errors(source: Source) -> Iterator[None]:
    """Turns what the libraries raise over a model's files into one sentence."""
    try:
        yield
    except AppError:
        raise
    except ImportError as error:
        package = "sentencepiece" if "sentencepiece" in str(error).lower() else "one that is not installed"
        raise NotSupported(f"{source.id!r:.100} needs another package: {package}.", field="model") from error
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise TooLarge(f"{source.id!r:.100} needs more memory than there is.", field="model") from error
    except Exception as error:  # damaged files make the libraries raise anything
        if "allocate memory" in str(error):
            raise TooLarge(f"{source.id!r:.100} needs more memory than there is.", field="model") from error
        # Their own messages name paths and offer remedies that do not work here.
        raise ModelUnavailable(
            f"{source.id!r:.100} could not be loaded ({type(error).__name__}).",
            hint="Its files may be damaged, or of a kind this version of transformers does not know.", field="model",
        ) from error  # fmt: skip
