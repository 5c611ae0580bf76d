"""What several analyses share: ids and notes of a run, targets, alternatives, checks."""
