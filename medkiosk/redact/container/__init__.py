"""The boxes other cameras pack pictures into: ISO-BMFF, CR3, HEIF."""
