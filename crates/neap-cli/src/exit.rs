//! What the process says with its exit code.

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or there was nothing to do.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// A plan holds changes; only with `--detailed-exitcode`.
    Pending = 2,
    /// The command line or the stack file is wrong.
    Invalid = 3,
    /// Something is left after a destroy.
    Residue = 4,
    /// The stack is locked, or live is not what the plan was made from.
    Moved = 5,
    /// A signal ended it.
    Interrupted = 130,
}

impl Exit {
    /// The number that the process ends with.
    pub const fn code(self) -> u8 {
        self as u8
    }
}
