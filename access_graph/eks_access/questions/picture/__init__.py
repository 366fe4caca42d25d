"""The question "how do all chains of this cluster look?": objects as nodes, and the links between them as edges.

`draw_picture.py` asks it; the other modules draw one part of the picture each.
"""
