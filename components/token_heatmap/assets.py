"""The script and style of TokenHeatmap, for the app and for stand-alone pages."""

from components.figure.assets import Assets

ASSETS = Assets(
    name="tokenHeatmap",
    root_class="seqscope-heatmap",
    scripts=tuple(
        f"token_heatmap/{name}"
        for name in ("model.js", "words.js", "palette.js", "parts.js", "flow.js", "matrix.js", "script.js")
    ),
    styles=("token_heatmap/style.css",),
)
ROOT_CLASS = ASSETS.root_class
script, style, packed = ASSETS.script, ASSETS.style, ASSETS.packed
