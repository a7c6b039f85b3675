"""Fills a moto server with the shop that the end-to-end tests scan: two accounts, three regions, right and wrong."""
