"""What a detector package is worth on labelled data: numbers with intervals, tables, plots."""
