"""Which udev devices are cameras of ours."""

from __future__ import annotations

import pytest

from medkiosk.device.model import DeviceRef
from medkiosk.device.policy import CAMERAS, supported_camera

R6 = {
    "SUBSYSTEM": "usb",
    "DEVTYPE": "usb_device",
    "DEVPATH": "/devices/pci0000:00/0000:00:14.0/usb2/2-1",
    "BUSNUM": "002",
    "DEVNUM": "013",
    "ID_VENDOR_ID": "04a9",
    "ID_MODEL_ID": "32f5",
    "ID_USB_INTERFACES": ":060101:",
    "ID_GPHOTO2": "1",
}


def test_an_r6() -> None:
    assert supported_camera(R6) == DeviceRef(
        kind="camera", key=R6["DEVPATH"], port="usb:002,013", model="Canon EOS R6"
    )


@pytest.mark.parametrize(("ids", "model"), CAMERAS.items())
def test_every_model_is_one_that_libgphoto2_knows(ids: tuple[str, str], model: str) -> None:
    import gphoto2

    known = gphoto2.CameraAbilitiesList()
    known.load()
    ability = known[known.lookup_model(model)]
    assert (f"{ability.usb_vendor:04x}", f"{ability.usb_product:04x}") == ids


@pytest.mark.parametrize(
    "changed",
    [
        {"ID_MODEL_ID": "3145"},  # another Canon
        {"ID_VENDOR_ID": "04b0"},  # another maker
        {"ID_USB_INTERFACES": ":080650:"},  # a memory stick that uses a camera's ids
        {"ID_USB_INTERFACES": ""},
        {"SUBSYSTEM": "block"},
        {"DEVTYPE": "usb_interface"},
        {"BUSNUM": ""},
        {"DEVNUM": "1; rm"},
        {"DEVNUM": "٣"},  # a digit, but not ASCII
    ],
)
def test_what_is_not_ours_is_left_alone(changed: dict[str, str]) -> None:
    assert supported_camera({**R6, **changed}) is None


def test_nothing_is_known() -> None:
    assert supported_camera({}) is None


def test_a_camera_with_further_interfaces_still_counts() -> None:
    assert supported_camera({**R6, "ID_USB_INTERFACES": ":060101:ff0000:"}) is not None
