"""ContrastMap: why this word and not that one. Importing this does not import Gradio."""


def __getattr__(name: str):
    if name == "ContrastMap":
        from components.contrastive.component import ContrastMap

        return ContrastMap
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
