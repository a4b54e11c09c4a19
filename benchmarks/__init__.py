"""What proves the numbers: latency, throughput, engines, the plain loop as baseline."""
