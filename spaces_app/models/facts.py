"""Facts of a model, asked of its modules, configuration and tokenizer; never looked up by its name."""

from __future__ import annotations

import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from spaces_app.errors import NotSupported
from spaces_app.models.model_facts import Facts


def facts_of(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, languages: tuple[str, ...] = ()) -> Facts:
    """The facts of a model and the tokenizer beside it; `languages` are those it was set to translate between."""
    config = model.config.get_text_config()
    encoder_decoder = bool(config.is_encoder_decoder)
    decoder = model.get_decoder()
    encoder = model.get_encoder() if encoder_decoder else None
    table = _embedding(model, decoder).weight
    assert isinstance(table, torch.Tensor)
    d_vocab = table.shape[0]
    start, forced = output_start(model, tokenizer, languages, d_vocab) if encoder_decoder else (None, None)
    return Facts(
        encoder_decoder=encoder_decoder,
        n_layers=len(blocks(decoder)),
        n_encoder_layers=len(blocks(encoder)) if encoder is not None else 0,
        n_heads=_n_heads(decoder, config),
        d_model=config.hidden_size,
        d_vocab=d_vocab,
        max_positions=_max_positions(decoder, config),
        max_source_positions=_max_positions(encoder, config) if encoder is not None else None,
        gated_mlp=_gated_mlp(blocks(decoder)[0]),
        decoder_start_id=start,
        forced_bos_id=forced,
        eos_ids=_eos_ids(model, tokenizer, d_vocab),
        pad_id=_id(model, "pad_token_id", d_vocab, tokenizer.pad_token_id),
        bos_id=_id(model, "bos_token_id", d_vocab, tokenizer.bos_token_id),
        unk_id=_inside(tokenizer.unk_token_id, d_vocab),
        mask_id=_inside(tokenizer.mask_token_id, d_vocab),
        n_params=sum(parameter.numel() for parameter in model.parameters()),
        languages=languages,
    )


def blocks(stack: nn.Module) -> nn.ModuleList:
    """The transformer blocks of an encoder or decoder, in order. Raises NotSupported when there are none."""
    level = [stack]
    while level:
        children = [child for module in level for child in module.children()]
        lists = [child for child in children if isinstance(child, nn.ModuleList) and len(child)]
        if lists:
            return max(lists, key=len)
        level = children
    raise NotSupported("this model is not built of transformer blocks.", field="model")


def output_start(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, languages: tuple[str, ...], d_vocab: int
) -> tuple[int, int | None]:
    """(decoder start, first token forced behind it or None), as `model(labels=…)` and `generate` begin an output.

    A model that takes the last label for the decoder start (mBART, PLBart) begins with the language alone where the
    tokenizer ends labels with its tag. Raises NotSupported for a model that does not say how its output begins.
    """
    if _starts_with_last_label(model):
        text = tokenizer(text_target="a", add_special_tokens=False, verbose=False)["input_ids"]
        last = tokenizer(text_target="a", verbose=False)["input_ids"][-1]
        if last not in (tokenizer.eos_token_id, *text) and _inside(last, d_vocab) is not None:
            return last, None
    start = _id(model, "decoder_start_token_id", d_vocab)
    if start is None:  # what transformers itself does
        start = _id(model, "bos_token_id", d_vocab, tokenizer.bos_token_id)
    if start is None:
        raise NotSupported("this model does not say how its output begins.", field="model")
    if languages:
        return start, _inside(language_id(tokenizer, languages[1]), d_vocab)
    return start, _id(model, "forced_bos_token_id", d_vocab)


def _starts_with_last_label(model: PreTrainedModel) -> bool:
    """Whether the model itself begins an output with the last of its labels, rather than always with the same id."""
    shift = getattr(model, "prepare_decoder_input_ids_from_labels", None)
    pad = getattr(model.config.get_text_config(), "pad_token_id", None)
    first, second = [token_id for token_id in range(3) if token_id != pad][:2]
    try:
        starts = shift(torch.tensor([[first, second], [second, first]]))[:, 0].tolist() if shift else []
    except (AttributeError, RuntimeError, TypeError, ValueError):  # a configuration too bare for labels
        return False
    return starts == [second, first]


def set_languages(tokenizer: PreTrainedTokenizerBase, *named: int | None) -> tuple[str, ...]:
    """(source, target) of a tokenizer for many languages, which is set to them; () for any other tokenizer.

    The target is the first of the ids `named` that is a language's tag (what the model's configuration forces, or
    starts with), else the tokenizer's own. Many models name neither; then it is French, or English when the source is
    French, if the model knows it.
    """
    source = getattr(tokenizer, "src_lang", None)
    if not source or not hasattr(tokenizer, "tgt_lang"):
        return ()
    # Codes are written "fr", "fr_XX" or "fra_Latn", depending on the family.
    french, english = {2: ("fr", "en"), 5: ("fr_XX", "en_XX")}.get(len(source), ("fra_Latn", "eng_Latn"))
    tags = [str(tokenizer.convert_ids_to_tokens(token_id)) for token_id in named if token_id is not None]
    wanted = [form for tag in tags for form in (tag, tag.strip("_"))]
    for target in (*wanted, tokenizer.tgt_lang, english if source == french else french):
        if target and alike(target, source) and language_id(tokenizer, target) is not None:
            tokenizer.tgt_lang = target
            return (source, target)
    return ()


def alike(language: str, other: str) -> bool:
    """Whether two languages are written alike: codes of one length, or tags such as __python__ and __en_XX__."""
    tags = [text.startswith("__") and text.endswith("__") for text in (language, other)]
    return all(tags) or (not any(tags) and len(language) == len(other))


def language_id(tokenizer: PreTrainedTokenizerBase, language: str) -> int | None:
    """The id of the tag of a language, which is "__fr__" for "fr" and the code itself for longer codes."""
    tag = f"__{language}__" if len(language) == 2 else language
    token_id = tokenizer.convert_tokens_to_ids(tag)
    return token_id if isinstance(token_id, int) and token_id != tokenizer.unk_token_id else None


def _id(model: PreTrainedModel, name: str, d_vocab: int, otherwise: int | None = None) -> int | None:
    """A special token: what the generation config says, else the model's config, else the tokenizer."""
    for source in (model.generation_config, model.config.get_text_config()):
        value = getattr(source, name, None)
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, int):
            return _inside(value, d_vocab)
    return _inside(otherwise, d_vocab)


def _inside(token_id: int | None, d_vocab: int) -> int | None:
    """Tokenizers may name tokens the model has no embedding for; those do not exist here."""
    return token_id if token_id is not None and 0 <= token_id < d_vocab else None


def _eos_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, d_vocab: int) -> tuple[int, ...]:
    value = getattr(model.generation_config, "eos_token_id", None)
    if value is None:
        value = getattr(model.config.get_text_config(), "eos_token_id", None)
    if value is None:
        value = tokenizer.eos_token_id
    ids = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(item for item in ids if _inside(item, d_vocab) is not None))


def _embedding(model: PreTrainedModel, decoder: PreTrainedModel) -> nn.Module:
    return (decoder if model.config.is_encoder_decoder else model).get_input_embeddings()


def _n_heads(decoder: nn.Module, config: PretrainedConfig) -> int:
    for module in blocks(decoder)[0].modules():
        for name in ("num_heads", "n_heads", "num_attention_heads"):
            value = getattr(module, name, None)
            if isinstance(value, int) and value > 0:
                return value
    return config.num_attention_heads


def _max_positions(stack: nn.Module, config: PretrainedConfig) -> int | None:
    """The most positions a stack can take: what its configuration says and its position table holds."""
    limits = [getattr(config, "max_position_embeddings", None)]
    inner = {id(module) for module in blocks(stack).modules()}
    for name, module in stack.named_modules():
        # Tables computed on demand (M2M100) are no nn.Embedding and set no limit; learned ones may begin at an offset.
        if isinstance(module, nn.Embedding) and id(module) not in inner and _is_position(name.rpartition(".")[2]):
            limits.append(module.weight.shape[0] - getattr(module, "offset", 0))
    return min((limit for limit in limits if isinstance(limit, int) and limit > 0), default=None)


def _is_position(name: str) -> bool:
    return "pos" in name or name == "wpe"


def _gated_mlp(block: nn.Module) -> bool:
    """Whether the feed-forward part multiplies two projections, side by side or fused in one."""
    shapes: list[tuple[int, int]] = []  # (in, out) of each projection outside attention
    for name, module in block.named_modules():
        if "att" in name.lower() or not hasattr(module, "weight") or module.weight.dim() != 2:
            continue
        rows, columns = module.weight.shape
        shapes.append((columns, rows) if isinstance(module, nn.Linear) else (rows, columns))
    if not shapes:
        return any("gate" in name for name, _ in block.named_parameters())  # experts stored as one tensor
    width = shapes[-1][0]
    return sum(out for _, out in shapes[:-1]) >= 2 * width
