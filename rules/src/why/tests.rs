//! Laws of addresses; explanations themselves are tested on whole workspaces.
