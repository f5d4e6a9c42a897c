"""The outputs as texts for tools: one module each, pure functions."""
