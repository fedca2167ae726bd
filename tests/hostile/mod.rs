//! Input that means harm, or that an accident made: wob refuses it at a place, and touches nothing else.

mod disk;
mod git;
mod growth;
mod names;
mod surroundings;
