"""Input tables, one per subject, read by tests and by benchmarks."""
