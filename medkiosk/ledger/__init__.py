"""The tamper-evident log: a C2SP tlog whose leaves are what happened."""
