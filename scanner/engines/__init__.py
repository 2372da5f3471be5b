"""The detectors inside other engines: for data that an engine holds, and that is not read as shards from here."""
