"""How the public data sets lie on a disk: one file each, behind one protocol."""
