"""Does a window of frames beat its own single frames? A frozen encoder and heads over time: see ``TEMPORAL.md``."""
