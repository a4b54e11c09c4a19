"""Makes test pictures and clips with a known truth: swaps, camera, light, noise, H.264. No torch here."""
