"""The set-up of an appliance: the installer's questions at the first boot (docs/install.md).

It runs as root on a bare terminal, before there is a daemon. It holds no key: the vault is made by a process
of the daemon's user, which calls what ``kioskctl init`` calls.
"""
