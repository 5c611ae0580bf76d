"""What tests share: models of every family, a Hub on loopback, and no way to the real one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
# Small models are slower on more threads, and several test runs may share a machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A forgotten request fails at once instead of leaving the computer. Port 9 discards.
os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import pytest  # noqa: E402  (the lines above must come first)
from support import no_tick  # noqa: E402

from spaces_app.settings import Settings  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def _own_hub_cache(tmp_path_factory):
    os.environ["HF_HUB_CACHE"] = str(tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="session")
def family_folder(tmp_path_factory):
    """A function from a family's name to the folder of a tiny random model, made once."""
    import families

    base, made = tmp_path_factory.mktemp("families"), {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = families.make(name, base / name)
        return made[name]

    return folder


@pytest.fixture(scope="session")
def loaded_family(family_folder):
    """A function from a family's name to its LoadedModel, loaded once and read-only for tests."""
    from spaces_app.models.load import load
    from spaces_app.models.resolve import resolve

    settings, models = Settings(), {}

    def loaded(name: str):
        if name not in models:
            models[name] = load(resolve(str(family_folder(name)), settings), settings, no_tick)
        return models[name]

    return loaded


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A FakeHub with an empty cache on this disk, nothing remembered, and a token in the environment to leak."""
    from fake_hub import FakeHub

    from spaces_app.models import resolve
    from spaces_app.models.hub import client, quota

    with FakeHub() as fake:
        monkeypatch.setenv("HF_ENDPOINT", fake.url)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setenv("HF_TOKEN", "hf_canary")
        monkeypatch.setattr(client, "breaker", client.Breaker())
        monkeypatch.setattr(resolve, "_seen", {})
        monkeypatch.setattr(resolve, "_quota", quota.Quota())
        yield fake


# What can be run while one works: `pytest -m quick`.
QUICK = {
    "test_aggregate",
    "test_arrays",
    "test_components",
    "test_figure_table",
    "test_layers",
    "test_link",
    "test_modules",
    "test_published_links",
    "test_spec",
    "test_terminal_grids",
    "test_terminal_maps",
    "test_terminal_pairs",
    "test_tokens",
    "test_views",
}


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.stem in QUICK:
            item.add_marker(pytest.mark.quick)
