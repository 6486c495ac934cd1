"""Where servers come from: this tree, a working tree, or a revision, each with its interpreter."""
