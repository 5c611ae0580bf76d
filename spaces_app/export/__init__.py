"""Exports: a figure as a file that works without the app, the server and the network."""
