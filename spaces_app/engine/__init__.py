"""The numbers: one teacher-forced pass serves all generated tokens. Importing parts of this package starts torch."""
