"""A strict fake of AWS KMS for end-to-end tests. See README.md beside the folder."""
