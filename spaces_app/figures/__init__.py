"""Figures: what is drawn of each answer, on the page, in files and in the terminal."""
