"""LayerGrid: a number for every layer and token. Importing this does not import Gradio."""

from ..figure.package import lazily

__getattr__ = lazily(__name__, "LayerGrid")
