from __future__ import annotations

from tests.setup.conftest import scratch

__all__ = ["scratch"]
