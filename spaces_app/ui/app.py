"""The whole page: panels from the table of tabs, the public API, and how it is served."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import gradio as gr
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings
from spaces_app.tabs import TABS
from spaces_app.ui.page import messages
from spaces_app.ui.page.comparing import Comparing
from spaces_app.ui.page.open_link import lister, opener, picker
from spaces_app.ui.page.panel import COMPUTING, INSTANT, Panel
from spaces_app.ui.page.script_widget import ScriptWidget
from spaces_app.ui.server.api import endpoint
from spaces_app.ui.server.asset_cache import Delivery
from spaces_app.ui.server.embed import Embeds
from spaces_app.ui.server.first_paint import early
from spaces_app.ui.server.guard import LOCAL_HOSTS, Guard
from spaces_app.ui.server.listeners import Listeners, Listening
from spaces_app.ui.server.starting import Starting
from spaces_app.ui.server.warm import WarmUp
from spaces_app.ui.theme import css, theme

POLL = 0.01  # seconds between looks at an empty queue; Gradio's own 0.001 keep an idle server at 9 % of a core


def build_app(settings: Settings, runner: Runner, listeners: Listeners) -> gr.Blocks:
    """The page as Gradio Blocks, not yet served. Imports no torch and computes nothing.

    `listeners` are those that `launch_arguments` is given: API calls that nobody waits for are stopped by them.
    """
    with gr.Blocks(title=messages.NAME, analytics_enabled=False, fill_width=True) as demo:
        address = ScriptWidget("address", {"hub": bool(settings.space_id)}, shown=False)
        with gr.Row(elem_classes=["seq-top"]):
            gr.HTML(f"<h1>{messages.NAME}</h1><p>{messages.TAGLINE}</p>", elem_classes=["seq-header"])
            examples = ScriptWidget("overview", {})
        ScriptWidget("private-link")
        with gr.Tabs(overflow_behavior="wrap", elem_classes=["seq-tabs"]) as tabs:
            panels = [Panel(tab, runner, settings) for tab in TABS.values()]
            comparing = Comparing(runner, settings)
        outputs = [address, tabs, *(output for panel in panels for output in panel.outputs)]
        by_name = {name: panel for panel in panels for name in panel.tab.views}
        # A second link may follow while the first is being answered.
        opened = [*outputs, *comparing.outputs]
        address.link(opener(address, tabs, by_name, comparing), None, opened, trigger_mode="multiple", **INSTANT)
        comparing.wire(**INSTANT)
        examples.ask(lister(panels), None, [examples], **INSTANT)
        examples.pick(picker(tabs, panels), None, outputs, **INSTANT)
        base = f"https://huggingface.co/spaces/{settings.space_id}" if settings.space_id else ""
        for panel in panels:
            panel.join(tabs, by_name)
        for panel in panels:
            panel.wire()
            for name, view in panel.tab.views.items():
                gr.api(endpoint(view.analysis, runner, listeners, base), api_name=name, **COMPUTING)
    demo.queue(max_size=settings.queue, api_open=False)
    demo._queue.sleep_when_free = POLL
    return demo


def launch_arguments(settings: Settings, runner: Runner, listeners: Listeners) -> dict:
    """What `demo.launch` is called with. Host and port come from GRADIO_SERVER_NAME and GRADIO_SERVER_PORT."""
    return {
        "ssr_mode": False,  # a Node proxy in front would answer our routes itself and drop our headers
        "enable_monitoring": False,
        "show_error": False,
        "run_history": False,
        # Gradio would fetch its own page, and exit when that takes 3 s, as on a busy machine. That its server can be
        # reached it has found out by then, with a request that may take its time.
        "_frontend": False,
        "pwa": False,
        "max_file_size": "1kb",
        "mcp_server": importlib.util.find_spec("mcp") is not None,
        "footer_links": ["api"],
        "favicon_path": Path(__file__).parent / "favicon.svg",
        "theme": theme(),
        "css": css(),
        "app_kwargs": {
            "middleware": [
                Middleware(Guard, hosts=hosts(settings), frames=frames(settings)),
                Middleware(Starting),
                Middleware(Listening, listeners=listeners),
                Middleware(WarmUp, start=runner.start),
                Middleware(Delivery, early=early()),
            ],
            "openapi_url": None,
            "routes": [Route("/gradio.js", _web_component), *Embeds(runner, settings).routes()],
        },
    }


def build() -> tuple[gr.Blocks, dict]:
    """The page with the settings of the environment, and the arguments to launch it with."""
    settings = Settings.from_env()
    runner = Runner(settings)  # loads the plugins, before the page lists what there is
    listeners = Listeners()
    return build_app(settings, runner, listeners), launch_arguments(settings, runner, listeners)


def hosts(settings: Settings) -> frozenset[str]:
    """Names this page answers to; empty means any: behind a proxy or tunnel, or when opened to the network."""
    name = os.environ.get("GRADIO_SERVER_NAME", "").lower()
    shared = os.environ.get("GRADIO_SHARE", "").lower() == "true"
    if settings.space_id or shared or name in {"0.0.0.0", "::", "[::]"}:
        return frozenset()
    return LOCAL_HOSTS | {name} if name else LOCAL_HOSTS


def frames(settings: Settings) -> str:
    """Who may frame the page, as its policy says: anybody on a Space, whose pages are shown in frames; else nobody.

    A page in a frame runs what its link asks, so any website could make a page on this computer work.
    """
    return settings.frames or ("*" if settings.space_id else "'self'")


async def _web_component(request: Request) -> Response:
    """The script that defines <gradio-app>, for pages that embed this one: Gradio ships it but has no route for it."""
    script = Path(gr.__file__).parent / "templates" / "frontend" / "gradio.js"
    return Response(script.read_bytes(), media_type="text/javascript", headers={"Cache-Control": "no-cache"})
