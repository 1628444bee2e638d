"""The archive: ciphertext from a backup drive in an S3-compatible store with Object Lock (docs/archive.md).

Runs on another machine than the kiosk, with the extra ``medkiosk[archive]``. Holds no key of the vault.
"""
