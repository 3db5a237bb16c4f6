//! Only so that the binary is built.
