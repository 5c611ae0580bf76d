"""Gradients of many targets from few backward passes."""
