//! Callbacks as the list asks for them, over those of runtimes with threads.

use crate::runtime::Client;
use crate::runtime::adapter::{self, Attempt, DownReason, Session, event};

/// Names a callback, for `unset_cb`.
pub(crate) type Callback = adapter::CallbackId;

/// Calls `told` with topic and payload of every message.
pub(crate) fn on_message(
    client: &Client,
    told: impl Fn(&str, &[u8]) + Send + Sync + 'static,
) -> Callback {
    client.set_cb_on_event(event::Msg, move |message| {
        told(message.topic(), message.payload());
        async {}
    })
}

pub(crate) fn on_up(client: &Client, told: impl Fn(Session) + Send + Sync + 'static) -> Callback {
    client.set_cb_on_event(event::Up, move |session| {
        told(session);
        async {}
    })
}

pub(crate) fn on_down(
    client: &Client,
    told: impl Fn(DownReason) + Send + Sync + 'static,
) -> Callback {
    client.set_cb_on_event(event::Down, move |reason| {
        told(reason);
        async {}
    })
}

pub(crate) fn on_attempt(
    client: &Client,
    told: impl Fn(Attempt) + Send + Sync + 'static,
) -> Callback {
    client.set_cb_on_event(event::Reconnecting, move |attempt| {
        told(attempt);
        async {}
    })
}
