"""Old programs: what scripts written for Keras 1 and 2 import, made of minidl's own layers and models.

``python -m minidl run script.py`` runs such a script unchanged; ``import minidl.compat.keras as keras`` has the same names in
a program. Nothing else in minidl knows this room.
"""
