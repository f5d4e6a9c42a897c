"""Changes of the settings of a stack that is up, judged by the real program with the real engine."""
