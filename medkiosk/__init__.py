"""medkiosk: an air-gapped kiosk that imports, seals, redacts and releases clinical photographs."""

__version__ = "0.1.0"
