"""How the monitor fares, in numbers: stage clocks, frame age, drops, load. Read by window, files and Prometheus."""
