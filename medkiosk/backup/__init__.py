"""The backup drive: a copy of the sealed store on an enrolled disk.

Ciphertext only: nothing here holds a key of the vault. See docs/backup.md.
"""
