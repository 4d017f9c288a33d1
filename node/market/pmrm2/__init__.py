"""Derive's portfolio margin PMRM_2 as a parameter set: its rule in plain code, and the same rule as linear rows.

`model` has the public parameters and an account, `values` the unit values of options in every scenario, `margin` the
plain-code twin, `rows` the statement over hidden quantities. The rule is public (Derive, formerly Lyra, repository
derivexyz/v2-core); its code is under BUSL-1.1, and none of it is here.
"""
