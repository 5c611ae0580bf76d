"""LayerGrid: a number for every layer and token. Importing this does not import Gradio."""


def __getattr__(name: str):
    if name == "LayerGrid":
        from components.layer_grid.component import LayerGrid

        return LayerGrid
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
