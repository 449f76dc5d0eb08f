"""A small reference organisation of real Debian hosts on one machine; see docs/lab.md."""
