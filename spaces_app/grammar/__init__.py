"""The sentences that bundled models are trained on, made from rules."""
