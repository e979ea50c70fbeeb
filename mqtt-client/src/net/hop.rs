//! Where a socket leads to: the server, or a proxy on the way.

use core::error::Error;
use core::fmt;
use std::borrow::ToOwned;
use std::io;
use std::string::String;

use crate::address::Server;
use crate::error::Step;

/// Where a socket leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hop<'h> {
    pub(super) host: &'h str,
    pub(super) port: u16,
    is_proxy: bool,
}

impl<'h> Hop<'h> {
    pub(super) fn to(server: Server<'h>) -> Self {
        Self { host: server.host, port: server.port, is_proxy: false }
    }

    pub(super) fn to_proxy(host: &'h str, port: u16) -> Self {
        Self { host, port, is_proxy: true }
    }

    /// What looking it up and opening it are called in errors.
    pub(super) fn steps(self) -> (Step, Step) {
        if self.is_proxy { (Step::Proxy, Step::Proxy) } else { (Step::Resolve, Step::Open) }
    }

    /// The server of the settings is named in any case; a proxy is named here.
    pub(super) fn explain(self, error: io::Error) -> io::Error {
        if !self.is_proxy {
            return error;
        }
        let Self { host, port, .. } = self;
        io::Error::new(error.kind(), Unreached { host: host.to_owned(), port, error })
    }
}

/// A proxy that was not reached.
#[derive(Debug)]
struct Unreached {
    host: String,
    port: u16,
    error: io::Error,
}

impl Error for Unreached {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.host, self.port, self.error)
    }
}
