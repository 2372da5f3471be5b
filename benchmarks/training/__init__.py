"""Training of the names stage's own weights: see `docs/models.md`."""
