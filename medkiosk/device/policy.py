"""Which USB devices are cameras that this kiosk reads. Everything else is left alone."""

from __future__ import annotations

from collections.abc import Mapping

from medkiosk.device.model import DeviceRef

CAMERAS: dict[tuple[str, str], str] = {
    ("04a9", "32f5"): "Canon EOS R6",
    ("04a9", "330b"): "Canon EOS R6m2",
    ("04a9", "3323"): "Canon EOS R6 Mark III",
    ("04a9", "32f4"): "Canon EOS R5",
}
"""USB vendor and product -> libgphoto2's name of the model."""

_STILL_IMAGE = "060101"  # USB class, subclass, protocol: still image capture (PTP)


def supported_camera(properties: Mapping[str, str]) -> DeviceRef | None:
    """Tell which camera a udev device is; None if it is not one that we read.

    Args:
        properties: as udev gives them for the device (``SUBSYSTEM``, ``DEVTYPE``, ``ID_VENDOR_ID``, ...).
            They repeat what the device says of itself, so they decide only which worker may try it.
    """
    if properties.get("SUBSYSTEM") != "usb" or properties.get("DEVTYPE") != "usb_device":
        return None
    model = CAMERAS.get((properties.get("ID_VENDOR_ID", ""), properties.get("ID_MODEL_ID", "")))
    interfaces = properties.get("ID_USB_INTERFACES", "").split(":")
    bus, number = properties.get("BUSNUM", ""), properties.get("DEVNUM", "")
    if model is None or _STILL_IMAGE not in interfaces or not (_is_number(bus) and _is_number(number)):
        return None
    return DeviceRef(
        kind="camera",
        key=properties.get("DEVPATH", ""),
        port=f"usb:{int(bus):03d},{int(number):03d}",
        model=model,
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
