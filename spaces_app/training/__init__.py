"""The grammar and the scripts that make the bundled models from nothing. Importing it does not import torch."""
