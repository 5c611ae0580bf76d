"""The script and style of ContrastMap, for the app and for stand-alone pages."""

from ..figure.assets import Assets

ASSETS = Assets(
    name="contrastMap",
    root_class="seqscope-contrast seqscope-figure",
    entry="contrastive/script.js",
    styles=("figure/curves.css", "contrastive/style.css"),
)
