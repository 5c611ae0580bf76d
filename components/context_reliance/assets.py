"""The script and style of ContextReliance, for the app and for stand-alone pages."""

from ..figure.assets import Assets

ASSETS = Assets(
    name="contextReliance",
    root_class="seqscope-reliance seqscope-figure",
    entry="context_reliance/script.js",
    styles=("context_reliance/style.css",),
)
