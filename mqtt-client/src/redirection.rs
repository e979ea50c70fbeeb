//! Another server, which the server has named (5.0, 4.11).

#[cfg(feature = "alloc")]
pub(crate) use heap::{go_home, known_server, redirect};
#[cfg(not(feature = "alloc"))]
pub(crate) use lent::{go_home, known_server, redirect};

#[cfg(feature = "alloc")]
mod heap {
    use alloc::boxed::Box;

    use mqtt_as_proto::ReasonCode;

    use crate::held::Text;
    use crate::server::take_apart;
    use crate::state::State;

    /// The server that is to be tried instead of ours.
    pub(crate) fn known_server(state: &State) -> Option<(Text, u16)> {
        state.kept.elsewhere.as_deref().cloned()
    }

    /// Our own servers are to be tried.
    pub(crate) fn go_home(state: &mut State) {
        state.kept.elsewhere = None;
    }

    /// Believes the server that has named another one: whether it has.
    pub(crate) fn redirect(state: &mut State, code: ReasonCode) -> bool {
        let words = state.link.assigned.words.as_deref();
        let reference = words.and_then(|words| words.reference.as_deref());
        let Some((host, port)) = reference.and_then(first) else { return false };
        let port = port.unwrap_or(state.target().1);
        if code == ReasonCode::SERVER_MOVED {
            (state.settings.server, state.settings.port) = (host, port);
            state.link.retry().server = 0;
        } else {
            state.kept.elsewhere = Some(Box::new((host, port)));
        }
        true
    }

    /// The first server of a list that blanks separate: a name or an address, with a port or without
    /// (4.11).
    fn first(reference: &str) -> Option<(Text, Option<u16>)> {
        let mut host = Text::from(reference.split_ascii_whitespace().next()?);
        let mut port = None;
        take_apart(&mut host, &mut port).ok()?;
        Some((host, port))
    }

    #[cfg(test)]
    mod tests {
        use super::first;

        #[test]
        fn references_are_taken_apart() {
            let known = [
                ("other.example", Some(("other.example", None))),
                ("other.example:8883", Some(("other.example", Some(8883)))),
                (" a.example:1 b.example:2", Some(("a.example", Some(1)))),
                ("10.10.151.22:8883", Some(("10.10.151.22", Some(8883)))),
                ("[fe80::9610:3eff:fe1c]:1883", Some(("fe80::9610:3eff:fe1c", Some(1883)))),
                ("[fe80::1]", Some(("fe80::1", None))),
                ("fe80::1", Some(("fe80::1", None))),
                ("", None),
                (":1883", None),
                ("a.example:port", None),
                ("[fe80::1", None),
                ("a.example:0", None),
                ("[fe80::1]x:1883", None),
                ("user@a.example", None),
                ("wss://a.example/mqtt", None),
            ];
            for (reference, wanted) in known {
                let first = first(reference);
                let first = first.as_ref().map(|(host, port)| (host.as_str(), *port));
                assert_eq!(first, wanted, "{reference:?}");
            }
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod lent {
    use mqtt_as_proto::ReasonCode;

    use crate::held::Text;
    use crate::state::State;

    /// Without a heap no other server is known.
    pub(crate) fn known_server(_: &State) -> Option<(Text, u16)> {
        None
    }

    pub(crate) fn go_home(_: &mut State) {}

    pub(crate) fn redirect(_: &mut State, _: ReasonCode) -> bool {
        false
    }
}
