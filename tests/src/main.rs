//! neap with nothing but the sandbox: the program that recorded sessions run.
//!
//! Decides nothing. Unlike the real binary it never compiles the AWS SDK.
