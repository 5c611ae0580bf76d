"""Results as coloured tables for the terminal."""
