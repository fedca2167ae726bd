//! YAML with places: parsing, Kubernetes' reading of scalars, and emitters whose output every reader reads alike.
