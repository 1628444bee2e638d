"""medkiosk: an air-gapped kiosk that imports, seals, redacts and releases clinical photographs."""
