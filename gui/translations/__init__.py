"""Translations of the window, and the tools that make them.

A language is added so, from the root of the project (here German)::

    python -m unmask.gui.translations.extract de      # writes or renews gui/translations/unmask_de.ts
    # translate: an editor for Qt's .ts files such as Linguist, or any text editor
    python -m unmask.gui.translations.compile de      # writes gui/translations/unmask_de.qm, which the window loads

Why not Qt's own tools: pylupdate6 leaves out ``tr("...")`` outside a class and gives each class a context of its own,
which a subclass then misses; lrelease comes with no wheel of PyQt6.
"""
