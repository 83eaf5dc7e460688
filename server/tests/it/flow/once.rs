//! Each effect once, whatever is delivered twice, crashes or is replayed.
