"""A figure as one HTML file, a page to embed, or a frame for notebooks, by the script and style of the app itself."""

from __future__ import annotations

import base64
import hashlib
import html
import json

from spaces_app.components.figure.assets import Assets
from spaces_app.errors import NotSupported
from spaces_app.figures import Figure, figure_for
from spaces_app.figures.still.pins import lines

THEMES = ("auto", "light", "dark")
_STYLE = """
:root { color-scheme: light dark; }
:root.light { color-scheme: light; }
:root.dark { color-scheme: dark; }
body {
  margin: 0; background: Canvas; color: CanvasText;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif;
}
main { max-width: 960px; margin: 0 auto; padding: 16px; }
main.embedded { padding: 0; max-width: none; }
h1 { margin: 0 0 12px; font-size: 18px; font-weight: 600; overflow-wrap: anywhere; }
footer { margin: 8px 4px 4px; font-size: 13px; text-align: end; }
footer a { color: inherit; }
p.only { margin: 24px; }
table { border-collapse: collapse; } td, th { padding: 2px 10px; text-align: start; white-space: pre-wrap; }
@media print {
  @page { margin: 15mm; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  footer, .ss-toolbar, .ss-hint { display: none !important; }
}
"""
# Tells the page around how high this one is, and nothing else; keeps the link in step with what is selected.
_EMBEDDED = (
    'addEventListener("seqscope:view",(event)=>{const link=document.querySelector("footer a");'
    "if(!link||link.href.startsWith('about:'))return;const to=new URL(link.href);"
    'to.searchParams.set("view",event.detail.state);link.href=to;});'
    "new ResizeObserver(()=>parent.postMessage({type:'seqscope:height',"
    "height:Math.ceil(document.documentElement.getBoundingClientRect().height)},'*'))"
    ".observe(document.documentElement);"
)
# Characters that could end the script element, or that JavaScript once read as line ends.
_UNSAFE = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def standalone(value: dict, *, title: str = "Seqscope", source: str = "") -> str:
    """A whole HTML page that draws `value` (of any view) with hover, tap, keyboard and all views.

    The page may run this one script and use this one style, both named by hash in its policy, and nothing else: it
    makes no request, and text of the model cannot become code. Without scripts it shows a plain table. `source`,
    the link to the figure, is kept in its head.
    """
    script, style = _parts(value)
    return _page(
        title,
        head=f'<meta http-equiv="Content-Security-Policy" content="{_policy(script, style)}">\n{_about(source)}',
        style=style,
        body=f"<main>\n<h1>{html.escape(title)}</h1>\n{_root(value)}\n</main>\n",
        script=script,
        value=value,
    )


def embedded(value: dict, *, href: str, title: str = "Seqscope", theme: str = "auto") -> tuple[str, str]:
    """(page, policy) of a figure to stand in somebody else's page: no chrome, and `href` leads into the app.

    The policy belongs into the answer's header, where it can also allow every frame. The page tells its parent its
    height by `postMessage({type: "seqscope:height", height})`.
    """
    script, style = _parts(value)
    script += _EMBEDDED
    foot = f'<footer><a href="{html.escape(href)}" target="_blank" rel="noopener">Open in Seqscope</a></footer>'
    body = f'<main class="embedded">\n{_root(value)}\n{foot}\n</main>\n'
    page = _page(title, head="", style=style, body=body, script=script, value=value, theme=theme)
    return page, _policy(script, style) + "; frame-ancestors *"


def message(sentence: str, *, href: str = "", theme: str = "auto") -> tuple[str, str]:
    """(page, policy) that says one sentence in place of a figure, with a link into the app."""
    link = f' <a href="{html.escape(href)}" target="_blank" rel="noopener">Open in Seqscope</a>' if href else ""
    body = f'<main class="embedded"><p class="only">{html.escape(sentence)}{link}</p></main>\n'
    page = _page("Seqscope", head="", style=_STYLE, body=body, script=_EMBEDDED, theme=theme)
    return page, _policy(_EMBEDDED, _STYLE) + "; frame-ancestors *"


def frame(value: dict, *, title: str = "Seqscope", height: int = 0) -> str:
    """The same page inside a sandboxed <iframe>, for `_repr_html_` of notebooks; `height` in pixels, 0 for a guess.

    A notebook that is not trusted drops the frame, so the plain table follows it, folded.
    """
    # Measured: the parts around the text take 420 px; a line of 17 px text holds some 15 tokens.
    guess = 420 + 32 * (1 + len(value.get("tokens", ())) // 15)
    page = html.escape(standalone(value, title=title), quote=True)
    return (
        f'<iframe srcdoc="{page}" sandbox="allow-scripts" title="{html.escape(title, quote=True)}" '
        f'style="width:100%;height:{height or min(900, guess)}px;border:0"></iframe>'
        f"<details><summary>As a table</summary>{table(value)}</details>"
    )


def table(value: dict) -> str:
    """Plain markup without scripts: the gist of a figure of any kind, with its author's notes, every text escaped."""
    rows = _figure(value).rows
    if rows is None:
        return "<p>This figure is drawn by a script, which may not run here.</p>"
    headings, cells = rows(value)
    head = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in cells)
    notes = "".join(f"<li>{html.escape(line)}</li>" for line in lines(value))
    return f"<table><tr>{head}</tr>{body}</table>" + (f"<ul>{notes}</ul>" if notes else "")


def mounting(assets: Assets) -> str:
    """The line of script that draws the value beside it."""
    return (
        f'Seqscope.{assets.name}.mount(document.querySelector("{assets.selector}"), '
        'JSON.parse(document.getElementById("value").textContent));'
    )


def _figure(value: dict) -> Figure:
    figure = figure_for(value)
    if figure is None:
        raise NotSupported(f"{str(value.get('kind')):.60} is not a figure that is known here.")
    return figure


def _parts(value: dict) -> tuple[str, str]:
    """Script and style of a page with this value's figure."""
    assets = _figure(value).assets
    return assets.script() + mounting(assets), _STYLE + assets.style()


def _root(value: dict) -> str:
    """The element the figure is drawn into, and what shows where scripts do not run."""
    return f'<div class="{_figure(value).assets.root_class}"></div>\n<noscript>{table(value)}</noscript>'


def _about(source: str) -> str:
    return f'<meta name="seqscope:link" content="{html.escape(source)}">\n' if source else ""


def _policy(script: str, style: str) -> str:
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )


def _page(
    title: str, *, head: str, style: str, body: str, script: str, value: dict | None = None, theme: str = "auto"
) -> str:
    data = "" if value is None else f'<script type="application/json" id="value">{_json(value)}</script>\n'
    look = f' class="{theme}"' if theme in ("light", "dark") else ""
    return (
        f'<!doctype html>\n<html lang="en"{look}>\n<head>\n<meta charset="utf-8">\n{head}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}{data}"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _json(value: dict) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_UNSAFE)


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii") + "'"
