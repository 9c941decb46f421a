"""Jobs: many sources into a folder, in units that processes, shards and clusters share (docs/scale.md)."""
