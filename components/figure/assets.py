"""A figure's script and style as text, for the app and for stand-alone pages. Imports nothing, Gradio included."""

from __future__ import annotations

import base64
import functools
import json
import zlib
from dataclasses import dataclass
from pathlib import Path

from .modules import joined
from .slimming import slim_style

COMPONENTS = Path(__file__).resolve().parent.parent
SHARED_STYLES = ("figure/style.css", "figure/pins.css")


@dataclass(frozen=True)
class Assets:
    """One figure's entry script and styles; paths are relative to the folder of all components.

    `name` is where the script puts the figure (`Seqscope.<name>`) with all that the entry exports: `mount` and what
    reads and writes states. `root_class` are the classes of the element it draws into, its own first. `styles` come
    after those that every figure has.
    """

    name: str
    root_class: str
    entry: str
    styles: tuple[str, ...] = ()

    @property
    def selector(self) -> str:
        """A selector of the figure's root element."""
        return "." + self.root_class.split()[0]

    @functools.lru_cache  # noqa: B019  (there are as many of these as components)
    def script(self) -> str:
        """Plain JavaScript that defines `Seqscope.<name>`, once however often it runs. Raises ModuleError."""
        script = joined(COMPONENTS / self.entry)
        return (
            "window.Seqscope = window.Seqscope || {};\n"
            f"window.Seqscope.{self.name} = window.Seqscope.{self.name} || (function () {{\n"
            f'"use strict";\n{script.body}\nreturn {{ {", ".join(script.exports)} }};\n}})();\n'
        )

    @functools.lru_cache  # noqa: B019
    def style(self) -> str:
        """Plain CSS; every selector begins with a class of the figure's root element."""
        paths = (*SHARED_STYLES, *self.styles)
        return "\n".join(slim_style((COMPONENTS / path).read_text(encoding="utf-8")) for path in paths)

    @functools.lru_cache  # noqa: B019
    def packed(self) -> str:
        """Script and style as base64 of raw deflate of a JSON pair, for pages that are sent uncompressed.

        Gradio repeats a component's script for each instance and does not compress the page: as they are, the two
        would take 100 KB for a token heatmap, packed they take 39 KB.
        """
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        pair = json.dumps([self.script(), self.style()], ensure_ascii=False).encode("utf-8")
        return base64.b64encode(deflate.compress(pair) + deflate.flush()).decode("ascii")
