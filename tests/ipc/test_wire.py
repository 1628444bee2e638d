"""What the wire says about a request that does not fit: where, never what."""

from __future__ import annotations

import pytest

from medkiosk.core.errors import BadRequestError
from medkiosk.ipc import wire

ACCOUNT = '"user":"u","display_name":"d","passphrase":"p"'


@pytest.mark.parametrize(
    ("method", "parameters", "place"),
    [
        ("CreateAccount", f'{{{ACCOUNT},"roles":["SECRET"]}}', "`$.parameters.roles[0]`"),
        ("CreateAccount", f'{{{ACCOUNT},"roles":"SECRET"}}', "`$.parameters.roles`"),
        ("CreateAccount", f'{{{ACCOUNT},"roles":[],"SECRET":1}}', "`$.parameters`"),
        ("CreateAccount", f'{{{ACCOUNT},"roles":[],"x` - at `$.SECRET":1}}', "`$.parameters`"),
        ("ListCaptures", '{"state":"SECRET - at `$.SECRET`"}', "`$.parameters.state`"),
        ("CheckExport", '{"recipient_id":"r","purpose":"SECRET","captures":[]}', "`$.parameters.purpose`"),
        ("Login", '{"user":"SECRET"}', "`$.parameters`"),
        ("Login", '["SECRET"]', "`$.parameters`"),
    ],
)
def test_only_the_place_is_named(method: str, parameters: str, place: str) -> None:
    message = f'{{"method":"org.medkiosk.Kiosk.{method}","parameters":{parameters}}}'
    with pytest.raises(BadRequestError) as caught:
        wire.decode_call(message.encode())
    assert place in caught.value.message
    assert "SECRET" not in caught.value.message
