"""Who a patient is: numbers, scanned wristbands, who is mistaken for whom. Pure (docs/identity.md)."""
