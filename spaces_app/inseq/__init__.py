"""Files of Inseq 0.7.1, written and read."""
