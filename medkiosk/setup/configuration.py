"""The configuration of this kiosk, from the one that the image brings. Pure."""

from __future__ import annotations

import json

from medkiosk.core.config import Config, parse
from medkiosk.setup.errors import StepFailedError

_SITE, _ORIGIN, _TPM = '"@SITE@"', '"@ORIGIN@"', '"@TPM@"'


def fill(template: str, *, site: str, origin: str, tpm: str) -> tuple[str, Config]:
    """Put the two names and the TPM in; everything else stays as the image has it.

    Args:
        template: ``config/appliance.toml``, in which ``"@SITE@"``, ``"@ORIGIN@"`` and ``"@TPM@"`` stand once
            each.
        site: printable.
        origin: likewise.
        tpm: where the TPM is; empty where there is none.

    Returns:
        The text, and what it says.

    Raises:
        StepFailedError: it is not such a template.
        ConfigError: it says something that no configuration may.
    """
    if any(template.count(place) != 1 for place in (_SITE, _ORIGIN, _TPM)):
        raise StepFailedError(step="the configuration", detail="the image's one has no place for the names")
    # A JSON string of printable characters is a basic string of TOML (toml.io/en/v1.0.0, "String").
    text = template.replace(_TPM, json.dumps(tpm)).replace(_ORIGIN, json.dumps(origin))
    text = text.replace(_SITE, json.dumps(site, ensure_ascii=False))
    config = parse(text, name="medkiosk.toml")
    if (config.site.name, config.site.origin, config.store.tpm) != (site, origin, tpm):
        raise StepFailedError(step="the configuration", detail="a name came out otherwise than it went in")
    return text, config
