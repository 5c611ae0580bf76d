"""Where a model's weights go and in which type they are computed. Decides; moves nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from accelerate import infer_auto_device_map
from transformers import PreTrainedModel

from spaces_app.errors import TooLarge

SMALL = 500 * 10**6  # bytes up to which weights are computed in float32 whatever they are stored in
_TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64}


@dataclass(frozen=True)
class Placement:
    """`device_map` is what from_pretrained takes, None for plain CPU; `label` says it to people."""

    label: str
    device_map: dict | None
    dtype: torch.dtype

    @property
    def offloaded(self) -> bool:
        return self.label == "offload"


def stored_dtype(counts: Mapping[str, int]) -> torch.dtype:
    """The type most elements of a checkpoint have. counts: safetensors type → number of elements."""
    known = {name: count for name, count in counts.items() if name in _TYPES}
    return _TYPES[max(known, key=known.get)] if known else torch.float32


def compute_dtype(stored: torch.dtype, n_elements: int, *, on_gpu: bool = False) -> torch.dtype:
    """float32 for small models and for float16 ones, which overflow; else the stored type.

    Keeping the stored type on a CPU lets the weights stay mapped from disk: a 1 GB model then adds 3 MB of memory,
    while converting adds its whole size again. On a GPU, large float16 models become bfloat16.
    """
    if stored == torch.float64 or n_elements * stored.itemsize <= SMALL:
        return torch.float32
    if stored == torch.float16:
        return torch.bfloat16 if on_gpu else torch.float32
    return stored


def free_memory() -> tuple[dict[int, int], int]:
    """Free bytes of each GPU, and of the computer."""
    gpus = {i: torch.cuda.mem_get_info(i)[0] for i in range(torch.cuda.device_count())}
    try:
        cpu = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        with open("/proc/meminfo", encoding="ascii") as file:
            cpu = next((int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable")), cpu)
    except (OSError, ValueError, AttributeError):
        cpu = 2**62  # unknown here; the budget for models still holds
    return gpus, cpu


def place(
    skeleton: PreTrainedModel, stored: torch.dtype, *, gpus: Mapping[int, int], cpu: int, reserve: int
) -> Placement:
    """Where `skeleton` (on the meta device) goes: one GPU, several, the CPU, or CPU and disk as a last resort.

    gpus, cpu: free bytes; `reserve` is kept for the analysis. Raises TooLarge when even the last resort is too small.
    """
    n_elements = sum(parameter.numel() for parameter in skeleton.parameters())
    dtype = compute_dtype(stored, n_elements, on_gpu=bool(gpus))
    n_bytes = n_elements * dtype.itemsize
    for index, free in sorted(gpus.items(), key=lambda item: -item[1]):
        if n_bytes * 1.05 + reserve <= free * 0.9:
            return Placement(f"cuda:{index}", {"": index}, dtype)
    split = list(skeleton._no_split_modules or [])
    if len(gpus) > 1:
        memory = {index: int(free * 0.75) for index, free in gpus.items()}
        found = infer_auto_device_map(
            skeleton, max_memory={**memory, "cpu": n_bytes}, no_split_module_classes=split, dtype=dtype
        )
        if all(isinstance(device, int) for device in found.values()):
            label = "+".join(f"cuda:{index}" for index in sorted(set(found.values())))
            return Placement(label, dict(found), dtype)
    dtype = compute_dtype(stored, n_elements)
    n_bytes = n_elements * dtype.itemsize
    # Weights that stay mapped from disk can be dropped from memory at any time; converted ones cannot.
    if n_bytes <= cpu * 0.9 or (dtype == stored and n_bytes <= cpu * 2):
        return Placement("cpu", None, dtype)
    if gpus:
        memory = {index: int(free * 0.6) for index, free in gpus.items()}
        found = infer_auto_device_map(
            skeleton, max_memory={**memory, "cpu": int(cpu * 0.6)}, no_split_module_classes=split, dtype=dtype
        )
        return Placement("offload", dict(found), dtype)
    raise TooLarge(
        f"the model takes {n_bytes / 2**20:,.0f} MB of memory, and {cpu / 2**20:,.0f} MB are free.",
        hint="Choose a smaller model.", field="model",
    )  # fmt: skip
