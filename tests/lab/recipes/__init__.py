"""One file per component: how it is set up, started, awaited and stopped on a Debian 12 host without systemd."""
