"""Sections 3 and 4 of the policy as procedures: disclosures, and what visitors may ask for, each with its ledger."""
