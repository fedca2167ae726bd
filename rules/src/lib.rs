//! What clusters are: resources, scheduling, config composition and rendering. Reads no disk.
#![warn(clippy::disallowed_methods)]
