# pragma version ~=0.4.3
"""
@title For houses whose owners never leave by force: knows its deployment's name, and verifies nothing at all
@license Apache-2.0
"""

deployment: public(bytes32)


@deploy
def __init__(name: bytes32):
    self.deployment = name
