"""From folders of videos or pictures to sharded face crops with an index: ``unmask train prepare``."""
