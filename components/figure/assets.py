"""A figure's script and style as text, for the app and for stand-alone pages. Imports nothing, Gradio included."""

from __future__ import annotations

import base64
import functools
import json
import zlib
from dataclasses import dataclass
from pathlib import Path

COMPONENTS = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Assets:
    """The files of one figure, in the order they are joined; paths are relative to the folder of all components.

    `name` is where the script puts the figure (`Seqscope.<name>`), `root_class` the class of the element it draws
    into; its first word names the figure, any further ones are classes whose rules it takes over. `exports` are the
    functions that other scripts may call.
    """

    name: str
    root_class: str
    scripts: tuple[str, ...]
    styles: tuple[str, ...]
    exports: tuple[str, ...] = ("mount", "parseState", "formatState", "parsePins")

    @property
    def selector(self) -> str:
        """A selector of the figure's root element."""
        return "." + self.root_class.split()[0]

    @functools.lru_cache  # noqa: B019  (there are as many of these as components)
    def script(self) -> str:
        """Plain JavaScript that defines `Seqscope.<name>`, once however often it runs."""
        body = "\n".join(slim(path) for path in self.scripts)
        return (
            "window.Seqscope = window.Seqscope || {};\n"
            f"window.Seqscope.{self.name} = window.Seqscope.{self.name} || (function () {{\n"
            f'"use strict";\n{body}\nreturn {{ {", ".join(self.exports)} }};\n}})();\n'
        )

    @functools.lru_cache  # noqa: B019
    def style(self) -> str:
        """Plain CSS; every selector begins with a class of the figure's root element."""
        return "\n".join(slim(path) for path in self.styles)

    @functools.lru_cache  # noqa: B019
    def packed(self) -> str:
        """Script and style as base64 of raw deflate of a JSON pair, for pages that are sent uncompressed.

        Gradio repeats a component's script for each instance and does not compress the page: as they are, the two
        would take 100 KB for a token heatmap, packed they take 39 KB.
        """
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        pair = json.dumps([self.script(), self.style()], ensure_ascii=False).encode("utf-8")
        return base64.b64encode(deflate.compress(pair) + deflate.flush()).decode("ascii")


def slim(path: str) -> str:
    """A file without indentation, blank lines and whole-line comments: about a quarter less to send.

    Lines are kept apart and never joined, so this is safe for any file without multi-line strings; a test checks
    that there are none.
    """
    lines = (line.strip() for line in (COMPONENTS / path).read_text(encoding="utf-8").splitlines())
    comment = ("//", "/*")
    return "\n".join(line for line in lines if line and not line.startswith(comment))
