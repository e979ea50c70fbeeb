//! What only runtimes over an operating system have, told once for tokio and smol.

mod bounds;
mod callbacks;
mod closing;
pub(crate) mod glue;
mod handling;
mod machine;
mod marks;
mod owners;
mod words;
