"""The version of Seqscope, written in results and links."""

__version__ = "0.1.0"
