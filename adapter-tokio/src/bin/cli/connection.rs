//! From the options to a connection, and back.

use std::fmt::Display;
use std::time::Duration;

use mqtt_as_tokio::{Client, Config, DownReason, Property, Reconnect, Version, Will, event};

use super::failure::Failure;
use super::settings::{Settings, WillArguments};

/// How long the end of a program may take, if the server does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

impl Settings {
    /// Returns the settings of a client.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::new(self.host.as_deref().unwrap_or("localhost"))
            .version(self.version)
            .client_id(self.client_id())
            .keepalive(self.keepalive)
            .send_window(self.window);
        if let Some(port) = self.port {
            config = config.port(port);
        }
        if let Some(user) = &self.user {
            config = config.user_name(user.as_str());
        }
        if let Some(password) = &self.password {
            config = config.password(password.as_slice());
        }
        if let Some(will) = self.will.as_ref().and_then(|will| self.will(will)) {
            config = config.will(will);
        }
        if self.version == Version::V5 { self.properties_of(config) } else { config }
    }

    /// Empty lets the server choose one.
    fn client_id(&self) -> String {
        match (&self.id, &self.id_prefix) {
            (Some(id), _) => id.clone(),
            (None, Some(prefix)) => format!("{prefix}{}", std::process::id()),
            (None, None) => String::new(),
        }
    }

    fn will(&self, arguments: &WillArguments) -> Option<Will> {
        let payload = arguments.payload.as_deref().unwrap_or_default();
        let mut will = Will::new(arguments.topic.as_deref()?, payload)
            .qos(arguments.qos)
            .retain(arguments.retain);
        let mut list = self.properties.will.get();
        for property in &list {
            if let Property::WillDelayInterval(seconds) = *property {
                will = will.delay(Duration::from_secs(seconds.into()));
            }
        }
        list.retain(|property| !matches!(property, Property::WillDelayInterval(_)));
        Some(if list.is_empty() { will } else { will.properties(&*list) })
    }

    /// What CONNECT says of 5.0: some of its properties are settings of their own.
    fn properties_of(&self, mut config: Config) -> Config {
        let mut others = Vec::new();
        for property in self.properties.connect.get() {
            config = match property {
                Property::SessionExpiryInterval(seconds) => config.session_expiry(seconds),
                Property::ReceiveMaximum(messages) => config.receive_maximum(messages.get()),
                Property::MaximumPacketSize(bytes) => config.maximum_packet_size(bytes.get()),
                Property::TopicAliasMaximum(aliases) => config.topic_alias_maximum(aliases),
                other => {
                    others.push(other);
                    config
                }
            };
        }
        for property in self.properties.publish.get() {
            if let Property::TopicAlias(alias) = property {
                // The client numbers them by itself, from 1.
                config = config.topic_aliases(alias.0.get());
            }
        }
        if let Some(seconds) = self.session_expiry {
            config = config.session_expiry(seconds);
        }
        if others.is_empty() { config } else { config.properties(&*others) }
    }

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
