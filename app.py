"""The Space and the local app: `python app.py` serves the page on http://127.0.0.1:7860."""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from spaces_app.ui.app import build  # noqa: E402  (Gradio reads the variable above when it is imported)

demo, arguments = build()

if __name__ == "__main__":
    demo.launch(**arguments)
