"""What every figure has in common: how its script and style reach the page. Importing this does not import Gradio."""
