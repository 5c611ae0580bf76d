"""TokenHeatmap: see which earlier tokens each generated one relies on. Importing this does not import Gradio."""


def __getattr__(name: str):
    if name == "TokenHeatmap":
        from components.token_heatmap.component import TokenHeatmap

        return TokenHeatmap
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
