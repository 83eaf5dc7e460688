//! The acts of the screens and the API that need the network.
