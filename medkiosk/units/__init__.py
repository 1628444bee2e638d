"""Small programs that systemd runs beside the daemon: the power button, a good boot, a notice on the screen.

They run as root without any capability, hold no key, and ask PID 1 in two ways only: `systemctl show`, and
the signals that start its targets (systemd(1), "Signals").
"""
