"""The numbers: one teacher-forced pass serves all generated tokens. Importing the parts of this package starts torch."""
