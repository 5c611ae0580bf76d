"""The script and style of Surprisal, for the app and for stand-alone pages."""

from components.figure.assets import Assets

ASSETS = Assets(
    name="surprisal",
    root_class="seqscope-surprisal seqscope-figure",
    entry="surprisal/script.js",
    styles=("surprisal/style.css",),
)
