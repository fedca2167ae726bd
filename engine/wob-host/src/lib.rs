//! Moves bytes between the world and the engine: folders, git repositories, output trees.
