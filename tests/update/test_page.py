"""docs/update-format.md lists every reason that there is, and none that there is not."""

from __future__ import annotations

import re

from medkiosk.update.errors import UpdateError
from tests.kiosk import CHECKOUT


def test_every_reason_is_on_the_page() -> None:
    page = (CHECKOUT / "docs" / "update-format.md").read_text()
    section = page.partition("\n## 4. ")[2].partition("\n## ")[0]
    named = re.findall(r"`(update\.[a-z_]+)`", section)
    errors: list[type[UpdateError]] = [UpdateError, *UpdateError.__subclasses__()]
    assert sorted(named) == sorted(error.code for error in errors)
