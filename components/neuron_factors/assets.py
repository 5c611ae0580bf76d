"""The script and style of NeuronFactors, for the app and for stand-alone pages."""

from ..figure.assets import Assets

ASSETS = Assets(
    name="neuronFactors",
    root_class="seqscope-factors seqscope-figure",
    entry="neuron_factors/script.js",
    styles=("figure/curves.css", "neuron_factors/style.css"),
)
