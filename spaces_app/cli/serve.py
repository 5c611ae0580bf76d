"""The command that serves the page."""

from __future__ import annotations

import argparse
import os

from spaces_app.errors import AppError


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the subparsers of the command line."""
    serve = commands.add_parser("serve", help="Serve the page, by default on http://127.0.0.1:7860.")
    serve.add_argument("--port", type=_port, metavar="N", help="Without it, GRADIO_SERVER_PORT or the first free port.")
    serve.add_argument("--host", metavar="NAME", help="Address to listen on; 0.0.0.0 opens the page to the network.")
    serve.add_argument("--share", action="store_true", help="Give the page a public address through Gradio's tunnel.")
    serve.add_argument("--open", action="store_true", help="Open the page in a browser.")
    serve.set_defaults(action=_serve)


def _port(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r:.20} is no port: a number from 1 to 65535")
    return int(text)


def _serve(parsed: argparse.Namespace) -> int:
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # Gradio reads this when it is imported
    if parsed.host:  # read by Gradio and by the guard of the page
        os.environ["GRADIO_SERVER_NAME"] = parsed.host
    if parsed.share:
        os.environ["GRADIO_SHARE"] = "true"
    from spaces_app.ui.app import build

    demo, arguments = build()
    try:
        demo.launch(server_port=parsed.port, inbrowser=parsed.open, **arguments)
    except OSError as error:
        where = f"port {parsed.port}" if parsed.port else "any port that was tried"
        raise AppError(
            f"the page cannot be served on {where} ({type(error).__name__}).",
            hint="Another program may be using it; choose another with --port.",
        ) from error
    return 0
