"""The source chooser: cameras, monitors, windows, a region, a file, an address, and what was watched before."""
