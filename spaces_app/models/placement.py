"""Where a model's weights go and in which type they are computed. Decides; moves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import infer_auto_device_map
from transformers import PreTrainedModel

from spaces_app.errors import TooLarge
from spaces_app.models import checks

_TYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@dataclass(frozen=True)
class Placement:
    """`device_map` is what from_pretrained takes, None for plain CPU; `label` says it to people."""

    label: str
    device_map: dict | None
    dtype: torch.dtype

    @property
    def offloaded(self) -> bool:
        return self.label == "offload"


def free_memory() -> tuple[dict[int, int], int]:
    """Free bytes of each GPU, and of the computer or of the container this runs in, whichever are fewer."""
    gpus = {i: torch.cuda.mem_get_info(i)[0] for i in range(torch.cuda.device_count())}
    free = 2**62  # where nothing is known, the budget for models still holds
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text(encoding="ascii"))  # "max", a ValueError, means no limit
        used = int((group / "memory.current").read_text(encoding="ascii"))
        stat = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
        free = min(free, limit - used + int(stat.get("inactive_file", 0)))  # cached files give way
    except (OSError, ValueError, StopIteration):
        pass
    return gpus, free


def place(skeleton: PreTrainedModel, stored: str, *, gpus: Mapping[int, int], cpu: int, reserve: int) -> Placement:
    """Where `skeleton` (on the meta device) goes: one GPU, several, the CPU, or CPU and disk as a last resort.

    stored: the safetensors type of the files; gpus, cpu: free bytes; `reserve` is kept for the analysis. Raises
    TooLarge when even the last resort is too small.
    """
    n_elements = sum(parameter.numel() for parameter in skeleton.parameters())
    dtype = _TYPES[checks.compute_type(stored, n_elements, on_gpu=bool(gpus))]
    n_bytes = n_elements * dtype.itemsize
    for index, free in sorted(gpus.items(), key=lambda item: -item[1]):
        if n_bytes * 1.05 + reserve <= free * 0.9:
            return Placement(f"cuda:{index}", {"": index}, dtype)
    split = list(skeleton._no_split_modules or [])
    if len(gpus) > 1:
        memory: dict[int | str, int] = {index: int(free * 0.75) for index, free in gpus.items()}
        found = infer_auto_device_map(
            skeleton, max_memory={**memory, "cpu": n_bytes}, no_split_module_classes=split, dtype=dtype
        )
        if all(isinstance(device, int) for device in found.values()):
            label = "+".join(f"cuda:{index}" for index in sorted(set(found.values())))
            return Placement(label, dict(found), dtype)
    dtype = _TYPES[checks.compute_type(stored, n_elements)]
    n_bytes = n_elements * dtype.itemsize
    # Weights that stay mapped from disk can be dropped from memory at any time; converted ones cannot.
    if n_bytes <= cpu * 0.9 or (dtype == _TYPES.get(stored) and n_bytes <= cpu * 2):
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
