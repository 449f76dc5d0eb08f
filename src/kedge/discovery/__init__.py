"""Starting from the world: what can be seen of an organisation, and the inventory that follows from it."""
