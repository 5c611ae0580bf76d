"""What the share dialog shows: texts to copy and files to take, from a result."""

from __future__ import annotations

import re
import secrets

from spaces_app.export.formats import offered
from spaces_app.export.snippets import Place, snippets
from spaces_app.link import valid_view
from spaces_app.results import Result
from spaces_app.settings import Settings

_PAGE = re.compile(r"https?://[^\s\"'<>\\?#]{1,300}\Z", re.ASCII)
LABELS = {
    "link": (
        "Link",
        "Opens this question and this selection anywhere; holds the exact output, and needs no server's memory.",
    ),
    "short_link": (
        "Short link",
        "Works as long as this server keeps the result: question, tokens, scores, model revision and versions.",
    ),
    "embed_link": ("Embed link", "The figure alone, for slides and frames. Never runs a model."),
    "iframe": ("Code for a page", "The interactive figure in a frame that takes its height."),
    "picture": ("Still picture for a page", "SVG, else PNG; leads to the figure when clicked."),
    "python": ("Python", "The same question in a program."),
    "command": ("Command line", "The same question in a terminal."),
    "bibtex": ("BibTeX", "The method, the model and this tool, with their versions."),
    "apa": ("APA", ""),
}
TOO_LONG = (
    "This text is too long for a link that carries it; the short link works as long as this server keeps the result."
)


def shared(result: Result, *, page: str, view: str, settings: Settings) -> dict:
    """The dialog's value: {"copies": [{"label", "note", "text"}], "files": [{"label", "path"}], "nonce"}.

    `page` is the address the visitor sees, without query; on a Space its own address counts. `view` is the figure's
    state. Raises ValueError for a page that is no address.
    """
    view = view if valid_view(view) else ""
    if not settings.space_id and not _PAGE.match(page):
        raise ValueError("not an address")
    place = Place.of_space(settings.space_id) if settings.space_id else Place(page)
    found = snippets(result, place, view=view)
    copies = [
        {"label": label, "note": note if found[name] else TOO_LONG, "text": found[name]}
        for name, (label, note) in LABELS.items()
    ]
    query = f"?view={view}" if view else ""
    digest = result.spec.digest()
    files = [{"label": item.label, "path": f"file/{digest}.{item.name}{query}"} for item in offered(result)]
    return {"copies": copies, "files": files, "root": place.root, "nonce": secrets.token_hex(6)}
