//! What only runtimes over an operating system have, told once for tokio and smol.

mod callbacks;
mod machine;
