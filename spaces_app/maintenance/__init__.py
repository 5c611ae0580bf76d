"""What people who work on Seqscope run; not part of the installed package."""
