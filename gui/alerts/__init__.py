"""From an alarm to a person: once per event, and said wherever the person wants it said."""
