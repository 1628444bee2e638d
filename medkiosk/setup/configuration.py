"""The configuration of this kiosk, from the one that the image brings. Pure."""

from __future__ import annotations

import json

from medkiosk.core.config import Config, parse
from medkiosk.setup.errors import StepFailedError

_SITE, _ORIGIN = '"@SITE@"', '"@ORIGIN@"'


def fill(template: str, *, site: str, origin: str) -> tuple[str, Config]:
    """Put the two names in; everything else stays as the image has it.

    Args:
        template: ``config/appliance.toml``, in which ``"@SITE@"`` and ``"@ORIGIN@"`` each stand once.
        site: printable.
        origin: likewise.

    Returns:
        The text, and what it says.

    Raises:
        StepFailedError: it is not such a template.
        ConfigError: it says something that no configuration may.
    """
    if template.count(_SITE) != 1 or template.count(_ORIGIN) != 1:
        raise StepFailedError(step="the configuration", detail="the image's one has no place for the names")
    # A JSON string of printable characters is a basic string of TOML (toml.io/en/v1.0.0, "String").
    text = template.replace(_ORIGIN, json.dumps(origin)).replace(_SITE, json.dumps(site, ensure_ascii=False))
    config = parse(text, name="medkiosk.toml")
    if (config.site.name, config.site.origin) != (site, origin):
        raise StepFailedError(step="the configuration", detail="a name came out otherwise than it went in")
    return text, config
