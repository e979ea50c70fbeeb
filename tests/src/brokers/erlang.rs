//! A node of Erlang's virtual machine: one process with children that have to end with it.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::process::Running;

/// A process and its group.
#[derive(Debug)]
pub(super) struct Node(Running);

impl Node {
    /// Starts it in a process group of its own; what it says goes to `out` in that directory.
    pub(super) fn spawn(command: &mut Command, dir: &Path) -> Self {
        let out = File::options().create(true).append(true).open(dir.join("out"));
        let out = out.expect("a file for what it says");
        command.stdout(out.try_clone().expect("share the file")).stderr(out);
        Self(Running::spawn(command.process_group(0)))
    }

    pub(super) fn is_alive(&mut self) -> bool {
        self.0.is_alive()
    }

    /// To the process and its group: a start script may have the machine as its child.
    pub(super) fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} -{}", self.0.pid());
        let status = Command::new("sh").arg("-c").arg(&kill).status();
        assert!(status.is_ok_and(|status| status.success()), "{kill} failed");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let kill = format!("kill -KILL -{}", self.0.pid());
        // It may have ended before.
        let _ = Command::new("sh").arg("-c").arg(&kill).status();
    }
}
