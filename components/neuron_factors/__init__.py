"""NeuronFactors: which groups of neurons are active where. Importing this does not import Gradio."""


def __getattr__(name: str):
    if name == "NeuronFactors":
        from components.neuron_factors.component import NeuronFactors

        return NeuronFactors
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
