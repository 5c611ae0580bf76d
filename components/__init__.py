"""Custom Gradio components: one folder each, plain script and style, no build step. They import Gradio alone."""
