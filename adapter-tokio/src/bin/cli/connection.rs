//! The connection: how it begins and how it ends.

use std::fmt::Display;
use std::time::Duration;

use mqtt_as_tokio::{Client, Config, DownReason, Property, Reconnect, Version, event};

use super::failure::Failure;
use super::settings::Settings;

/// How long the end of a program may take, if the server does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

impl Settings {
    /// Connects; with `stays` again whenever the link is lost.
    pub(crate) async fn connect(&self, config: Config, stays: bool) -> Result<Client, Failure> {
        let config = if stays { config.reconnect(Reconnect::new()) } else { config };
        let client = Client::new(config).map_err(Failure::new)?;
        if stays && !self.quiet {
            watch(&client);
        }
        let session = client.connect(self.clean).await;
        let session = session.map_err(|error| Failure::to_connect(&error, self.version))?;
        self.debug(format_args!("connected, session present: {}", session.session_present));
        if let Some(id) = session.properties().assigned_client_identifier() {
            self.debug(format_args!("the server chose the client identifier {id}"));
        }
        Ok(client)
    }

    /// Says what happens, if it is asked for.
    pub(crate) fn debug(&self, what: impl Display) {
        if self.debug {
            eprintln!("{what}");
        }
    }

    /// Says what is not as it should be.
    pub(crate) fn warn(&self, what: impl Display) {
        if !self.quiet {
            eprintln!("warning: {what}");
        }
    }

    /// Ends the connection: what was accepted is sent and acknowledged before, if the server
    /// answers. The will is published only if the program was told to end, and in 5.0.
    pub(crate) async fn disconnect(&self, client: &Client, was_told: bool) {
        if client.is_connected() && !client.drain(PATIENCE).await {
            self.warn("not everything was acknowledged");
        }
        let mut ending = client.disconnect();
        if self.version == Version::V5 {
            let mut list = self.properties.disconnect.get();
            for property in &list {
                if let Property::SessionExpiryInterval(seconds) = *property {
                    ending = ending.session_expiry(seconds);
                }
            }
            list.retain(|property| !matches!(property, Property::SessionExpiryInterval(_)));
            if !list.is_empty() {
                ending = ending.properties(&*list);
            }
            if was_told {
                ending = ending.with_will();
            }
        }
        match tokio::time::timeout(PATIENCE, ending).await {
            Ok(Ok(())) => self.debug("disconnected"),
            Ok(Err(error)) => self.debug(error),
            Err(_) => self.warn("the connection did not end in time"),
        }
    }
}

/// Says when the link is lost, and when the next attempt comes.
fn watch(client: &Client) {
    client.set_cb_on_event(event::Down, |reason| async move {
        if reason != DownReason::Disconnected {
            eprintln!("down: {reason}");
        }
    });
    client.set_cb_on_event(event::Reconnecting, |attempt| async move {
        if let Some(delay) = attempt.delay() {
            eprintln!("attempt {} to connect in {delay:?}", attempt.number());
        }
    });
}
