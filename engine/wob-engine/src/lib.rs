//! A build engine that has never heard of a cluster.
