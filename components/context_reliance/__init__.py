"""ContextReliance: which words of an answer depend on its context. Importing this does not import Gradio."""

from ..figure.package import lazily

__getattr__ = lazily(__name__, "ContextReliance")
