"""The real daemon, its real workers and a real store, from the outside."""
