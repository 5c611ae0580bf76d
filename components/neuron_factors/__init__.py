"""NeuronFactors: which groups of neurons are active where. Importing this does not import Gradio."""

from ..figure.package import lazily

__getattr__ = lazily(__name__, "NeuronFactors")
