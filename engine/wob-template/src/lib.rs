//! Template languages behind one door.
