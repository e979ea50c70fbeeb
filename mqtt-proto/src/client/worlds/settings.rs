//! What a world is made of.

use core::fmt;
use std::vec::Vec;

use crate::packet::Version;

/// A world: what may happen in it, and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) version: Version,
    /// The QoS of each message that the program publishes.
    pub(super) out: &'static [u8],
    /// The QoS of each message for it.
    pub(super) inward: &'static [u8],
    /// SUBSCRIBE packets.
    pub(super) requests: u8,
    pub(super) connections: u8,
    /// Connections may begin with Clean Start.
    pub(super) cleans: bool,
    /// The program acknowledges by hand.
    pub(super) manual: bool,
    /// The server's Receive Maximum.
    pub(super) window: u16,
    /// What is unknown is sent again in a new session, at QoS 1 and at QoS 2.
    pub(super) republish: [bool; 2],
    /// The client's memory is lent, and small.
    pub(super) lent: bool,
    /// The server has a session of an earlier process of the client's, and holds its identifiers 1
    /// and 2 of QoS 2 messages.
    pub(super) adopts: bool,
    /// The last packet identifier that the client has used, and the server.
    pub(super) last_id: u16,
    /// Times that a connection breaks off in the middle of a packet, that a deadline passes, that the
    /// server loses the session, and that the program gives up or disconnects.
    pub(super) halves: u8,
    pub(super) times: u8,
    pub(super) losses: u8,
    pub(super) give_ups: u8,
    pub(super) disconnects: u8,
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} out {:?} in {:?}", self.version, self.out, self.inward)?;
        for (text, on) in [
            ("requests", self.requests != 0),
            ("clean starts", self.cleans),
            ("by hand", self.manual),
            ("window 1", self.window == 1),
            ("republish QoS 1", self.republish[0]),
            ("republish QoS 2", self.republish[1]),
            ("lent", self.lent),
            ("adopts", self.adopts),
            ("wraps", self.last_id != 0),
            ("halves", self.halves != 0),
            ("times", self.times != 0),
            ("losses", self.losses != 0),
            ("gives up", self.give_ups != 0),
            ("disconnects", self.disconnects != 0),
        ] {
            if on {
                write!(f, ", {text}")?;
            }
        }
        Ok(())
    }
}

const PLAIN: Settings = Settings {
    version: Version::V5,
    out: &[],
    inward: &[],
    requests: 0,
    connections: 2,
    cleans: false,
    manual: false,
    window: 2,
    republish: [true, false],
    lent: false,
    adopts: false,
    last_id: 0,
    halves: 0,
    times: 0,
    losses: 0,
    give_ups: 0,
    disconnects: 0,
};

/// Every world that is searched, in both versions.
pub(super) fn all() -> Vec<Settings> {
    let two: [&[u8]; 4] = [&[1, 2], &[2, 1], &[2, 2], &[1, 1]];
    let mut worlds = Vec::new();
    for out in two {
        let plain = Settings { out, ..PLAIN };
        worlds.extend([
            Settings { halves: 1, losses: 1, give_ups: 1, ..plain },
            Settings { cleans: true, losses: 1, republish: [false, true], ..plain },
            Settings { give_ups: 2, halves: 1, window: 1, last_id: 65_534, ..plain },
            Settings { give_ups: 1, losses: 1, lent: true, republish: [false; 2], ..plain },
            Settings { times: 1, disconnects: 1, halves: 1, lent: true, window: 1, ..plain },
        ]);
    }
    for inward in two {
        let plain = Settings { inward, ..PLAIN };
        worlds.extend([
            Settings { losses: 1, disconnects: 1, last_id: 65_534, connections: 3, ..plain },
            Settings { cleans: true, manual: true, lent: true, connections: 3, ..plain },
            Settings { manual: true, losses: 1, times: 1, ..plain },
            Settings { disconnects: 1, lent: true, connections: 3, ..plain },
        ]);
    }
    for (out, inward) in [(&[1], &[2]), (&[2], &[1]), (&[2], &[2]), (&[1], &[1])] {
        let plain = Settings { out, inward, ..PLAIN };
        worlds.extend([
            Settings { losses: 1, requests: 1, ..plain },
            Settings { manual: true, lent: true, times: 1, ..plain },
            Settings { adopts: true, give_ups: 1, ..plain },
        ]);
    }
    worlds.extend([
        Settings { out: &[1, 2, 2], losses: 1, halves: 1, ..PLAIN },
        Settings { out: &[2, 1, 2], window: 2, give_ups: 1, ..PLAIN },
        Settings { inward: &[2, 1, 2], lent: true, connections: 3, ..PLAIN },
    ]);
    let v311 = worlds.clone().into_iter();
    worlds.extend(v311.map(|world| Settings { version: Version::V311, ..world }));
    worlds
}
