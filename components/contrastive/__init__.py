"""ContrastMap: why this word and not that one. Importing this does not import Gradio."""

from ..figure.package import lazily

__getattr__ = lazily(__name__, "ContrastMap")
