"""TokenHeatmap: see which earlier tokens each generated one relies on. Importing this does not import Gradio."""

from ..figure.package import lazily

__getattr__ = lazily(__name__, "TokenHeatmap")
