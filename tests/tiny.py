"""The slow way to compute what the engine computes, and small models for what no family has.

Behind the functions here are only the model and autograd: nothing of the engine, one target and one pass at a time.
"""

from __future__ import annotations

from types import SimpleNamespace

import torch
import transformers
from torch import nn


def sequence(lm, n_prompt: int = 5, n_generated: int = 6, n_source: int = 7) -> tuple:
    """(source, prompt, generated) ids: ordinary tokens, and special ones where they belong."""
    barred = {lm.facts.bos_id, lm.facts.pad_id, lm.facts.unk_id, lm.facts.mask_id, *lm.facts.eos_ids}
    numbers = [(17 + 7 * i * i + 3 * i) % lm.facts.d_vocab for i in range(200)]
    numbers = [number for number in numbers if number not in barred]
    if not lm.facts.encoder_decoder:
        return (), tuple(numbers[:n_prompt]), tuple(numbers[n_prompt : n_prompt + n_generated])
    source = (*numbers[: n_source - 1], lm.facts.eos_ids[0])
    return source, tuple(lm.decoder_start), tuple(numbers[30 : 30 + n_generated])


def step_by_step(lm, ids: tuple, score) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(values (G,), gradients (G, n_inputs, D), embeds (n_inputs, D)): a forward and a backward pass per target."""
    steps = [one_step(lm, ids, step, score) for step in range(len(ids[2]))]
    return torch.stack([step[0] for step in steps]), torch.stack([step[1] for step in steps]), steps[-1][2]


def one_step(lm, ids: tuple, step: int, score, embeds: torch.Tensor | None = None) -> tuple:
    """The score of one target from the tokens before it alone, its gradient (n_inputs, D), and the embeddings read.

    `embeds` (n_inputs, D) takes the place of the inputs' own.
    """
    source, prompt, generated = (list(part) for part in ids)
    n_inputs = len(source) + len(prompt) + len(generated) - 1
    leaves: list[torch.Tensor] = []

    def at(start: int):
        def hook(_module, _inputs, output):
            own = output if embeds is None else embeds[None, start : start + output.shape[1]]
            leaves.append(own.detach().clone().requires_grad_())
            return leaves[-1]

        return hook

    model, read = lm.model, torch.tensor([prompt + generated[:step]])
    with torch.enable_grad():
        if source:
            with _hooked(model.get_encoder().get_input_embeddings(), at(0)):
                states = model.get_encoder()(input_ids=torch.tensor([source])).last_hidden_state
            with _hooked(model.get_decoder().get_input_embeddings(), at(len(source))):
                output = model(encoder_outputs=(states,), decoder_input_ids=read, use_cache=False)
        else:
            with _hooked(model.get_input_embeddings(), at(0)):
                output = model(input_ids=read, use_cache=False)
        value = score(output.logits[0, -1], torch.tensor(generated[step]))
        parts = torch.autograd.grad(value, leaves)
    gradient = torch.zeros((n_inputs, parts[0].shape[-1]), dtype=parts[0].dtype)
    joined = torch.cat([part[0] for part in parts])
    gradient[: len(joined)] = joined
    return value.detach(), gradient, torch.cat([leaf.detach()[0] for leaf in leaves])


class _hooked:
    def __init__(self, module: nn.Module, hook):
        self.module, self.hook = module, hook

    def __enter__(self):
        self.handle = self.module.register_forward_hook(self.hook)

    def __exit__(self, *_):
        self.handle.remove()


def wrapped(model: nn.Module, **facts):
    """What the engine reads of a LoadedModel, around any causal model; a token's text is its number."""
    config = model.config
    known = {
        "encoder_decoder": False,
        "n_layers": getattr(config, "num_hidden_layers", 1),
        "n_heads": getattr(config, "num_attention_heads", 1),
        "d_model": config.hidden_size,
        "d_vocab": config.vocab_size,
        "max_positions": None,
        "max_source_positions": None,
        "eos_ids": (2,),
        "pad_id": 0,
        "bos_id": 1,
        "unk_id": 3,
        "mask_id": None,
        "n_params": sum(weight.numel() for weight in model.parameters()),
    }
    model = model.eval().requires_grad_(False)
    dtype = next(model.parameters()).dtype
    return SimpleNamespace(
        model=model, facts=SimpleNamespace(**(known | facts)), device=torch.device("cpu"), dtype=dtype
    )


def random(kind: str, config: str, *, seed: int = 3, spread: float = 4.0, dtype=torch.float32, **options):
    """A random model of a transformers class, the same at every call, with weights large enough to see differences."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = getattr(transformers, kind)(getattr(transformers, config)(**options))
    for weight in model.parameters():
        if weight.ndim > 1:
            weight.data.mul_(spread)
    return wrapped(model.to(dtype))


def gpt2(**options):
    """A random GPT-2 of two layers."""
    sizes = {"vocab_size": 61, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
    return random("GPT2LMHeadModel", "GPT2Config", **({"attn_implementation": "eager"} | sizes | options))


class LinearModel(nn.Module):
    """A language model whose logits are a plain sum: logits at position i are Σ_{j ≤ i} weights · embedding_j.

    The embedding of id k is row k of `table`, so what each token contributes to a logit is known by hand.
    """

    def __init__(self, table, weights):
        super().__init__()
        self.table = nn.Embedding.from_pretrained(torch.tensor(table, dtype=torch.float32))
        self.head = nn.Linear(len(table[0]), len(weights), bias=False)
        self.head.weight.data = torch.tensor(weights, dtype=torch.float32)
        self.config = transformers.PretrainedConfig(
            hidden_size=len(table[0]), vocab_size=len(table), num_hidden_layers=1, num_attention_heads=1
        )

    def get_input_embeddings(self) -> nn.Module:
        return self.table

    def get_output_embeddings(self) -> nn.Module:
        return self.head

    def forward(self, input_ids, use_cache=False, past_key_values=None):
        return SimpleNamespace(logits=self.head(self.table(input_ids).cumsum(1)))
