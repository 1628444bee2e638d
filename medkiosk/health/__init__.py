"""How the machine is: read by a small root process, judged by the daemon (docs/health.md)."""
