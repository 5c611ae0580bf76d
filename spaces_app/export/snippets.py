"""What the share dialog copies: links, code for pages, Python, a command line, citations. Pure text from a result.

Every text in it may be a stranger's, so each snippet quotes by the rules of the place it is pasted into.
"""

from __future__ import annotations

import html
import re
import shlex
from dataclasses import dataclass

from spaces_app.errors import AppError, SpecError
from spaces_app.export.citation import apa, bibtex
from spaces_app.export.formats import heading, still
from spaces_app.link import to_link
from spaces_app.results import Result
from spaces_app.spec import Spec

_COMFORTABLE = 2000  # characters of an address that every server, editor and chat takes
# Sets the height that the figure in the frame reports; only the frame that sent it is changed.
_SIZING = (
    '<script>addEventListener("message",(event)=>{const height=Number(event.data&&event.data.height);'
    'if(!event.data||event.data.type!=="seqscope:height"||!(height>0))return;'
    'document.querySelectorAll("iframe").forEach((frame)=>{if(frame.contentWindow===event.source)'
    'frame.style.height=Math.min(height,5000)+"px"})})</script>'
)


@dataclass(frozen=True)
class Place:
    """Where the app is: `page` is the address people open, `direct` the one that answers /embed itself.

    They differ on the Hub, whose pages stand around the app's own host.
    """

    page: str
    direct: str = ""

    @classmethod
    def of_space(cls, space_id: str) -> Place:
        """The addresses of a Space owner/name."""
        host = re.sub("[^a-z0-9]+", "-", space_id.lower()).strip("-")
        return cls(f"https://huggingface.co/spaces/{space_id}", f"https://{host}.hf.space/")

    @property
    def root(self) -> str:
        """The app's own address, with its slash."""
        return (self.direct or re.sub(r"[?#].*", "", self.page)).rstrip("/") + "/"


def snippets(result: Result, place: Place, *, view: str = "") -> dict[str, str]:
    """Every snippet by name, in the order a dialog shows them. `link` is empty where the text is too long for one."""
    spec = result.spec
    return {
        "link": link(spec, place, view=view),
        "short_link": short_link(spec, place, view=view),
        "embed_link": embed_link(spec, place, view=view),
        "iframe": iframe(result, place, view=view),
        "picture": picture(result, place, view=view),
        "python": python(spec),
        "command": command(spec),
        "bibtex": bibtex(result, address=place.page),
        "apa": apa(result, address=place.page),
    }


def link(spec: Spec, place: Place, *, view: str = "") -> str:
    """The address that holds the whole question, or "" where it would be too long."""
    try:
        return to_link(spec, place.page, view=view)
    except SpecError:
        return ""


def short_link(spec: Spec, place: Place, *, view: str = "") -> str:
    """The address by the result's digest; it works as long as the store keeps the result."""
    return f"{place.page}?id={spec.digest()}" + _view(view, "&")


def embed_link(spec: Spec, place: Place, *, view: str = "", theme: str = "") -> str:
    """The address of the figure alone: with the question in it, or by digest where that is uncomfortably long."""
    look = f"&theme={theme}" if theme else ""
    try:
        whole = to_link(spec, place.root + "embed", view=view) + look
    except SpecError:
        whole = ""
    if whole and len(whole) <= _COMFORTABLE:
        return whole
    rest = (_view(view, "&") + look).removeprefix("&")
    return f"{place.root}embed/{spec.digest()}" + (f"?{rest}" if rest else "")


def iframe(result: Result, place: Place, *, view: str = "", theme: str = "", height: int = 480) -> str:
    """Code for a web page: the figure in a frame that takes the figure's own height."""
    address = html.escape(embed_link(result.spec, place, view=view, theme=theme))
    allowed = "allow-scripts allow-popups allow-popups-to-escape-sandbox"
    return (
        f'<iframe src="{address}" title="{_attribute(heading(result))}" loading="lazy" sandbox="{allowed}" '
        f'style="width:100%;height:{height}px;border:0"></iframe>\n{_SIZING}'
    )


def picture(result: Result, place: Place, *, view: str = "") -> str:
    """Code for a web page: the still picture (SVG, else PNG), which leads to the figure when clicked."""
    base, rest = f"{place.root}figure/{result.spec.digest()}", html.escape(_view(view, "?"))
    whole = html.escape(link(result.spec, place, view=view) or short_link(result.spec, place, view=view))
    try:
        drawing = still(result, view=view)
        text = f"{drawing.title} {drawing.caption}"
    except AppError:
        text = heading(result)
    return (
        f'<a href="{whole}"><picture><source srcset="{base}.svg{rest}" type="image/svg+xml">'
        f'<img src="{base}.png{rest}" alt="{_attribute(text)}" style="max-width:100%"></picture></a>'
    )


def python(spec: Spec) -> str:
    """A program that asks the same question: the fields that differ from their defaults."""
    kind = type(spec)
    own = {name: value for name, value in _asked(spec) if name in spec.own}
    given = {name: value for name, value in _asked(spec) if name not in own} | ({"own": own} if own else {})
    fields = "".join(f"    {name}={value!r},\n" for name, value in given.items())
    return f"from seqscope import {kind.__name__}, run\n\nspec = {kind.__name__}(\n{fields})\nresult = run(spec)\n"


def command(spec: Spec) -> str:
    """The command line that asks the same question, quoted for a POSIX shell."""
    words = ["python", "-m", "spaces_app", spec.kind.replace("_", "-")]
    for name, value in _asked(spec):
        flag = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            words.append(flag if value else "--no-" + flag.removeprefix("--"))
        else:
            # One word, so that a value which begins with a dash is none of the flags.
            words.append(f"{flag}={','.join(map(str, value)) if isinstance(value, tuple) else value}")
    if any("\0" in word for word in words):  # which no command line can carry
        return shlex.join(["python", "-m", "spaces_app", "open", "--run", to_link(spec)])
    return shlex.join(words)


def _asked(spec: Spec) -> list[tuple[str, object]]:
    pairs = [(name, spec.value(name), default) for name, default, _ in spec.declared()]
    return [(name, value) for name, value, default in pairs if value != default or name == "model"]


def _view(view: str, before: str) -> str:
    return f"{before}view={view}" if view else ""


def _attribute(text: str) -> str:
    """Text in an HTML attribute, on one line."""
    return html.escape(" ".join(text.split()))
