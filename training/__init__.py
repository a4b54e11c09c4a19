"""How detectors are made: architectures, data, self-blending, training loop, evaluation."""

import os

# timm brings a client of a model hub that reports its use unless this is set before it is loaded. Nothing here asks a
# hub for anything: starting weights come from files.
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["DO_NOT_TRACK"] = "1"
