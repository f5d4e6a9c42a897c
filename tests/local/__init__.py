"""The real program, the real engine, a real machine. A package, so that all its tests share one cloud."""
