"""From a question to its answer: store, lanes, workers, plug-ins, recorded examples."""
