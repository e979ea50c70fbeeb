//! From the options to the settings of a client.

use std::time::Duration;

use mqtt_as_tokio::{Config, Property, Version, Will};

use super::failure::Failure;
use super::settings::{Settings, WillArguments};

impl Settings {
    /// Returns the settings of a client.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let mut config = self
            .way
            .config()?
            .version(self.version)
            .client_id(self.client_id())
            .keepalive(self.keepalive)
            .send_window(self.window);
        if let Some(user) = &self.user {
            config = config.user_name(user.as_str());
        }
        if let Some(password) = &self.password {
            config = config.password(password.as_slice());
        }
        if let Some(will) = self.will.as_ref().and_then(|will| self.will(will)) {
            config = config.will(will);
        }
        Ok(if self.version == Version::V5 { self.properties_of(config) } else { config })
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
}
