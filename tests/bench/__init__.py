"""Figures, one JSON line each; ratios are against a peer or the floor in the same run."""
