"""What the fake is held to, by subject. Run by test_kms_fake.py."""
