"""ContextReliance: which words of an answer depend on its context. Importing this does not import Gradio."""


def __getattr__(name: str):
    if name == "ContextReliance":
        from components.context_reliance.component import ContextReliance

        return ContextReliance
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
