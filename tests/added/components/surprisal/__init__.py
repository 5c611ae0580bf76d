"""Surprisal: a bar for each token that was written. Importing this does not import Gradio."""

from components.figure.package import lazily

__getattr__ = lazily(__name__, "Surprisal")
